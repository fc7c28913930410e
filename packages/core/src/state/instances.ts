/**
 * Which instances of the app there are, and what each says of itself: discovery for people, routing and limits.
 *
 * An instance is listed while it renews its record, by the clock of whoever lists it; one that has died is taken away by
 * whoever has watched its record unchanged for long enough. On a store that is not shared there is this one, and nothing
 * is written.
 */
import type { Timer } from '@muster/contracts';
import { Clock, Random } from '../clock.ts';
import { optional, type Ref, token } from '../declare/dependency.ts';
import { service } from '../declare/service.ts';
import type { Service } from '../declare/service-contract.ts';
import { Runtime } from '../runtime.ts';
import { type RuntimeEvent, RuntimeEvents } from '../runtime-event.ts';
import { KeyValueStore } from './key-value-store.ts';
import { type Fields, fieldsOf, LEASE, type Lease } from './lease.ts';
import { Leases } from './leases.ts';
import { type Observed, ObservedRecords } from './observed-records.ts';

/** What the app itself has to say of an instance. */
export interface InstanceFacts {
  /** Of the application. @default null */
  readonly version?: string | null;
  /** Where it is reached by others. @default null */
  readonly address?: string | null;
  /** Tells whether two instances speak and store the same; equal means they do. @default null */
  readonly fingerprint?: string | null;
  /** Numbers by name, of whatever load is. @default {} */
  readonly load?: Readonly<Record<string, number>>;
}
/** Provide what is known before the start: `provideValue(InstanceFacts, { version: '1.4.0' })`. */
export const InstanceFacts = token<InstanceFacts>('InstanceFacts');

/** One instance of the app as it was last heard of. */
export interface Instance extends Required<InstanceFacts> {
  /** Unique among all that ever were: an instance that starts again is another. */
  readonly id: string;
  /** In milliseconds since 1970, by its own clock. */
  readonly startedAt: number;
  /** The health of each of its services, by name. */
  readonly services: Readonly<Record<string, string>>;
}

const PREFIX = 'instances/';
/** What happens to services, and changes what is said of them. */
const NEWS: ReadonlySet<RuntimeEvent['type']> = new Set(['health-changed', 'degraded', 'crashed', 'boot-completed']);

@service({ dependsOn: [KeyValueStore, Clock, Random, RuntimeEvents, Runtime, optional(InstanceFacts)] })
export class Instances implements Service {
  /** Of this instance. */
  readonly id: string;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #runtime: Runtime;
  readonly #given: Ref<InstanceFacts>;
  readonly #leases: Leases;
  readonly #listeners = new Set<() => void>();
  #facts: InstanceFacts = {};
  #startedAt = 0;
  #others: ObservedRecords | undefined;
  #lease: Lease | undefined;
  #look: Timer | undefined;
  #saying: Timer | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(
    store: KeyValueStore,
    clock: Clock,
    random: Random,
    events: RuntimeEvents,
    runtime: Runtime,
    given: Ref<InstanceFacts>,
  ) {
    this.id = random.uuid();
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
    this.#runtime = runtime;
    this.#given = given;
    this.#leases = new Leases(store, clock, this.id);
  }

  /** Makes itself known to others. @throws what the store throws. */
  async start(): Promise<void> {
    this.#startedAt = this.#clock.now();
    this.#unsubscribe = this.#events.on(({ type }) => {
      if (NEWS.has(type)) this.#changed();
    });
    if (this.#store.isShared !== true) return;
    await this.#keep();
    this.#others = new ObservedRecords(this.#store, this.#clock, PREFIX, (now, before) => this.#see(now, before));
    this.#look = this.#clock.schedule(LEASE.renewMs, this.#sweep);
  }

  /** Is no instance any more: its record goes at once. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#look?.cancel();
    this.#saying?.cancel();
    this.#saying = undefined;
    this.#others?.close();
    this.#others = undefined;
    const lease = this.#lease;
    this.#lease = undefined;
    await lease?.release();
  }

  /** This instance as it is now, then the others that live, by id. */
  list(): readonly Instance[] {
    const now = this.#clock.monotonic();
    const living = [...(this.#others?.all() ?? [])].filter(
      ({ key, since }) => key !== this.#key && now - since < LEASE.leaseMs + LEASE.marginMs,
    );
    const others = living.map((record) => fieldsOf(record) as unknown as Instance);
    return [this.#own(), ...others.sort((one, other) => (one.id < other.id ? -1 : 1))];
  }

  /** Says more of this instance, or something else; others know within two seconds. What is left out stays as it is. */
  describe(facts: InstanceFacts): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#changed();
  }

  /** Calls `listener` when an instance has come, has gone or says something else of itself; the returned function ends it. */
  onChange(listener: () => void): () => void {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  get #key(): string {
    return PREFIX + this.id;
  }

  #own(): Instance {
    const nodes = this.#runtime
      .graph()
      .toJSON()
      .nodes.filter(({ kind }) => kind === 'service');
    const {
      version = null,
      address = null,
      fingerprint = null,
      load = {},
    } = { ...this.#given.current, ...this.#facts };
    const services = Object.fromEntries(nodes.map(({ id, health }) => [id, health]));
    return { id: this.id, version, address, fingerprint, load, startedAt: this.#startedAt, services };
  }

  /** Something of this instance is different. What comes together is said together. */
  #changed(): void {
    this.#tell();
    if (this.#lease === undefined || this.#saying !== undefined) return;
    this.#saying = this.#clock.schedule(LEASE.retryMs, () => {
      this.#saying = undefined;
      void this.#attempt(() => this.#keep());
    });
  }

  /** Says how this instance is, in a new record if the one before is lost. */
  async #keep(): Promise<void> {
    const own = this.#own() as unknown as Fields;
    if (this.#lease?.isHeld === true) await this.#lease.update((fields) => ({ ...fields, ...own }));
    else this.#lease = await this.#leases.claim(this.#key, own);
  }

  /** Takes away who has died. Each is tried by all, and taken away once. */
  readonly #sweep = (): void => {
    this.#look = this.#clock.schedule(LEASE.renewMs, this.#sweep);
    if (this.#lease?.isHeld !== true) void this.#attempt(() => this.#keep());
    for (const { key, revision } of this.#others?.overdue() ?? [])
      if (key !== this.#key) void this.#attempt(() => this.#store.delete(key, revision));
  };

  /** What fails here is tried again with the next look. */
  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    this.#events.emit({ type: 'fault', component: 'instances', correlation: null, error, at: this.#clock.now() });
  }

  #see(now: Observed | undefined, before: Observed | undefined): void {
    if ((now ?? before)?.key === this.#key) return;
    const [young, old] = [now, before].map((record) => record && JSON.stringify(fieldsOf(record)));
    // A renewal says nothing new.
    if (young !== old) this.#tell();
  }

  #tell(): void {
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener();
      } catch (error) {
        this.#fault(error);
      }
    }
  }
}
