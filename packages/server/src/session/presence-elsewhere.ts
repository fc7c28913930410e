/**
 * Whether users are connected to other instances: who waits here for one that has gone asks, and whoever has them says so.
 *
 * A question stands in the store as long as somebody waits and the user is not here, an answer as long as somebody asks. While
 * nobody waits nothing is written.
 */
import { keyPart, type KeyValueChange } from '@muster/core';
import type { ConnectionPool } from './connection-pool.ts';
import { SharedRecords, type SharedRecordsParts } from './shared-records.ts';

const AWAITED = 'awaited/';
const PRESENT = 'present/';

export interface PresenceParts extends SharedRecordsParts {
  readonly pool: ConnectionPool;
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
  readonly #records: SharedRecords;
  readonly #awaited = new Map<string, Awaited>();
  readonly #asking = new Map<string, Asking>();
  /** By the part of a key that stands for a user, the instances that have them. */
  readonly #present = new Map<string, Set<string>>();
  readonly #stopListening: () => void;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
    this.#records = new SharedRecords(parts);
    this.#records.hear(PRESENT, (change, part, instance) => this.#answered(change, part, instance));
    this.#records.hear(AWAITED, (change, part, instance) => this.#asked(change, part, instance));
    // Who has died has nobody.
    this.#stopListening = parts.instances.onChange(() => {
      for (const user of this.#awaited.keys()) this.#tell(user);
    });
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
    this.#stopListening();
    for (const { stop } of [...this.#awaited.values(), ...this.#asking.values()]) stop();
    this.#awaited.clear();
    this.#asking.clear();
    await this.#records.close();
  }

  #ask(user: string): void {
    const isWanted = this.#awaited.has(user) && this.#parts.pool.countOf(user) === 0;
    this.#records.say(AWAITED, keyPart(user), isWanted ? { user } : undefined);
  }

  #answer(user: string): void {
    const isWanted = this.#asking.has(user) && this.#parts.pool.countOf(user) > 0;
    this.#records.say(PRESENT, keyPart(user), isWanted ? {} : undefined);
  }

  #tell(user: string): void {
    for (const listener of this.#awaited.get(user)?.listeners ?? []) listener();
  }

  #answered({ type }: KeyValueChange, part: string, instance: string): void {
    const there = this.#present.get(part) ?? new Set();
    this.#present.set(part, there);
    if (type === 'put') there.add(instance);
    else if (there.delete(instance) && there.size === 0) this.#present.delete(part);
    for (const user of this.#awaited.keys()) if (keyPart(user) === part) this.#tell(user);
  }

  #asked(change: KeyValueChange, part: string, instance: string): void {
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
}
