/**
 * The records of others as this process has seen them, and since when each has been unchanged.
 *
 * Their age is judged by one's own monotonic clock from the moment at which a change was seen. That a record is overdue says
 * only that one may try to take it over: the compare-and-set decides.
 */
import type { Clock } from '../clock.ts';
import type { Subscription } from '../subscription.ts';
import type { KeyValueChange, KeyValueEntry, KeyValueStore } from './key-value-store.ts';
import { LEASE, type Owned } from './lease.ts';

/** A record, and since when its owner has not changed it, on this process's monotonic clock. */
export interface Observed extends KeyValueEntry {
  readonly since: number;
}

export class ObservedRecords {
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #records = new Map<string, Observed>();
  readonly #changed: (now: Observed | undefined, before: Observed | undefined) => void;
  readonly #subscription: Subscription;
  /** What has gone while the records are being listed: the list may be older. */
  #gone: Map<string, number> | undefined;

  /** @param changed told of every record that was written, and of every one that has gone, by what it was. */
  constructor(
    store: KeyValueStore,
    clock: Clock,
    prefix: string,
    changed: (now: Observed | undefined, before: Observed | undefined) => void = () => {},
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#prefix = prefix;
    this.#changed = changed;
    this.#subscription = store.watch(prefix, (change) => this.#see(change));
  }

  /** Resolves when everything is known that was there before. @throws what the store throws. */
  async load(): Promise<void> {
    const gone = (this.#gone = new Map<string, number>());
    try {
      for (const entry of await this.#store.list(this.#prefix))
        if ((gone.get(entry.key) ?? 0) < entry.revision) this.#see({ type: 'put', ...entry });
    } finally {
      this.#gone = undefined;
    }
  }

  get(key: string): Observed | undefined {
    return this.#records.get(key);
  }

  all(): IterableIterator<Observed> {
    return this.#records.values();
  }

  /** Those that their owners have left alone for their lease and a margin. On a store that is not shared there are none. */
  overdue(): readonly Observed[] {
    if (this.#store.isShared !== true) return [];
    const now = this.#clock.monotonic();
    const found: Observed[] = [];
    for (const record of this.#records.values()) {
      const { leaseMs } = record.value as Partial<Owned>;
      if (leaseMs !== undefined && now - record.since >= leaseMs + LEASE.marginMs) found.push(record);
    }
    return found;
  }

  close(): void {
    this.#subscription.close();
  }

  #see(change: KeyValueChange): void {
    const before = this.#records.get(change.key);
    if (before !== undefined && before.revision >= change.revision) return;
    if (change.type === 'delete') {
      this.#gone?.set(change.key, change.revision);
      this.#records.delete(change.key);
      if (before !== undefined) this.#changed(undefined, before);
      return;
    }
    const { key, value, revision } = change;
    const since = before !== undefined && isSameBeat(before, change) ? before.since : this.#clock.monotonic();
    const now = { key, value, revision, since };
    this.#records.set(key, now);
    this.#changed(now, before);
  }
}

/** True when the owner had no part in the change: a wish that somebody else leaves keeps no record alive. */
function isSameBeat(before: Observed, { value }: { readonly value: unknown }): boolean {
  const [old, young] = [before.value as Partial<Owned>, value as Partial<Owned>];
  return young.owner !== undefined && old.owner === young.owner && old.term === young.term && old.beat === young.beat;
}
