/**
 * Which instances have configured a factory otherwise: allowed, shown, and told once.
 */
import type { Clock } from '../clock.ts';
import type { RuntimeEvents } from '../runtime-event.ts';
import type { Instances } from './instances.ts';

export class Configurations {
  readonly #instances: Instances;
  readonly #events: RuntimeEvents;
  readonly #clock: Clock;
  readonly #own = new Map<string, string>();
  /** What has been told, by factory and fingerprint. */
  readonly #told = new Set<string>();

  constructor(instances: Instances, events: RuntimeEvents, clock: Clock) {
    this.#instances = instances;
    this.#events = events;
    this.#clock = clock;
    instances.onChange(() => this.#compare());
  }

  /** This instance has the factory with such a configuration. */
  note(factory: string, fingerprint: string): void {
    this.#own.set(factory, fingerprint);
    this.#instances.configured(Object.fromEntries(this.#own));
  }

  /** Ids of the living instances that have it with another. */
  otherwise(factory: string): readonly string[] {
    const own = this.#own.get(factory);
    if (own === undefined) return [];
    return this.#instances.others().flatMap(({ id, factories }) => {
      const theirs = factories[factory];
      return theirs === undefined || theirs === own ? [] : [id];
    });
  }

  #compare(): void {
    for (const { id, factories } of this.#instances.others())
      for (const [factory, own] of this.#own) {
        const theirs = factories[factory];
        if (theirs === undefined || theirs === own || this.#told.has(`${factory} ${theirs}`)) continue;
        this.#told.add(`${factory} ${theirs}`);
        this.#events.emit({ type: 'configuration-differs', factory, instance: id, at: this.#clock.now() });
      }
  }
}
