/**
 * What a failed boot says: the root causes, each with an action, and what happened because of them.
 */
import { causeChain, messageOf, MusterError } from '@muster/contracts';
import { coreError } from '../errors.ts';
import type { BootAbandoned } from './boot-abandoned.ts';

/** One root cause of a failed boot. */
export interface BootCause {
  readonly service: string;
  readonly error: unknown;
}

/** Makes the one error that a failed boot rejects with. */
export function bootFailure(boot: {
  wallMs: number;
  causes: readonly BootCause[];
  abandoned: BootAbandoned | undefined;
  blockedBy: readonly string[];
  skipped: readonly string[];
  stopped: readonly string[];
}): MusterError {
  if (boot.causes.length === 0 && boot.abandoned?.why === 'stop') {
    return coreError('ABORTED', { what: 'The boot', reason: boot.abandoned.message }, boot.abandoned);
  }
  const causes = boot.causes.map(({ service, error }) => ({
    service,
    description: messageOf(error),
    action: error instanceof MusterError ? actionOf(error) : 'See the cause of this error.',
  }));
  if (causes.length === 0) {
    causes.push(
      ...boot.blockedBy.map((service) => ({
        service,
        description: `It turned unhealthy and did not recover before ${boot.abandoned?.message ?? 'the boot ended'}.`,
        action: 'See what its check() reports.',
      })),
    );
  }
  const { wallMs, skipped, stopped } = boot;
  return coreError(
    'BOOT_FAILED',
    { wallMs: Math.round(wallMs), causes, skipped, stopped },
    boot.causes.length === 1
      ? boot.causes[0]?.error
      : new AggregateError(
          boot.causes.map(({ error }) => error),
          'Several services failed',
        ),
  );
}

/** The innermost hint is the nearest to what has to be done. */
function actionOf(error: MusterError): string {
  const hints = [...causeChain(error)].map((cause) => (cause as { hint?: unknown }).hint);
  return hints.filter((hint) => typeof hint === 'string').at(-1) ?? error.hint;
}
