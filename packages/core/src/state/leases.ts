/**
 * Takes leases and keeps them, all on one timer; and takes over what the owner before has given up.
 *
 * A record changes hands by compare-and-set alone, and only after it has been watched unchanged for the whole lease and a
 * margin on one's own monotonic clock: nobody's wall clock is believed. On a store that is not shared an owner before is
 * gone, so nothing is waited for and nothing is renewed.
 */
import type { Timer } from '@muster/contracts';
import { type Clock, sleep } from '../clock.ts';
import { type Fields, fieldsOf, LEASE, Lease, ownedBy, ownerOf, type Tenure } from './lease.ts';
import type { KeyValueEntry, KeyValueStore } from './key-value-store.ts';
import { type Observed, ObservedRecords } from './observed-records.ts';

/** What is held in this process, and what is being taken, by store: one that is not shared has no other holders. */
const TENURES = new WeakMap<KeyValueStore, Tenures>();

interface Tenures {
  readonly held: Map<string, Lease>;
  /** Keys under way: the answer to one who takes a record is still to come when another finds it to be the process's own. */
  readonly taking: Set<string>;
}

export class Leases {
  /** Names this holder in the records; no other has the same, nor has one before a restart. */
  readonly owner: string;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #own = new Set<Lease>();
  #terms = 0;
  #timer: Timer | undefined;

  /** @param owner unique among all holders that ever are: a fresh uuid. */
  constructor(store: KeyValueStore, clock: Clock, owner: string) {
    this.#store = store;
    this.#clock = clock;
    this.owner = owner;
  }

  /** How many are held. */
  get size(): number {
    return this.#own.size;
  }

  /**
   * Waits until the record of `key` is free and takes it, also from an owner that has gone.
   *
   * @param options `value`: what the record says. `signal`: ends the waiting; rejects with its reason.
   * @throws what the store throws.
   */
  async acquire(
    key: string,
    { value = {}, signal }: { readonly value?: Fields; readonly signal?: AbortSignal } = {},
  ): Promise<Lease> {
    const records = new ObservedRecords(this.#store, this.#clock, key);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const overdue = records.overdue().find((record) => record.key === key);
        const lease = await (overdue === undefined ? this.claim(key, value) : this.takeOver(overdue, () => value));
        if (lease !== undefined) return lease;
        await sleep(this.#clock, LEASE.retryMs, signal);
      }
    } finally {
      records.close();
    }
  }

  /** Takes a record that nobody has; `undefined` when somebody may have it, or is about to. */
  claim(key: string, value: Fields): Promise<Lease | undefined> {
    return this.#alone(key, async () => {
      const at = this.#clock.monotonic();
      const term = this.#nextTerm();
      const created = await this.#store.create(key, ownedBy({ owner: this.owner, term }, 0, value));
      if (created.ok) return this.#hold({ key, value, revision: created.revision, at, term });
      const found = await this.#store.get(key);
      if (found === undefined || !this.#isFree(found)) return undefined;
      return this.#take(found, value);
    });
  }

  /**
   * Takes a record over that has been unchanged for long enough; `undefined` when it has changed after all.
   *
   * @param change what the record says from then on.
   */
  takeOver(observed: Observed, change: (value: Fields) => Fields): Promise<Lease | undefined> {
    return this.#alone(observed.key, () => this.#take(observed, change(fieldsOf(observed))));
  }

  /** Renews nothing any more; the records are left to whoever takes them over. */
  close(): void {
    for (const lease of this.#own) lease.leave();
  }

  /** Has one at a time in this process try to take a key; for who comes meanwhile somebody may have it. */
  async #alone(key: string, take: () => Promise<Lease | undefined>): Promise<Lease | undefined> {
    const { taking } = tenures(this.#store);
    if (taking.has(key)) return undefined;
    taking.add(key);
    try {
      return await take();
    } finally {
      taking.delete(key);
    }
  }

  async #take({ key, revision }: Pick<KeyValueEntry, 'key' | 'revision'>, value: Fields): Promise<Lease | undefined> {
    const at = this.#clock.monotonic();
    const term = this.#nextTerm();
    const taken = await this.#store.update(key, ownedBy({ owner: this.owner, term }, 0, value), revision);
    return taken.ok ? this.#hold({ key, value, revision: taken.revision, at, term }) : undefined;
  }

  #nextTerm(): number {
    this.#terms += 1;
    return this.#terms;
  }

  /** One that this holder has lost can be its own again; on a store that is not shared, also one of an owner before. */
  #isFree(found: KeyValueEntry): boolean {
    if (tenures(this.#store).held.has(found.key)) return false;
    return this.#store.isShared !== true || ownerOf(found) === this.owner;
  }

  #hold(taken: Pick<Tenure, 'key' | 'value' | 'revision' | 'at' | 'term'>): Lease {
    const { key } = taken;
    const { held } = tenures(this.#store);
    const over = (): void => {
      this.#own.delete(lease);
      if (held.get(key) === lease) held.delete(key);
      if (this.#own.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
    const store = this.#store;
    const lease = new Lease({ ...taken, store, clock: this.#clock, owner: this.owner, over });
    this.#own.add(lease);
    held.set(key, lease);
    if (store.isShared === true) this.#timer ??= this.#clock.schedule(LEASE.retryMs, this.#look);
    return lease;
  }

  /** Renews what is due. It waits for no answer: one that never comes must not keep the others from being renewed. */
  readonly #look = (): void => {
    this.#timer = this.#clock.schedule(LEASE.retryMs, this.#look);
    for (const lease of this.#own) void lease.keep();
  };
}

function tenures(store: KeyValueStore): Tenures {
  const known = TENURES.get(store) ?? { held: new Map(), taking: new Set() };
  TENURES.set(store, known);
  return known;
}
