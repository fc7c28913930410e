/** What an instance does for all of them, or one of them for it: leads services, and prepares factories. */
import type { Container } from 'inversify';
import type { FactoryParts } from './factories/managed-factory.ts';
import type { Surroundings } from './lifecycle/surroundings.ts';
import { Candidate } from './state/candidate.ts';
import { Configurations } from './state/configurations.ts';
import { ClusterContract } from './state/contract.ts';
import { Instances } from './state/instances.ts';
import { KeyValueStore } from './state/key-value-store.ts';
import { Leases } from './state/leases.ts';
import { Preparation } from './state/preparation.ts';

export class SharedParts {
  readonly #container: Container;
  readonly #around: Surroundings;
  #configurations: Configurations | undefined;
  /** Of what this instance leads and prepares. */
  #leases: Leases | undefined;

  constructor(container: Container, around: Surroundings) {
    this.#container = container;
    this.#around = around;
  }

  /** Instances that have configured a factory otherwise. */
  otherwise(id: string): readonly string[] {
    return this.#configurations?.otherwise(id) ?? [];
  }

  /** One instance prepares the factory for all that have configured it alike and have the same contract. */
  preparation(id: string, config: unknown): FactoryParts['shared'] {
    const container = this.#container;
    const around = this.#around;
    const made = once(() => {
      const store = container.get<KeyValueStore>(KeyValueStore);
      const contract = container.get<ClusterContract>(ClusterContract, { optional: true })?.contract;
      if (container.isBound(Instances))
        this.#configurations ??= new Configurations(container.get(Instances), around.events, around.clock);
      return new Preparation({
        factory: id,
        config: contract === undefined ? config : { config, contract },
        store,
        clock: around.clock,
        leases: this.#leasesOn(store),
        told: (fingerprint) => this.#configurations?.note(id, fingerprint),
      });
    });
    return { after: (epoch, work) => made().after(epoch, work), watch: (sink) => made().watch(sink) };
  }

  #leasesOn(store: KeyValueStore): Leases {
    return (this.#leases ??= new Leases(store, this.#around.clock, this.#ownId()));
  }

  /** One instance leads the service under a lease, and the others stand by. */
  candidate(id: string): Candidate {
    const around = this.#around;
    const store = this.#container.get<KeyValueStore>(KeyValueStore);
    return new Candidate(store, around.clock, this.#leasesOn(store), id, (error) =>
      around.events.emit({
        type: 'fault',
        component: `lead of ${id}`,
        correlation: null,
        error,
        at: around.clock.now(),
      }),
    );
  }

  /** Under which others know this instance, where they do. */
  #ownId(): string {
    const container = this.#container;
    return container.isBound(Instances) ? container.get(Instances).id : this.#around.random.uuid();
  }
}

/** Makes it when it is first asked for. */
function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
