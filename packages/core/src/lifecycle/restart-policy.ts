/**
 * How long to wait before a crashed service is started again, and when that is given up.
 *
 * Counts failures in a row: a service that was up for a minute has started with a clean sheet. Full jitter keeps many
 * processes that lost the same thing from coming back to it at the same moment.
 */
import type { Random } from '@muster/contracts';
import { SERVICE_DEFAULTS, type ServiceSettings } from './service-settings.ts';

export class RestartPolicy {
  readonly #random: Random;
  readonly #settings: ServiceSettings;
  readonly #isEndless: boolean;
  #failures = 0;
  #upSince: number | undefined;

  /** @param isEndless true for what must never take the process down: it goes on at the cap. */
  constructor(random: Random, settings: ServiceSettings, isEndless: boolean) {
    this.#random = random;
    this.#settings = settings;
    this.#isEndless = isEndless;
  }

  /** Failures in a row so far. */
  get failures(): number {
    return this.#failures;
  }

  /** Notes at `now`, on a monotonic clock, whether the service is up and healthy. */
  stands(isUp: boolean, now: number): void {
    if (!isUp) this.#forgive(now);
    this.#upSince = isUp ? (this.#upSince ?? now) : undefined;
  }

  /** Notes a failure at `now`; returns the pause before the next attempt in milliseconds, or `null` when it was one too many. */
  failed(now: number): number | null {
    this.stands(false, now);
    this.#failures += 1;
    const { restartLimit, restartDelayMs, restartCapMs } = this.#settings;
    if (this.#failures > restartLimit && !this.#isEndless) return null;
    const ceiling = Math.min(restartCapMs, restartDelayMs * 2 ** Math.min(this.#failures - 1, 30));
    return this.#random.next() * ceiling;
  }

  #forgive(now: number): void {
    if (this.#upSince !== undefined && now - this.#upSince >= SERVICE_DEFAULTS.forgivenAfterMs) this.#failures = 0;
  }
}
