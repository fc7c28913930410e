/**
 * Says what a boot waits for: after 1, 2, 5 and 10 seconds, then every ten.
 */
import type { Timer } from '@muster/contracts';
import type { ManagedService } from './managed-service.ts';
import type { Surroundings } from './surroundings.ts';
import type { Wiring } from './wiring.ts';

const AT_MS = [1_000, 2_000, 5_000, 10_000] as const;
const THEN_EVERY_MS = 10_000;

export class WaitingReport {
  readonly #engine: { readonly services: readonly ManagedService[]; readonly wiring: Wiring };
  readonly #around: Surroundings;
  readonly #startedAt: number;
  #next = 0;
  #timer: Timer;

  constructor(engine: { readonly services: readonly ManagedService[]; readonly wiring: Wiring }, around: Surroundings) {
    this.#engine = engine;
    this.#around = around;
    this.#startedAt = around.clock.monotonic();
    this.#timer = around.clock.schedule(AT_MS[0], () => this.#report());
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #report(): void {
    const { clock, events } = this.#around;
    const elapsedMs = AT_MS[this.#next] ?? Math.round(clock.monotonic() - this.#startedAt);
    const { services, wiring } = this.#engine;
    const causes = wiring.causes(services.map(({ place }) => place));
    const waiting = services
      .filter(({ phase }) => phase === 'waiting')
      .map(({ id, place }) => ({ service: id, blockedBy: causes.get(place) ?? [] }));
    const essential = services.filter(({ identity }) => identity.node.essential).map(({ place }) => place);
    const blockedBy = wiring.blockedBy(essential);
    events.emit({ type: 'waiting', elapsedMs, blockedBy, waiting, at: clock.now() });
    this.#next += 1;
    const due = AT_MS[this.#next];
    this.#timer = clock.schedule(due === undefined ? THEN_EVERY_MS : due - elapsedMs, () => this.#report());
  }
}
