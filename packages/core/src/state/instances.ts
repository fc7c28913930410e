/**
 * Which instances of the app there are, and what each says of itself: discovery for people, routing and limits.
 *
 * An instance is listed while it renews its record, by the clock of whoever lists it; one that has died is taken away by
 * whoever has watched its record unchanged for long enough. On a store that is not shared there is this one, and nothing
 * is written.
 */
import type { DumpNode, Timer } from '@muster/contracts';
import { Clock, Random } from '../clock.ts';
import { optional, type Ref, token } from '../declare/dependency.ts';
import { service } from '../declare/service.ts';
import type { Service } from '../declare/service-contract.ts';
import { Runtime } from '../runtime.ts';
import { type RuntimeEvent, RuntimeEvents } from '../runtime-event.ts';
import { ClusterContract, published, type PublishedContract } from './contract.ts';
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
export interface Instance extends Required<InstanceFacts>, PublishedContract {
  /** Unique among all that ever were: an instance that starts again is another. */
  readonly id: string;
  /** In milliseconds since 1970, by its own clock. */
  readonly startedAt: number;
  /** The health of each of its services, by name. */
  readonly services: Readonly<Record<string, string>>;
  /** Names of what is ready there, by class and by token; of a leader service only where it leads. */
  readonly offers: readonly string[];
  /** Of each factory of which one instance prepares for all, what tells its configuration from others. */
  readonly factories: Readonly<Record<string, string>>;
  /** Grows from one that came to the next, on whatever clock they are; `null` where the store is not shared. */
  readonly joined: number | null;
}

const PREFIX = 'instances/';
/** What happens to services, and changes what is said of them. */
const NEWS: ReadonlySet<RuntimeEvent['type']> = new Set([
  'health-changed',
  'degraded',
  'crashed',
  'boot-completed',
  'stop-started',
]);

@service({
  dependsOn: [KeyValueStore, Clock, Random, RuntimeEvents, Runtime, optional(InstanceFacts), optional(ClusterContract)],
})
export class Instances implements Service {
  /** Of this instance. */
  readonly id: string;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #runtime: Runtime;
  readonly #given: Ref<InstanceFacts>;
  readonly #contract: Ref<ClusterContract>;
  readonly #leases: Leases;
  readonly #listeners = new Set<() => void>();
  #facts: InstanceFacts = {};
  #factories: Instance['factories'] = {};
  #startedAt = 0;
  #others: ObservedRecords | undefined;
  #lease: Lease | undefined;
  #look: Timer | undefined;
  #saying: Timer | undefined;
  /** How this instance is, until something happens to it. */
  #self: Instance | undefined;
  #isTelling = false;
  /** Those of whom the listeners know that they live. */
  #living = '';
  #unsubscribe: (() => void) | undefined;

  constructor(
    store: KeyValueStore,
    clock: Clock,
    random: Random,
    events: RuntimeEvents,
    runtime: Runtime,
    given: Ref<InstanceFacts>,
    contract: Ref<ClusterContract>,
  ) {
    this.id = random.uuid();
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
    this.#runtime = runtime;
    this.#given = given;
    this.#contract = contract;
    this.#leases = new Leases(store, clock, this.id);
  }

  /** Makes itself known to others, and then gets to know them. @throws what the store throws. */
  async start(): Promise<void> {
    this.#startedAt = this.#clock.now();
    this.#unsubscribe = this.#events.on((event) => {
      const isMove = event.type === 'moved' && (event.machine === 'service' || event.machine === 'factory');
      if (isMove || NEWS.has(event.type)) this.#changed();
    });
    if (this.#store.isShared !== true) return;
    await this.#keep();
    this.#others = new ObservedRecords(this.#store, this.#clock, PREFIX, (now, before) => this.#see(now, before));
    await this.#others.load();
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
    return [(this.#self ??= this.#own()), ...this.others()];
  }

  /** The others that live, by id. */
  others(): readonly Instance[] {
    const others = this.#alive().map((record): Instance => {
      const said = fieldsOf(record) as unknown as Instance;
      // Before it knows itself, nobody has written into its record.
      return { ...said, joined: said.joined ?? record.revision };
    });
    return others.sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** When this instance joined, while the others can know of it. */
  get joined(): number | null {
    return this.#lease?.isHeld === true ? this.#lease.fence : null;
  }

  /** Whether the others, if there can be any, know that it lives. */
  get isKnown(): boolean {
    return this.#store.isShared !== true || this.joined !== null;
  }

  /** Says how its factories are configured. */
  configured(factories: Instance['factories']): void {
    this.#factories = factories;
    this.#changed();
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

  #alive(): Observed[] {
    const now = this.#clock.monotonic();
    return [...(this.#others?.all() ?? [])].filter(
      ({ key, since }) => key !== this.#key && now - since < LEASE.leaseMs + LEASE.marginMs,
    );
  }

  get #key(): string {
    return PREFIX + this.id;
  }

  #own(): Instance {
    const { state, nodes } = this.#runtime.graph().toJSON();
    const services = nodes.filter(({ kind }) => kind === 'service');
    const {
      version = null,
      address = null,
      fingerprint = null,
      load = {},
    } = { ...this.#given.current, ...this.#facts };
    return {
      id: this.id,
      version,
      address,
      fingerprint,
      load,
      startedAt: this.#startedAt,
      services: Object.fromEntries(services.map(({ id, health }) => [id, health])),
      offers: state === 'stopping' ? [] : offersOf(nodes),
      factories: this.#factories,
      joined: this.joined,
      ...published(this.#contract.current),
    };
  }

  /** Something of this instance is different. What comes together is said together. */
  #changed(): void {
    this.#self = undefined;
    this.#tellSoon();
    if (this.#lease === undefined || this.#saying !== undefined) return;
    this.#saying = this.#clock.schedule(LEASE.retryMs, () => {
      this.#saying = undefined;
      void this.#attempt(() => this.#keep());
    });
  }

  /** Says how this instance is, in a new record if the one before is lost. */
  async #keep(): Promise<void> {
    const say = (fields: Fields): Fields => ({ ...fields, ...(this.#own() as unknown as Fields) });
    if (this.#lease?.isHeld !== true) {
      this.#lease = undefined;
      const lease = await this.#leases.claim(this.#key, say({}));
      this.#lease = lease;
      // Who has come again comes after those who came meanwhile, and who is known no longer is no better than a newcomer.
      lease?.signal.addEventListener('abort', () => this.#changed(), { once: true });
      this.#self = undefined;
      this.#tellSoon();
    }
    // The first time as well: only its record has told it when it joined.
    await this.#lease?.update(say);
  }

  /** Takes away who has died. Each is tried by all, and taken away once. */
  readonly #sweep = (): void => {
    this.#look = this.#clock.schedule(LEASE.renewMs, this.#sweep);
    if (this.#lease?.isHeld !== true) void this.#attempt(() => this.#keep());
    // One that has died tells nobody, and its record is left where the store cannot be reached.
    if (this.#livingNow() !== this.#living) this.#tell();
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

  /** What has happened here shows in the graph only when all that follows from it has happened. */
  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      this.#self = undefined;
      this.#tell();
    });
  }

  #livingNow(): string {
    return this.#alive()
      .map(({ key }) => key)
      .join();
  }

  #tell(): void {
    this.#living = this.#livingNow();
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener();
      } catch (error) {
        this.#fault(error);
      }
    }
  }
}

/** Names of everything that is ready, sorted; what only stands for others is none of it. */
function offersOf(nodes: readonly DumpNode[]): string[] {
  const ready = nodes.filter(({ kind, phase, blockedBy, tags }) =>
    kind === 'service' ? phase === 'running' && blockedBy.length === 0 && !tags.includes('remote') : phase === 'ready',
  );
  return [...new Set(ready.flatMap(({ id, tokens }) => [id, ...tokens]))].sort();
}
