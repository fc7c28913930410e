/**
 * One question to a service: how are you? A check that throws, hangs or answers with no Health has failed.
 *
 * A check that answers at once costs no timer, no signal and no promise.
 */
import { type Clock } from '@muster/contracts';
import type { CheckContext, Service } from '../declare/service-contract.ts';
import { isThenable } from '../thenable.ts';
import { Attempt } from './attempt.ts';
import { type Health, judge } from './health.ts';
import { reasonOf } from '../redact.ts';

/** An answer. One that `timedOut` says nothing where the loop stood still meanwhile. */
export interface Answer {
  readonly health: Health;
  readonly timedOut: boolean;
}

/** Asks once; answers within `timeoutMs` whatever the service does. */
export function probe(instance: Service, clock: Clock, timeoutMs: number): Answer | Promise<Answer> {
  const question = new Question(clock, timeoutMs);
  try {
    const returned: unknown = instance.check?.(question);
    return isThenable<unknown, Promise<unknown>>(returned) ? question.wait(returned) : question.judged(returned);
  } catch (error) {
    return question.failed(error);
  }
}

class Question implements CheckContext {
  readonly clock: Clock;
  readonly #timeoutMs: number;
  #attempt: Attempt | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  get signal(): AbortSignal {
    return this.#attempting().signal;
  }

  wait(returned: Promise<unknown>): Promise<Answer> {
    return (this.#attempting().race(returned) as Promise<unknown>).then(
      (value) => this.judged(value),
      (error: unknown) => this.failed(error),
    );
  }

  judged(returned: unknown): Answer {
    this.#attempt?.end();
    return { health: judge(returned), timedOut: false };
  }

  failed(error: unknown): Answer {
    this.#attempt?.end();
    return { health: { status: 'unhealthy', reason: reasonOf(error) }, timedOut: error instanceof LateCheck };
  }

  timedOut(): Error {
    return new LateCheck(this.#timeoutMs);
  }

  #attempting(): Attempt {
    this.#attempt ??= new Attempt(this.clock, this.#timeoutMs, this.#timeoutMs, this);
    return this.#attempt;
  }
}

class LateCheck extends Error {
  constructor(timeoutMs: number) {
    super(`check() did not end within ${timeoutMs} ms`);
  }
}
