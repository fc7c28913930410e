/**
 * A clock that stands still until a test moves it.
 *
 * Timers fire in the order of their time; between two of them everything that was waiting for a promise goes on.
 */
import type { Clock, Timer } from '@muster/contracts';
import { TimerHeap } from './timer-heap.ts';

/** How often everything that waits for a promise gets to go on, so that real sockets have a chance too. */
const TURNS = 3;

export class FakeClock implements Clock {
  readonly #epoch: number;
  readonly #timers = new TimerHeap();
  #elapsed = 0;

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
    return { cancel: this.#timers.add(this.#elapsed + Math.max(0, delayMs), callback) };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, on the scale of `monotonic()`; `undefined` when none is set. */
  get nextDue(): number | undefined {
    return this.#timers.nextDue;
  }

  /** Moves time forward by `ms` milliseconds, firing what falls due on the way. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await this.settle();
    for (let due = this.nextDue; due !== undefined && due <= until; due = this.nextDue) {
      this.fireNext();
      await this.settle();
    }
    this.#elapsed = until;
  }

  /** Moves time to the next timer and fires that; nothing that waits for a promise goes on before `settle()`. */
  fireNext(): void {
    const due = this.nextDue;
    if (due === undefined) return;
    this.#elapsed = Math.max(this.#elapsed, due);
    this.#timers.take()?.();
  }

  /**
   * Lets `ms` milliseconds pass in which nobody runs, as in a blocked loop or a frozen container: what fell due meanwhile
   * fires late, in the order of its time, when the clock is moved again.
   */
  freeze(ms: number): void {
    this.#elapsed += ms;
  }

  /** Lets everything that waits for promises alone go on; no time passes. */
  async settle(turns = TURNS): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}
