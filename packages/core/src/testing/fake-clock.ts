/**
 * A clock that stands still until a test moves it.
 *
 * Timers fire in the order of their time; between two of them everything that was waiting for a promise goes on.
 */
import type { Clock, Timer } from '@muster/contracts';

interface Scheduled {
  readonly due: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  readonly #epoch: number;
  #elapsed = 0;
  #timers: Scheduled[] = [];

  /** @param epoch wall time at the beginning, in milliseconds since 1970. */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer = { due: this.#elapsed + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves time forward by `ms` milliseconds, firing what falls due on the way. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await this.settle();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      const { due, callback } = next;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#elapsed = Math.max(this.#elapsed, due);
      callback();
      await this.settle();
    }
    this.#elapsed = until;
  }

  /** Lets everything that waits for promises alone go on; no time passes. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  #next(until: number): Scheduled | undefined {
    let first: Scheduled | undefined;
    for (const timer of this.#timers)
      if (timer.due <= until && (first === undefined || timer.due < first.due)) first = timer;
    return first;
  }
}
