/**
 * The clock of one engine: the given clock, with timers of one delay in one queue, and an ear for a loop that stood still.
 *
 * Ten thousand equal deadlines cost one timer of the system; what is cancelled leaves an empty place in the queue. Whoever is
 * told of a lag is told before any timer that was late because of it is called, so that nothing is judged by time in which
 * nobody ran.
 */
import type { Clock, Timer } from '@muster/contracts';

/** How late a timer may be before that is a lag, in milliseconds. */
export const LAG_MS = 200;

/** Something that waits for its time: an object, where a function for each would cost more than the timer. */
export abstract class Alarm implements Timer {
  /** Where it waits. */
  queue: Queue | undefined;
  /** Its number there: what is found under another one does not wait any more, or waits there anew. */
  place = 0;

  /** The time has come. */
  abstract rang(): void;

  cancel(): void {
    const { queue } = this;
    if (queue === undefined) return;
    this.queue = undefined;
    queue.live -= 1;
    if (queue.live === 0) queue.drop();
  }
}

class Call extends Alarm {
  readonly #callback: () => void;

  constructor(callback: () => void) {
    super();
    this.#callback = callback;
  }

  rang(): void {
    this.#callback();
  }
}

interface Queue {
  /** Nobody waits for any of them any more. */
  readonly drop: () => void;
  readonly alarms: Alarm[];
  /** When each of them is due. */
  readonly due: number[];
  /** Number of the first of them. */
  first: number;
  /** Index of the first one that has not been called. */
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

  schedule(delayMs: number, callback: () => void): Timer {
    const call = new Call(callback);
    this.set(call, delayMs);
    return call;
  }

  /** Lets an alarm ring after `delayMs`, and no longer when it would have. */
  set(alarm: Alarm, delayMs: number): void {
    alarm.cancel();
    const delay = Math.max(0, delayMs);
    const queue = this.#queue(delay);
    alarm.queue = queue;
    alarm.place = queue.first + queue.alarms.length;
    queue.alarms.push(alarm);
    queue.due.push(this.#clock.monotonic() + delay);
    queue.live += 1;
    if (queue.timer === undefined) this.#arm(delay, queue);
  }

  /** Calls `listener` with the milliseconds by which a timer was late, before that timer is called. */
  onLag(listener: (lateMs: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #queue(delay: number): Queue {
    const known = this.#queues.get(delay);
    if (known) return known;
    const queue: Queue = {
      alarms: [],
      due: [],
      first: 0,
      head: 0,
      live: 0,
      timer: undefined,
      drop: () => this.#drop(delay, queue),
    };
    this.#queues.set(delay, queue);
    return queue;
  }

  #drop(delay: number, queue: Queue): void {
    queue.timer?.cancel();
    queue.timer = undefined;
    if (this.#queues.get(delay) === queue) this.#queues.delete(delay);
  }

  /** Sets the system's timer for the first alarm that still waits. */
  #arm(delay: number, queue: Queue): void {
    while (queue.head < queue.alarms.length && !isWaiting(queue)) queue.head += 1;
    const due = queue.due[queue.head];
    if (due === undefined) return this.#drop(delay, queue);
    if (queue.head > 1_000 && queue.head * 2 > queue.alarms.length) {
      queue.alarms.splice(0, queue.head);
      queue.due.splice(0, queue.head);
      queue.first += queue.head;
      queue.head = 0;
    }
    queue.timer = this.#clock.schedule(Math.max(0, due - this.#clock.monotonic()), () => this.#fire(delay, queue));
  }

  #fire(delay: number, queue: Queue): void {
    const now = this.#clock.monotonic();
    const late = now - (queue.due[queue.head] ?? now);
    if (late > LAG_MS) for (const listener of this.#listeners) listener(late);
    // The first one is what the timer was set for; a system's timer may fire a moment before its time.
    let isDue = true;
    while (isDue && queue.head < queue.alarms.length) {
      const waiting = isWaiting(queue) ? queue.alarms[queue.head] : undefined;
      queue.head += 1;
      if (waiting !== undefined) {
        waiting.queue = undefined;
        queue.live -= 1;
        this.#ring(waiting);
      }
      isDue = (queue.due[queue.head] ?? Number.POSITIVE_INFINITY) <= now;
    }
    queue.timer = undefined;
    if (queue.live > 0) this.#arm(delay, queue);
    else this.#drop(delay, queue);
  }

  /** What one of them throws is nobody else's: it comes out as it would of a timer of its own. */
  #ring(alarm: Alarm): void {
    try {
      alarm.rang();
    } catch (error) {
      this.#clock.schedule(0, () => {
        throw error;
      });
    }
  }
}

/** Whether the alarm at the head still waits there. */
function isWaiting(queue: Queue): boolean {
  const alarm = queue.alarms[queue.head];
  return alarm?.queue === queue && alarm.place === queue.first + queue.head;
}
