/**
 * One try at bringing a service up, raced against its deadline.
 *
 * Whatever the service does, the attempt ends: by its result, its deadline, its hard cap or from outside. What succeeds
 * after that is told to its owner. An attempt whose steps are all synchronous costs no timer, no signal and no promise.
 */
import type { Clock, Timer } from '@muster/contracts';
import { isThenable } from '../thenable.ts';

/** Whose attempt it is: an object with methods, because closures for each attempt would cost more than the attempt. */
export interface Attempting {
  /** Made into the rejection when the time is over; `afterMs` is how long it had. */
  timedOut(afterMs: number): Error;
  /** The step that was under way when the attempt was given up has succeeded after all. */
  cameLate?(): void;
}

export class Attempt {
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #maxMs: number;
  readonly #owner: Attempting;
  #deadline: number;
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #isOver = false;
  #reason: unknown;
  #reject: ((reason: unknown) => void) | undefined;

  /**
   * @param timeoutMs time for the attempt, in milliseconds.
   * @param maxMs the longest that extensions can make it, in milliseconds.
   */
  constructor(clock: Clock, timeoutMs: number, maxMs: number, owner: Attempting) {
    this.#clock = clock;
    this.#maxMs = maxMs;
    this.#owner = owner;
    this.startedAt = clock.monotonic();
    this.#deadline = this.startedAt + timeoutMs;
  }

  /** When it is given up, on the scale of `clock.monotonic()`. */
  get deadline(): number {
    return this.#deadline;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What it was given up for; `undefined` for one that was not. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Made when somebody asks for it: most services never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Moves the deadline to `ms` from now, up to the cap; never nearer. */
  extend(ms: number): void {
    if (this.#isOver || !(ms > 0)) return;
    const wanted = Math.min(this.#clock.monotonic() + ms, this.startedAt + this.#maxMs);
    if (wanted <= this.#deadline) return;
    this.#deadline = wanted;
    if (this.#timer !== undefined) this.#arm();
  }

  /** Gives the attempt up: its signal is aborted, and what it waits for is rejected with `reason`. */
  giveUp(reason: unknown): void {
    if (this.#isOver) return;
    this.end();
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#reject?.(reason);
  }

  /** It is over; nothing of it may act any more. */
  end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /**
   * The step's result as it is, or a promise that the deadline cuts short.
   *
   * @param isTold whether the owner wants to know when it succeeds after the attempt was given up.
   */
  race<T>(result: T | PromiseLike<T>, isTold = false): T | Promise<T> {
    if (!isThenable<T, PromiseLike<T>>(result)) return result;
    if (this.#timer === undefined) this.#arm();
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      result.then(
        (value) => (!this.#isOver ? resolve(value) : isTold ? this.#owner.cameLate?.() : undefined),
        // Of an attempt that was given up nobody waits for this any more, and it has had its reason.
        (error: unknown) => reject(error),
      );
      if (this.#isOver) reject(this.#reason);
    });
  }

  #arm(): void {
    const clock = this.#clock;
    this.#timer?.cancel();
    this.#timer = clock.schedule(this.#deadline - clock.monotonic(), () =>
      this.giveUp(this.#owner.timedOut(Math.round(clock.monotonic() - this.startedAt))),
    );
  }
}
