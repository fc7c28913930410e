/**
 * The calls of `drain()` and `stop()`: each ends in its time, whatever the service does.
 */
import type { Clock } from '@muster/contracts';
import type { Service, StopContext } from '../declare/service-contract.ts';
import { coreError } from '../errors.ts';
import { Attempt } from './attempt.ts';

/** How such a call ended. */
export interface Outcome {
  readonly hung: boolean;
  readonly error: unknown;
}

export const CLEAN: Outcome = { hung: false, error: undefined };

/** The body of a service: what `run()` is doing, and how to end it. */
export interface Body {
  readonly ended: Promise<void>;
  readonly abort: AbortController;
}

/** Calls the method and waits for it, and for the body where there is one, but no longer than `withinMs`. Never throws. */
export async function farewell(
  service: { readonly id: string; readonly instance: Service; readonly body: Body | undefined },
  method: 'stop' | 'drain',
  clock: Clock,
  withinMs: number,
  reason: string,
): Promise<Outcome> {
  const { id, instance, body } = service;
  const timedOut = (): Error => coreError('STOP_TIMEOUT', { service: id, method, timeoutMs: Math.round(withinMs) });
  const attempt = new Attempt(clock, withinMs, withinMs, { timedOut });
  const ctx: StopContext = {
    get signal() {
      return attempt.signal;
    },
    deadline: attempt.deadline,
    clock,
    reason,
  };
  try {
    await attempt.race(instance[method]?.(ctx));
    // A body that goes on after stop() has not stopped.
    if (method === 'stop' && body !== undefined) await attempt.race(body.ended);
    return CLEAN;
  } catch (error) {
    return { hung: error === attempt.reason, error };
  } finally {
    attempt.end();
  }
}
