/**
 * The heartbeat of all connections: one timer for a server, which looks at each connection once an interval.
 *
 * Connections are spread over the interval by when they came, so that ten thousand are not asked at the same instant.
 */
import type { Clock, Timer } from '@muster/contracts';

/** Looked at once an interval. */
interface Beating {
  beat(): void;
}

/** Into so many parts an interval is cut. */
const PARTS = 15;

export class Pulse {
  readonly #clock: Clock;
  readonly #partMs: number;
  readonly #parts: readonly Set<Beating>[] = Array.from({ length: PARTS }, () => new Set());
  #at = 0;
  #size = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#partMs = intervalMs / PARTS;
  }

  /** Looks at `beating` from one interval on; returns what `remove` wants to have. */
  add(beating: Beating): number {
    this.#parts[this.#at]?.add(beating);
    this.#size += 1;
    this.#timer ??= this.#clock.schedule(this.#partMs, () => this.#tick());
    return this.#at;
  }

  /** Looks at it no more. */
  remove(beating: Beating, part: number): void {
    if (this.#parts[part]?.delete(beating) !== true) return;
    this.#size -= 1;
    if (this.#size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tick(): void {
    this.#at = (this.#at + 1) % PARTS;
    this.#timer = this.#clock.schedule(this.#partMs, () => this.#tick());
    for (const beating of this.#parts[this.#at] as Set<Beating>) beating.beat();
  }
}
