/**
 * Asks running services how they are: at their own interval, and each second while one is suspect.
 *
 * One timer per service, set again only after the answer, so a slow check is never asked twice at once.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { ManagedService } from './managed-service.ts';

const SUSPECT_EVERY_MS = 1_000;

export class HealthLoop {
  readonly #clock: Clock;
  readonly #timers = new Map<ManagedService, Timer>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Watches a running service until the loop is stopped; one without a check has nothing to be asked. */
  watch(service: ManagedService): void {
    if (this.#stopped || !service.hasCheck) return;
    const everyMs = service.isSuspect ? Math.min(SUSPECT_EVERY_MS, service.healthEveryMs) : service.healthEveryMs;
    this.#timers.set(
      service,
      this.#clock.schedule(everyMs, () => {
        void service.probe().then(() => this.watch(service));
      }),
    );
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
