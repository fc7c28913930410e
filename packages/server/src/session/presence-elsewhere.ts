/**
 * Whether users are connected to other instances: who waits here for one that has gone asks, and whoever has them says so.
 *
 * A question stands in the store as long as somebody waits and the user is not here, an answer as long as somebody asks. While
 * nobody waits nothing is written, and what an instance leaves behind that dies is nobody's, and is taken away.
 */
import type { Clock } from '@muster/contracts';
import { type Instances, keyPart, type KeyValueChange, type KeyValueStore } from '@muster/core';
import type { ConnectionPool } from './connection-pool.ts';
import { OwnRecord } from './own-record.ts';

const AWAITED = 'awaited/';
const PRESENT = 'present/';

export interface PresenceParts {
  readonly store: KeyValueStore;
  readonly instances: Instances;
  readonly pool: ConnectionPool;
  readonly clock: Clock;
  /** Told of what the store throws, once until it works again. */
  readonly failed: (error: unknown) => void;
}

/** Those who wait here for one user. */
interface Awaited {
  readonly listeners: Set<() => void>;
  readonly stop: () => void;
}

/** Instances that ask for one user. */
interface Asking {
  readonly by: Set<string>;
  readonly stop: () => void;
}

export class PresenceElsewhere {
  readonly #parts: PresenceParts;
  readonly #awaited = new Map<string, Awaited>();
  readonly #asking = new Map<string, Asking>();
  /** By the part of a key that stands for a user, the instances that have them. */
  readonly #present = new Map<string, Set<string>>();
  /** Of this instance. */
  readonly #records = new Map<string, OwnRecord>();
  readonly #ends: (() => void)[];
  #hasFailed = false;
  #isClosed = false;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
    const { store, instances } = parts;
    const watched = [
      store.watch(PRESENT, (change) => this.#answered(change)),
      store.watch(AWAITED, (change) => this.#asked(change)),
    ];
    this.#ends = [...watched.map((each) => () => each.close()), instances.onChange(() => this.#othersChanged())];
  }

  /** True while an instance that lives says that the user is connected there. */
  has(user: string): boolean {
    const there = this.#present.get(keyPart(user));
    return there !== undefined && this.#parts.instances.others().some(({ id }) => there.has(id));
  }

  /** Asks the others while the user is not here, and calls `changed` whenever they say something else, until the returned function is called. */
  watch(user: string, changed: () => void): () => void {
    const { pool } = this.#parts;
    const awaited = this.#awaited.get(user) ?? {
      listeners: new Set(),
      stop: pool.watch(user, () => this.#ask(user)),
    };
    this.#awaited.set(user, awaited);
    // One of its own, so that nobody ends what another has begun.
    const listener = (): void => changed();
    awaited.listeners.add(listener);
    this.#ask(user);
    return () => {
      if (!awaited.listeners.delete(listener) || awaited.listeners.size > 0) return;
      awaited.stop();
      this.#awaited.delete(user);
      this.#ask(user);
    };
  }

  /** Takes back what stands in the store of this instance; resolves when that is done, or cannot be. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#ends) end();
    for (const { stop } of [...this.#awaited.values(), ...this.#asking.values()]) stop();
    this.#awaited.clear();
    this.#asking.clear();
    await Promise.all([...this.#records.values()].map((record) => record.close()));
  }

  #ask(user: string): void {
    if (this.#isClosed) return;
    const isWanted = this.#awaited.has(user) && this.#parts.pool.countOf(user) === 0;
    this.#record(AWAITED, keyPart(user)).become(isWanted ? { user } : undefined);
  }

  #answer(user: string): void {
    if (this.#isClosed) return;
    const isWanted = this.#asking.has(user) && this.#parts.pool.countOf(user) > 0;
    this.#record(PRESENT, keyPart(user)).become(isWanted ? {} : undefined);
  }

  #record(prefix: string, part: string): OwnRecord {
    const { store, clock, instances } = this.#parts;
    const key = `${prefix}${part}/${instances.id}`;
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const record = new OwnRecord(key, store, clock, {
      failed: (error) => {
        if (!this.#hasFailed) this.#parts.failed(error);
        this.#hasFailed = true;
      },
      done: () => {
        this.#hasFailed = false;
        if (record.isGone) this.#records.delete(key);
      },
    });
    this.#records.set(key, record);
    return record;
  }

  #answered(change: KeyValueChange): void {
    const [part, instance] = partsOf(change.key, PRESENT);
    if (this.#isOwn(change, instance)) return;
    const there = this.#present.get(part) ?? new Set();
    this.#present.set(part, there);
    if (change.type === 'put') there.add(instance);
    else if (there.delete(instance) && there.size === 0) this.#present.delete(part);
    for (const [user, { listeners }] of this.#awaited)
      if (keyPart(user) === part) for (const listener of listeners) listener();
  }

  #asked(change: KeyValueChange): void {
    const [part, instance] = partsOf(change.key, AWAITED);
    if (this.#isOwn(change, instance)) return;
    if (change.type === 'put') {
      const { user } = change.value as { readonly user: string };
      const asking = this.#asking.get(user) ?? {
        by: new Set(),
        stop: this.#parts.pool.watch(user, () => this.#answer(user)),
      };
      this.#asking.set(user, asking);
      asking.by.add(instance);
      this.#answer(user);
      return;
    }
    for (const [user, { by, stop }] of this.#asking) {
      if (keyPart(user) !== part || !by.delete(instance) || by.size > 0) continue;
      stop();
      this.#asking.delete(user);
      this.#answer(user);
    }
  }

  /** One of this instance's that somebody has taken away, because it seemed to be dead, is written again. */
  #isOwn({ type, key }: KeyValueChange, instance: string): boolean {
    if (instance !== this.#parts.instances.id) return false;
    if (type === 'delete') this.#records.get(key)?.lost();
    return true;
  }

  /** Who has died has nobody and asks for nobody. */
  #othersChanged(): void {
    void this.#sweep().catch((error: unknown) => this.#parts.failed(error));
    for (const { listeners } of this.#awaited.values()) for (const listener of listeners) listener();
  }

  async #sweep(): Promise<void> {
    const { store, instances } = this.#parts;
    const living = new Set(instances.list().map(({ id }) => id));
    for (const prefix of [AWAITED, PRESENT])
      for (const { key, revision } of await store.list(prefix))
        if (!living.has(partsOf(key, prefix)[1])) await store.delete(key, revision);
  }
}

/** The user's part and the instance of a key. */
function partsOf(key: string, prefix: string): [string, string] {
  const [part = '', instance = ''] = key.slice(prefix.length).split('/');
  return [part, instance];
}
