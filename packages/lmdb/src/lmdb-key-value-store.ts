/**
 * The key-value store on LMDB: a write resolves when it is on the disk, and nobody reads it before.
 *
 * Writes that arrive while others are written join the next transaction.
 */
import {
  Clock,
  type Json,
  type KeyValueChange,
  type KeyValueEntry,
  type KeyValueStore,
  RuntimeEvents,
  service,
  type Subscription,
  type Written,
} from '@muster/core';
import { Watchers } from '@muster/core/storage';
import type { Table } from './environment.ts';
import { LmdbStorage } from './lmdb-storage.ts';

/** A write that waits. */
interface Waiting {
  readonly key: string;
  /** The value as JSON; undefined to delete. */
  readonly text: string | undefined;
  readonly expected: number;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

interface Kept {
  readonly text: string;
  readonly revision: number;
}

@service({ dependsOn: [LmdbStorage, Clock, RuntimeEvents] })
export class LmdbKeyValueStore implements KeyValueStore {
  readonly #storage: LmdbStorage;
  readonly #watchers: Watchers;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** What keys were before the write that is under way. */
  #before = new Map<string, Kept | undefined>();

  constructor(storage: LmdbStorage, clock: Clock, events: RuntimeEvents) {
    this.#storage = storage;
    const component = 'key-value store watcher';
    this.#watchers = new Watchers((error) =>
      events.emit({ type: 'fault', component, correlation: null, error, at: clock.now() }),
    );
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    await this.#writing;
  }

  async get(key: string): Promise<KeyValueEntry | undefined> {
    const kept = this.#before.has(key) ? this.#before.get(key) : this.#stored(key);
    return kept && entryOf(key, kept);
  }

  create(key: string, value: Json): Promise<Written> {
    return this.#write(key, value, 0);
  }

  update(key: string, value: Json, expectedRevision: number): Promise<Written> {
    return this.#write(key, value, expectedRevision);
  }

  delete(key: string, expectedRevision: number): Promise<Written> {
    return this.#write(key, undefined, expectedRevision);
  }

  async list(prefix: string): Promise<readonly KeyValueEntry[]> {
    return this.#list(prefix);
  }

  watch(prefix: string, sink: (change: KeyValueChange) => void): Subscription {
    return this.#watchers.add(prefix, this.#list(prefix), sink);
  }

  get #table(): Table {
    return this.#storage.environment.table('keys');
  }

  #stored(key: string): Kept | undefined {
    const bytes = this.#table.get(keyOf(key));
    return bytes && decode(bytes);
  }

  #list(prefix: string): KeyValueEntry[] {
    const kept = new Map<string, Kept>();
    for (const { key, value } of this.#table.getRange({ start: keyOf(prefix) })) {
      const name = key.toString('utf8', 1);
      if (!name.startsWith(prefix)) break;
      kept.set(name, decode(value));
    }
    for (const [key, before] of this.#before) {
      if (!key.startsWith(prefix)) continue;
      if (before === undefined) kept.delete(key);
      else kept.set(key, before);
    }
    return [...kept].sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, each]) => entryOf(key, each));
  }

  #write(key: string, value: Json | undefined, expected: number): Promise<Written> {
    return new Promise((resolve, reject) => {
      const text = value === undefined ? undefined : JSON.stringify(value);
      this.#waiting.push({ key, text, expected, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const taken = this.#waiting;
      this.#waiting = [];
      try {
        await this.#commit(taken);
      } catch (error) {
        for (const { reject } of taken) reject(error);
      } finally {
        this.#before = new Map();
      }
    }
    this.#writing = undefined;
  }

  async #commit(taken: readonly Waiting[]): Promise<void> {
    const { environment } = this.#storage;
    const table = this.#table;
    let revision = Number(environment.meta('revision') ?? 0);
    const after = new Map<string, Kept | undefined>();
    const changes: KeyValueChange[] = [];
    const endings = taken.map(({ key, text, expected, resolve }) => {
      if (!after.has(key)) after.set(key, this.#stored(key));
      const present = after.get(key)?.revision ?? 0;
      if (present !== expected || (text === undefined && present === 0))
        return () => resolve({ ok: false, why: 'conflict', revision: present });
      revision += 1;
      const kept = text === undefined ? undefined : { text, revision };
      after.set(key, kept);
      changes.push(kept ? { type: 'put', ...entryOf(key, kept) } : { type: 'delete', key, revision });
      const written = { ok: true, revision } as const;
      return () => resolve(written);
    });
    if (changes.length > 0) {
      const changed = new Set(changes.map(({ key }) => key));
      this.#before = new Map([...changed].map((key) => [key, this.#stored(key)]));
      await this.#storage.write((writes) => {
        for (const key of changed) {
          const kept = after.get(key);
          if (kept === undefined) writes.remove(table, keyOf(key));
          else writes.put(table, keyOf(key), encode(kept));
        }
        environment.putMeta(writes, 'revision', String(revision));
      });
      this.#before = new Map();
    }
    for (const change of changes) this.#watchers.show(change);
    for (const end of endings) end();
  }
}

function entryOf(key: string, { text, revision }: Kept): KeyValueEntry {
  return { key, value: JSON.parse(text) as Json, revision };
}

/** A first byte, because LMDB knows no empty key. */
function keyOf(key: string): Buffer {
  return Buffer.from(`=${key}`);
}

function encode({ text, revision }: Kept): Buffer {
  const bytes = Buffer.allocUnsafe(6 + Buffer.byteLength(text));
  bytes.writeUIntBE(revision, 0, 6);
  bytes.write(text, 6);
  return bytes;
}

function decode(bytes: Buffer): Kept {
  return { revision: bytes.readUIntBE(0, 6), text: bytes.toString('utf8', 6) };
}
