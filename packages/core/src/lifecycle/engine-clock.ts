/**
 * The clock of one engine: the given clock, with timers of one delay in one queue, and an ear for a loop that stood still.
 *
 * Ten thousand equal deadlines cost one timer of the system. Whoever is told of a lag is told before any timer that was
 * late because of it is called, so that nothing is judged by time in which nobody ran.
 */
import type { Clock, Timer } from '@muster/contracts';

/** How late a timer may be before that is a lag, in milliseconds. */
export const LAG_MS = 200;

/** Whoever is called when the time has come: an object, where a function for each would cost more than the timer. */
export interface Alarmed {
  rang(): void;
}

/** One timer of a queue; cancelling leaves it there as an empty place. */
class Pooled implements Timer {
  readonly due: number;
  readonly #queue: Queue;
  called: Alarmed | (() => void) | undefined;

  constructor(due: number, called: Alarmed | (() => void), queue: Queue) {
    this.due = due;
    this.called = called;
    this.#queue = queue;
  }

  cancel(): void {
    if (this.called === undefined) return;
    this.called = undefined;
    this.#queue.live -= 1;
    if (this.#queue.live === 0) this.#queue.drop();
  }
}

interface Queue {
  /** Nobody waits for any of them any more. */
  readonly drop: () => void;
  readonly entries: Pooled[];
  /** Index of the first entry that has not been called. */
  head: number;
  live: number;
  timer: Timer | undefined;
}

export class EngineClock implements Clock {
  readonly #clock: Clock;
  readonly #queues = new Map<number, Queue>();
  readonly #listeners = new Set<(lateMs: number) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  schedule(delayMs: number, callback: Alarmed | (() => void)): Timer {
    const delay = Math.max(0, delayMs);
    const queue = this.#queue(delay);
    const timer = new Pooled(this.#clock.monotonic() + delay, callback, queue);
    queue.entries.push(timer);
    queue.live += 1;
    if (queue.timer === undefined) this.#arm(delay, queue);
    return timer;
  }

  /** Calls `listener` with the milliseconds by which a timer was late, before that timer is called. */
  onLag(listener: (lateMs: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #queue(delay: number): Queue {
    const known = this.#queues.get(delay);
    if (known) return known;
    const queue: Queue = { entries: [], head: 0, live: 0, timer: undefined, drop: () => this.#drop(delay, queue) };
    this.#queues.set(delay, queue);
    return queue;
  }

  #drop(delay: number, queue: Queue): void {
    queue.timer?.cancel();
    queue.timer = undefined;
    if (this.#queues.get(delay) === queue) this.#queues.delete(delay);
  }

  /** Sets the system's timer for the first entry that is still wanted. */
  #arm(delay: number, queue: Queue): void {
    while (queue.head < queue.entries.length && queue.entries[queue.head]?.called === undefined) queue.head += 1;
    const first = queue.entries[queue.head];
    if (first === undefined) return this.#drop(delay, queue);
    if (queue.head > 1_000 && queue.head * 2 > queue.entries.length) {
      queue.entries.splice(0, queue.head);
      queue.head = 0;
    }
    queue.timer = this.#clock.schedule(Math.max(0, first.due - this.#clock.monotonic()), () =>
      this.#fire(delay, queue),
    );
  }

  #fire(delay: number, queue: Queue): void {
    const now = this.#clock.monotonic();
    const late = now - (queue.entries[queue.head]?.due ?? now);
    if (late > LAG_MS) for (const listener of this.#listeners) listener(late);
    // The first one is what the timer was set for; a system's timer may fire a moment before its time.
    let isDue = true;
    for (let entry = queue.entries[queue.head]; entry !== undefined && isDue;) {
      queue.head += 1;
      const { called } = entry;
      entry.called = undefined;
      if (called !== undefined) {
        queue.live -= 1;
        this.#call(called);
      }
      entry = queue.entries[queue.head];
      isDue = entry !== undefined && entry.due <= now;
    }
    queue.timer = undefined;
    if (queue.live > 0) this.#arm(delay, queue);
    else this.#drop(delay, queue);
  }

  /** What one callback throws is nobody else's: it comes out as it would of a timer of its own. */
  #call(called: Alarmed | (() => void)): void {
    try {
      if (typeof called === 'function') called();
      else called.rang();
    } catch (error) {
      this.#clock.schedule(0, () => {
        throw error;
      });
    }
  }
}
