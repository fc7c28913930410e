/**
 * Disposes of instances: in reverse order of making, one after another, each bounded, and going on after an error.
 */
import type { Clock } from '@muster/contracts';
import { bounded } from '../clock.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';
import { coreError } from '../errors.ts';
import { isThenable } from '../thenable.ts';
import { disposerOf, type Step } from './layout.ts';

/** Time for the disposal of one instance, in milliseconds. */
export const DISPOSE_MS = 5_000;

export interface Disposal {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Told of every disposal that failed or hangs. */
  readonly fault: (error: unknown, of: Owner) => void;
}

/** Whose instances they are. */
export interface Owner {
  readonly kind: ScopeKind;
  readonly run: { readonly run: string } | undefined;
}

/** Disposes of `made` from its end on, until `count` instances are left. Never rejects. */
export async function disposeDownTo(
  count: number,
  made: readonly object[],
  steps: readonly Step[],
  disposal: Disposal,
  owner: Owner,
): Promise<void> {
  for (let place = made.length - 1; place >= count; place -= 1) {
    const instance = made[place] as object;
    const { name, disposer } = steps[place] as Step;
    try {
      const method = disposer ?? disposerOf(instance);
      if (method === undefined) continue;
      const going = (instance as Record<PropertyKey, () => unknown>)[method]?.();
      if (isThenable(going as object)) await settled(going as PromiseLike<unknown>, name, disposal, owner);
    } catch (error) {
      disposal.fault(coreError('DISPOSE_FAILED', { class: name }, error), owner);
    }
  }
}

/** Waits for a disposal, and not longer than its time. One that ends in the same turn needs no timer. */
async function settled(going: PromiseLike<unknown>, name: string, disposal: Disposal, owner: Owner): Promise<void> {
  let failed = false;
  let reason: unknown;
  let isOver = false;
  const over = going.then(
    () => {
      isOver = true;
    },
    (error: unknown) => {
      isOver = failed = true;
      reason = error;
    },
  );
  await undefined;
  if (!isOver) {
    const { clock, timeoutMs } = disposal;
    const onTimeout = (): Error => coreError('DISPOSE_TIMEOUT', { class: name, timeoutMs });
    try {
      await bounded({ clock, timeoutMs, onTimeout }, async () => over);
    } catch (error) {
      disposal.fault(error, owner);
      return;
    }
  }
  if (failed) throw reason;
}
