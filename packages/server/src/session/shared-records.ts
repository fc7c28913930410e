/**
 * What instances say of their users in the store that they share: each writes records of its own, whose keys end with its id,
 * and hears what the others say. What an instance leaves behind that has died is taken away by those that live.
 */
import type { Clock } from '@muster/contracts';
import type { Instances, Json, KeyValueChange, KeyValueStore, Subscription } from '@muster/core';
import { OwnRecord } from './own-record.ts';

export interface SharedRecordsParts {
  readonly store: KeyValueStore;
  readonly instances: Instances;
  readonly clock: Clock;
  /** Told of what the store throws, once until it works again. */
  readonly failed: (error: unknown) => void;
}

export class SharedRecords {
  readonly #parts: SharedRecordsParts;
  /** Of this instance, by key. */
  readonly #own = new Map<string, OwnRecord>();
  /** Of the others, by key: the revision of each. */
  readonly #others = new Map<string, number>();
  readonly #watched: Subscription[] = [];
  readonly #stopListening: () => void;
  #hasFailed = false;
  #isClosed = false;

  constructor(parts: SharedRecordsParts) {
    this.#parts = parts;
    this.#stopListening = parts.instances.onChange(() => void this.#sweep());
  }

  /** Calls `heard` for every change that another instance makes below a prefix, with what stands between that and its id. */
  hear(prefix: string, heard: (change: KeyValueChange, about: string, instance: string) => void): void {
    const { store, instances } = this.#parts;
    const subscription = store.watch(prefix, (change) => {
      const end = change.key.lastIndexOf('/');
      const instance = change.key.slice(end + 1);
      if (instance === instances.id) {
        // Somebody has taken it away, because this instance seemed to be dead.
        if (change.type === 'delete') this.#own.get(change.key)?.lost();
        return;
      }
      if (change.type === 'put') this.#others.set(change.key, change.revision);
      else this.#others.delete(change.key);
      heard(change, change.key.slice(prefix.length, Math.max(end, prefix.length)), instance);
    });
    this.#watched.push(subscription);
  }

  /**
   * Says something of this instance, or nothing any more.
   *
   * @param about what the key has behind its prefix, without the id of this instance.
   */
  say(prefix: string, about: string, value: Json | undefined): void {
    if (this.#isClosed) return;
    const key = `${prefix}${about === '' ? '' : `${about}/`}${this.#parts.instances.id}`;
    const record = this.#own.get(key) ?? this.#record(key);
    record.become(value);
  }

  /** Takes back all that this instance has said; resolves when that is done, or cannot be. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    for (const subscription of this.#watched) subscription.close();
    await Promise.all([...this.#own.values()].map((record) => record.close()));
  }

  #record(key: string): OwnRecord {
    const { store, clock } = this.#parts;
    const record = new OwnRecord(key, store, clock, {
      failed: (error) => this.#failed(error),
      done: () => {
        this.#hasFailed = false;
        if (record.isGone) this.#own.delete(key);
      },
    });
    this.#own.set(key, record);
    return record;
  }

  /** Who has died says nothing. */
  async #sweep(): Promise<void> {
    const { store, instances } = this.#parts;
    const living = new Set(instances.list().map(({ id }) => id));
    try {
      for (const [key, revision] of this.#others)
        if (!living.has(key.slice(key.lastIndexOf('/') + 1))) await store.delete(key, revision);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!this.#hasFailed) this.#parts.failed(error);
    this.#hasFailed = true;
  }
}
