/**
 * Asks running services how they are: at their own interval, and each second while one is suspect.
 *
 * It knows when the event loop stood still. A check that timed out meanwhile says nothing, and after a standstill of more
 * than an interval one round of checks runs before any gate moves. It watches itself: a service that it has lost sight
 * of is asked again, and its verdict grows stale.
 */
import type { Timer } from '@muster/contracts';
import { Alarm, type EngineClock } from './engine-clock.ts';
import type { ManagedService } from './managed-service.ts';
import { SERVICE_DEFAULTS } from './service-settings.ts';
import type { Surroundings } from './surroundings.ts';

/** How often the loop looks whether it is on time, in milliseconds. */
const BEAT_MS = 250;
/** How often it looks whether it has lost sight of a service, in milliseconds. */
const PATROL_MS = 1_000;

/** What the loop tells its engine. */
export interface HealthObserver {
  /** Nothing that was seen before can be trusted, until `trusted`. */
  doubted(lagMs: number): void;
  trusted(): void;
  /** Whether a service was lost and has not yet proved that it is back. */
  isDoubted(service: ManagedService): boolean;
}

/** One service under watch. */
export class Watched extends Alarm {
  readonly service: ManagedService;
  readonly #ask: (watched: Watched) => void;
  /** The interval at whose end it is asked next. */
  everyMs = 0;
  /** How much the loop has run, when the service was last asked. */
  askedAt: number;
  isAsking = false;
  /** Where it stands among all that are watched. */
  index = 0;

  constructor(service: ManagedService, askedAt: number, ask: (watched: Watched) => void) {
    super();
    this.service = service;
    this.askedAt = askedAt;
    this.#ask = ask;
  }

  rang(): void {
    this.#ask(this);
  }
}

export class HealthLoop {
  readonly #clock: EngineClock;
  readonly #events: Surroundings['events'];
  readonly #observer: HealthObserver;
  readonly #watched: Watched[] = [];
  #beat: Timer | undefined;
  #lastBeat = 0;
  /** Time that the loop has run, in milliseconds: what it stood still is not in it. */
  #ranMs = 0;
  /** Time that it stood still. */
  #stoodMs = 0;
  #sincePatrol = 0;
  #isStopped = false;
  #round: Promise<void> | undefined;

  constructor(clock: EngineClock, events: Surroundings['events'], observer: HealthObserver) {
    this.#clock = clock;
    this.#events = events;
    this.#observer = observer;
    clock.onLag((lateMs) => this.#lagged(lateMs));
  }

  /** Watches a running service until it is no longer; one without a check has nothing to be asked. */
  watch(service: ManagedService): void {
    if (this.#isStopped || !service.hasCheck || service.watched !== undefined) return;
    const watched = new Watched(service, this.#ranMs, this.#asked);
    service.watched = watched;
    watched.index = this.#watched.push(watched) - 1;
    this.#schedule(watched);
    if (this.#beat === undefined) {
      this.#lastBeat = this.#clock.monotonic();
      this.#beat = this.#clock.schedule(BEAT_MS, () => this.#onBeat());
    }
  }

  unwatch(service: ManagedService): void {
    const { watched } = service;
    if (watched === undefined) return;
    service.watched = undefined;
    watched.cancel();
    const last = this.#watched.pop() as Watched;
    if (last !== watched) {
      last.index = watched.index;
      this.#watched[watched.index] = last;
    }
    if (this.#watched.length > 0) return;
    this.#beat?.cancel();
    this.#beat = undefined;
  }

  /** Asks a service sooner than it would be: it has said by itself that it is not well. */
  hurry(service: ManagedService): void {
    const { watched } = service;
    if (watched === undefined || watched.isAsking || watched.everyMs <= this.#intervalOf(service)) return;
    this.#schedule(watched);
  }

  stop(): void {
    this.#isStopped = true;
    for (let last = this.#watched.at(-1); last !== undefined; last = this.#watched.at(-1)) this.unwatch(last.service);
  }

  #intervalOf(service: ManagedService): number {
    const { healthEveryMs } = service.identity.settings;
    const isSuspect = service.health.isSuspect || this.#observer.isDoubted(service);
    return isSuspect ? Math.min(SERVICE_DEFAULTS.suspectEveryMs, healthEveryMs) : healthEveryMs;
  }

  #schedule(watched: Watched): void {
    watched.everyMs = this.#intervalOf(watched.service);
    this.#clock.set(watched, watched.everyMs);
  }

  readonly #asked = (watched: Watched): void => void this.#ask(watched);

  async #ask(watched: Watched): Promise<void> {
    const { service } = watched;
    watched.cancel();
    watched.isAsking = true;
    watched.askedAt = this.#ranMs;
    const stoodBefore = this.#stoodMs;
    const { healthTimeoutMs } = service.identity.settings;
    try {
      await service.probe(
        () => this.#stoodMs - stoodBefore > healthTimeoutMs / 4 || this.#overdueMs() > healthTimeoutMs / 4,
      );
    } catch (error) {
      // A probe never rejects; if it does, that is a fault of the engine, and the service's verdict grows stale.
      this.#events.emit({ type: 'fault', component: 'health loop', correlation: null, error, at: this.#clock.now() });
    }
    watched.isAsking = false;
    if (service.watched === watched) this.#schedule(watched);
  }

  #onBeat(): void {
    const now = this.#clock.monotonic();
    const gap = now - this.#lastBeat;
    this.#lastBeat = now;
    const ran = Math.min(gap, BEAT_MS);
    this.#ranMs += ran;
    this.#stoodMs += gap - ran;
    this.#sincePatrol += ran;
    this.#beat = this.#clock.schedule(BEAT_MS, () => this.#onBeat());
    if (this.#sincePatrol < PATROL_MS) return;
    this.#sincePatrol = 0;
    // Of a copy: who has missed too much is no longer watched, and another takes its place.
    for (const watched of this.#watched.slice()) this.#patrol(watched);
  }

  /** A service that should have been asked long ago was forgotten: that is a failure of the loop and counts as one. */
  #patrol(watched: Watched): void {
    const { service } = watched;
    const { healthEveryMs, healthTimeoutMs } = service.identity.settings;
    if (this.#ranMs - watched.askedAt <= healthEveryMs + healthTimeoutMs + PATROL_MS) return;
    watched.askedAt = this.#ranMs;
    service.missProbe();
    if (!watched.isAsking) void this.#ask(watched);
  }

  /** How long the next beat is overdue already, in milliseconds: the loop may have stood still until this moment. */
  #overdueMs(): number {
    return Math.max(0, this.#clock.monotonic() - this.#lastBeat - BEAT_MS);
  }

  /** Told before any timer that was late is called. */
  #lagged(lateMs: number): void {
    if (this.#isStopped || this.#round !== undefined || this.#watched.length === 0) return;
    let shortest = Number.POSITIVE_INFINITY;
    for (const { service } of this.#watched) shortest = Math.min(shortest, service.identity.settings.healthEveryMs);
    if (lateMs <= shortest) return;
    this.#observer.doubted(lateMs);
    const asked = this.#watched.map((watched) => this.#ask(watched));
    this.#round = Promise.all(asked).then(() => {
      this.#round = undefined;
      this.#observer.trusted();
    });
  }
}
