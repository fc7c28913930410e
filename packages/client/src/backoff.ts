/**
 * How long to wait before the next attempt: exponential with full jitter, so that clients that were cut off together
 * do not come back together.
 */
import type { Random } from '@muster/contracts';

export class Backoff {
  readonly #baseMs: number;
  readonly #capMs: number;
  readonly #random: Random;
  #attempts = 0;

  constructor(baseMs: number, capMs: number, random: Random) {
    this.#baseMs = baseMs;
    this.#capMs = capMs;
    this.#random = random;
  }

  /** Anywhere below the bound of this attempt, but never less than `leastMs`, which the server asked for. */
  next(leastMs = 0): number {
    const bound = Math.min(this.#capMs, this.#baseMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.max(leastMs, this.#random.next() * bound);
  }

  /** No delay for the first attempt, a delay like any other for those after it: "now" must not become a tight loop. */
  now(leastMs = 0): number {
    if (this.#attempts > 0) return this.next(leastMs);
    this.#attempts = 1;
    return leastMs;
  }

  /** The next attempt is the first one again. */
  reset(): void {
    this.#attempts = 0;
  }
}
