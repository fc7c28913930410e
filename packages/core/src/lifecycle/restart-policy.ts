/**
 * How long to wait before a crashed service is started again, and when that is given up.
 *
 * Counts failures in a row: a service that was up for a minute has started with a clean sheet. Full jitter keeps many
 * processes that lost the same thing from coming back to it at the same moment.
 */
import type { Random } from '@muster/contracts';

/** Milliseconds, but for `limit`. */
export const RESTART_DEFAULTS = { delayMs: 1_000, capMs: 30_000, limit: 10, forgivenAfterMs: 60_000 } as const;

export class RestartPolicy {
  readonly #random: Random;
  #failures = 0;
  #upSince: number | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Failures in a row so far. */
  get failures(): number {
    return this.#failures;
  }

  /** Notes that the service is up, at `now` on a monotonic clock. */
  up(now: number): void {
    this.#upSince = now;
  }

  /** Notes a failure at `now`; returns the pause before the next attempt in milliseconds, or `null` when it was one too many. */
  failed(now: number): number | null {
    if (this.#upSince !== undefined && now - this.#upSince >= RESTART_DEFAULTS.forgivenAfterMs) this.#failures = 0;
    this.#upSince = undefined;
    this.#failures += 1;
    if (this.#failures > RESTART_DEFAULTS.limit) return null;
    const ceiling = Math.min(RESTART_DEFAULTS.capMs, RESTART_DEFAULTS.delayMs * 2 ** (this.#failures - 1));
    return this.#random.next() * ceiling;
  }
}
