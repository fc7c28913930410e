/**
 * Calls `probe()` of the services that have one: first when the gate has opened, then at their own interval.
 *
 * A boot never waits for it. Two failures in a row turn the service unhealthy, which closes the gate; the permit of a
 * probe holds while it is closed, so the next success opens it again.
 */
import type { Clock, Timer } from '@muster/contracts';
import { bounded } from '../clock.ts';
import type { ProbeContext } from '../declare/service-contract.ts';
import { principalOf, PROBE_USER } from '../principal.ts';
import { reasonOf } from '../redact.ts';
import type { Permit } from './gate.ts';
import type { ManagedService } from './managed-service.ts';
import { SERVICE_DEFAULTS } from './service-settings.ts';

/** What the deep checks need of their engine. */
interface Engine {
  readonly clock: Clock;
  /** For one call of `probe()`; dead once the gate is stopped. */
  permit(): Permit;
  /** Called before and after each deep check. */
  told(service: string, verdict: 'begun' | 'passed' | 'failed'): void;
}

interface Watched {
  timer: Timer | undefined;
  generation: number;
  /** Ends the call that is under way. */
  abort: AbortController;
}

export class DeepChecks {
  readonly #engine: Engine;
  readonly #watched = new Map<ManagedService, Watched>();
  #hasOpened = false;
  #isStopped = false;
  /** Running services whose turn comes with the first opening. */
  readonly #early = new Set<ManagedService>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The gate is open: from now on running services are tried. */
  opened(): void {
    if (this.#hasOpened) return;
    this.#hasOpened = true;
    for (const service of this.#early) this.watch(service);
    this.#early.clear();
  }

  /** Tries a running service until it is no longer, and each of its generations anew. */
  watch(service: ManagedService): void {
    if (!service.hasProbe || this.#isStopped) return;
    if (!this.#hasOpened) {
      this.#early.add(service);
      return;
    }
    if (this.#watched.get(service)?.generation === service.generation) return;
    this.unwatch(service);
    const watched: Watched = { timer: undefined, generation: service.generation, abort: new AbortController() };
    this.#watched.set(service, watched);
    this.#schedule(service, watched, 0);
  }

  unwatch(service: ManagedService): void {
    this.#early.delete(service);
    const watched = this.#watched.get(service);
    watched?.timer?.cancel();
    watched?.abort.abort(new Error(`${service.id} is not running any more`));
    this.#watched.delete(service);
  }

  stop(): void {
    this.#isStopped = true;
    for (const service of this.#watched.keys()) this.unwatch(service);
  }

  #schedule(service: ManagedService, watched: Watched, afterMs: number): void {
    watched.timer = this.#engine.clock.schedule(afterMs, () => void this.#try(service, watched));
  }

  async #try(service: ManagedService, watched: Watched): Promise<void> {
    const { clock } = this.#engine;
    const { probeEveryMs } = service.identity.settings;
    const startedAt = clock.monotonic();
    this.#engine.told(service.id, 'begun');
    // One failure may be chance, or a time that ran out while the process stood still.
    const reason = (await this.#probe(service, watched)) && (await this.#probe(service, watched));
    if (this.#watched.get(service) !== watched) return;
    const at = clock.monotonic();
    service.probed(watched.generation, { reason: reason ?? null, at, tookMs: Math.round(at - startedAt) });
    this.#engine.told(service.id, reason === undefined ? 'passed' : 'failed');
    const again = reason === undefined ? probeEveryMs : Math.min(probeEveryMs, SERVICE_DEFAULTS.probeAgainMs);
    // What was told may have ended it.
    if (this.#watched.get(service) === watched) this.#schedule(service, watched, again);
  }

  /** Calls it once; returns what went wrong, and nothing when all was well. */
  async #probe(service: ManagedService, { abort }: Watched): Promise<string | undefined> {
    const { clock } = this.#engine;
    const { instance, settings } = service.identity;
    const timeoutMs = settings.probeTimeoutMs;
    const onTimeout = (): Error => new Error(`probe() did not end within ${timeoutMs} ms`);
    try {
      await bounded({ clock, timeoutMs, onTimeout, signal: abort.signal }, (signal) => {
        const ctx: ProbeContext = { signal, clock, principal: principalOf(PROBE_USER), permit: this.#engine.permit() };
        return instance.probe?.(ctx);
      });
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }
}
