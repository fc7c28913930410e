/**
 * Why a boot or a service's life was given up: the typed reason of its abort signal.
 */

/** Why a boot was given up: `budget` makes what is still on its way a cause, everything else makes it a victim. */
export class BootAbandoned extends Error {
  override readonly name = 'BootAbandoned';
  readonly why: 'budget' | 'failure' | 'stop';

  constructor(why: 'budget' | 'failure' | 'stop', message: string) {
    super(message);
    this.why = why;
  }
}

/** True for the reason of a boot whose budget ended. */
export function isBudgetEnd(reason: unknown): boolean {
  return reason instanceof BootAbandoned && reason.why === 'budget';
}
