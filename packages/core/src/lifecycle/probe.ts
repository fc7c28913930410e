/**
 * One question to a service: how are you? A check that throws, hangs or answers with no Health has failed.
 *
 * A check that answers at once costs no timer, no signal and no promise.
 */
import { type Clock, messageOf } from '@muster/contracts';
import type { CheckContext, Service } from '../declare/service-contract.ts';
import { isThenable } from '../thenable.ts';
import { Attempt } from './attempt.ts';
import { type Health, judge } from './health.ts';

/** An answer. One that `timedOut` says nothing where the loop stood still meanwhile. */
export interface Answer {
  readonly health: Health;
  readonly timedOut: boolean;
}

/** Asks once; answers within `timeoutMs` whatever the service does. */
export function probe(instance: Service, clock: Clock, timeoutMs: number): Answer | Promise<Answer> {
  const onTimeout = (): Error => new LateCheck(timeoutMs);
  const attempt = new Attempt({ clock, timeoutMs, maxMs: timeoutMs, onTimeout, onLate: () => {} });
  const ctx: CheckContext = {
    get signal() {
      return attempt.signal;
    },
    clock,
  };
  const failed = (error: unknown): Answer => {
    attempt.end();
    return { health: { status: 'unhealthy', reason: messageOf(error) }, timedOut: error instanceof LateCheck };
  };
  const judged = (returned: unknown): Answer => {
    attempt.end();
    return { health: judge(returned), timedOut: false };
  };
  try {
    const returned = attempt.race<unknown>(instance.check?.(ctx));
    return isThenable<unknown, Promise<unknown>>(returned) ? returned.then(judged, failed) : judged(returned);
  } catch (error) {
    return failed(error);
  }
}

class LateCheck extends Error {
  constructor(timeoutMs: number) {
    super(`check() did not end within ${timeoutMs} ms`);
  }
}
