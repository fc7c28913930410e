/**
 * So much in a second, averaged over ten: a burst may use up what was saved, and no more.
 */
export const BURST_SECONDS = 10;

export class TokenBucket {
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #at: number;

  /** @param now on the scale of `clock.monotonic()`, in milliseconds, as everywhere here. */
  constructor(perSecond: number, now: number) {
    this.#perMs = perSecond / 1_000;
    this.#most = perSecond * BURST_SECONDS;
    this.#left = this.#most;
    this.#at = now;
  }

  /** Takes `amount` if it is there. */
  take(amount: number, now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }

  /** How long until `amount` is there, in milliseconds. */
  waitMs(amount: number): number {
    return Math.max(0, Math.ceil((amount - this.#left) / this.#perMs));
  }

  /** True when it is full again: nobody would notice if it were forgotten. */
  isFull(now: number): boolean {
    return this.#left + (now - this.#at) * this.#perMs >= this.#most;
  }
}
