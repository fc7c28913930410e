/**
 * The key-value store in this process's memory: everything is gone with the process.
 */
import type { Subscription } from '../subscription.ts';
import type { Json, KeyValueChange, KeyValueEntry, KeyValueStore, Written } from './key-value-store.ts';
import { Watchers } from './watchers.ts';

interface Kept {
  /** As text, so that everybody gets a copy. */
  readonly text: string;
  readonly revision: number;
}

export class MemoryStore implements KeyValueStore {
  readonly #kept = new Map<string, Kept>();
  readonly #watchers: Watchers;
  #revision = 0;

  /** @param sinkFailed told what a sink threw; the write has succeeded all the same. */
  constructor(sinkFailed: (error: unknown) => void) {
    this.#watchers = new Watchers(sinkFailed);
  }

  async get(key: string): Promise<KeyValueEntry | undefined> {
    const kept = this.#kept.get(key);
    return kept && entryOf(key, kept);
  }

  async create(key: string, value: Json): Promise<Written> {
    return this.#put(key, value, 0);
  }

  async update(key: string, value: Json, expectedRevision: number): Promise<Written> {
    return this.#put(key, value, expectedRevision);
  }

  async delete(key: string, expectedRevision: number): Promise<Written> {
    const revision = this.#kept.get(key)?.revision ?? 0;
    if (revision === 0 || revision !== expectedRevision) return { ok: false, why: 'conflict', revision };
    this.#kept.delete(key);
    this.#revision += 1;
    this.#watchers.show({ type: 'delete', key, revision: this.#revision });
    return { ok: true, revision: this.#revision };
  }

  async list(prefix: string): Promise<readonly KeyValueEntry[]> {
    return this.#list(prefix);
  }

  watch(prefix: string, sink: (change: KeyValueChange) => void): Subscription {
    return this.#watchers.add(prefix, this.#list(prefix), sink);
  }

  #put(key: string, value: Json, expected: number): Written {
    const revision = this.#kept.get(key)?.revision ?? 0;
    if (revision !== expected) return { ok: false, why: 'conflict', revision };
    const kept = { text: JSON.stringify(value), revision: this.#revision + 1 };
    this.#revision += 1;
    this.#kept.set(key, kept);
    this.#watchers.show({ type: 'put', ...entryOf(key, kept) });
    return { ok: true, revision: this.#revision };
  }

  #list(prefix: string): KeyValueEntry[] {
    return [...this.#kept]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, kept]) => entryOf(key, kept));
  }
}

function entryOf(key: string, { text, revision }: Kept): KeyValueEntry {
  return { key, value: JSON.parse(text) as Json, revision };
}
