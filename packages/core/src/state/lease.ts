/**
 * One record that its owner keeps by renewing it: whoever holds a lease may act on what it stands for, and nobody else.
 *
 * The owner stops by its own monotonic clock before anybody else may begin by theirs, so no two ever act at once. What it
 * has written meanwhile is told apart by `fence`, which grows from owner to owner.
 */
import type { Clock } from '../clock.ts';
import { coreError } from '../errors.ts';
import type { Json, KeyValueEntry, KeyValueStore, Written } from './key-value-store.ts';

/** Times of every lease, in milliseconds: these are one agreement, so no owner has others. */
export const LEASE = {
  /** How long a record belongs to its owner after a write of theirs. */
  leaseMs: 15_000,
  /** How often an owner renews it. */
  renewMs: 5_000,
  /** How much earlier an owner stops and how much later another begins: for what clocks and wires differ. */
  marginMs: 3_000,
  /** How soon a renewal that failed is tried again, and how closely all leases are looked at. */
  retryMs: 1_000,
} as const;

/** What a record that is under a lease holds beside its own fields. */
export type Owned = {
  /** Who renews it. */
  readonly owner: string;
  /** Which of its owner's leases it is: one that is taken again is another. */
  readonly term: number;
  /** How long it may stay unrenewed, in milliseconds. */
  readonly leaseMs: number;
  /** Changes with every write of its owner, and with no other. */
  readonly beat: number;
};

/** A record under a lease. */
export type Fields = { readonly [key: string]: Json };

/** Why a lease is held no longer. */
export type LeaseLoss = 'expired' | 'taken';

/** How often a write is tried again at once because somebody else has changed the record. */
const ATTEMPTS = 5;

/** What a lease begins with. */
export interface Tenure {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly key: string;
  readonly owner: string;
  readonly term: number;
  readonly value: Fields;
  readonly revision: number;
  /** When the write was sent that made it, on the owner's monotonic clock. */
  readonly at: number;
  /** Told once when it is held no longer, however that came. */
  readonly over: () => void;
}

export class Lease {
  readonly key: string;
  /** Higher than that of every owner before: the revision of the write that took the record. */
  readonly fence: number;
  readonly #parts: Tenure;
  readonly #abort = new AbortController();
  #value: Fields;
  #revision: number;
  #beat = 0;
  /** When the last write was sent that is known to have been done. */
  #renewedAt: number;
  #triedAt: number;
  /** When writes were sent of which no answer has come, by their beat. */
  readonly #unanswered = new Map<number, number>();
  #isOver = false;

  constructor(parts: Tenure) {
    this.#parts = parts;
    this.key = parts.key;
    this.fence = parts.revision;
    this.#value = parts.value;
    this.#revision = parts.revision;
    this.#renewedAt = parts.at;
    this.#triedAt = parts.at;
  }

  /**
   * Whether its owner may act, at this moment: ask in the same tick in which you act. A process that was paused past the
   * end of its lease finds it lost here, before any timer has told it.
   */
  get isHeld(): boolean {
    if (!this.#isOver && this.#parts.clock.monotonic() >= this.#actsUntil) this.#lose('expired');
    return !this.#isOver;
  }

  /** Aborted with `LEASE_LOST` when the lease is lost, and not when it is given back. */
  get signal(): AbortSignal {
    void this.isHeld;
    return this.#abort.signal;
  }

  /** What stands in the record, also what others have written into it, or will with the next renewal. */
  get value(): Fields {
    return this.#value;
  }

  /**
   * Changes the record, which renews the lease as well.
   *
   * @param change called again with what is there when somebody else has changed it meanwhile.
   * @throws MusterError `LEASE_LOST` when it is not held any more; and what the store throws: then it may be tried again.
   */
  async update(change: (value: Fields) => Fields): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (!this.isHeld) throw this.#lost('expired');
      const at = this.#parts.clock.monotonic();
      this.#triedAt = at;
      const value = change(this.#value);
      this.#beat += 1;
      this.#unanswered.set(this.#beat, at);
      const record = ownedBy(this.#parts, this.#beat, value);
      const written = await this.#parts.store.update(this.key, record, this.#revision);
      this.#unanswered.delete(record.beat);
      if (written.ok) {
        if (written.revision > this.#revision) [this.#revision, this.#value] = [written.revision, value];
        this.#renewedAt = Math.max(this.#renewedAt, at);
        // It was under way for so long that nobody acts on it any more.
        if (this.#isOver) void this.#giveAway(record, written.revision);
        return;
      }
      await this.#adopt(written, attempt);
    }
  }

  /** Changes what the record says from its next renewal on; nothing is written for that alone, so a change may as well be lost. */
  amend(change: (value: Fields) => Fields): void {
    this.#value = change(this.#value);
  }

  /** Renews it when its time has come; never rejects, since it is tried again until the lease ends. */
  async keep(): Promise<void> {
    if (!this.isHeld) return;
    const now = this.#parts.clock.monotonic();
    const isFresh = now - this.#renewedAt < LEASE.renewMs;
    if (isFresh || now - this.#triedAt < LEASE.retryMs) return;
    try {
      await this.update((value) => value);
    } catch {
      // Lost, which the signal tells; or the store failed, and the next look tries again.
    }
  }

  /** Gives it back: the record is taken away, and the next who wants it need not wait. Harmless when it is held no longer. */
  async release(): Promise<void> {
    if (!this.leave()) return;
    for (let attempt = 1; ; attempt += 1) {
      const { ok } = await this.#parts.store.delete(this.key, this.#revision);
      if (ok || attempt === ATTEMPTS) return;
      const found = await this.#parts.store.get(this.key);
      if (found === undefined || !this.#isOwn(found)) return;
      this.#revision = found.revision;
    }
  }

  /** Renews it no more, and leaves the record to whoever takes it over; false when it was held no longer. */
  leave(): boolean {
    const wasHeld = this.isHeld;
    this.#end();
    return wasHeld;
  }

  /** Others need not wait for a renewal that came too late: of its lease only their margin is left. */
  async #giveAway(record: Fields & Owned, revision: number): Promise<void> {
    const given = { ...record, leaseMs: 0, beat: record.beat + 1 };
    try {
      await this.#parts.store.update(this.key, given, revision);
    } catch {
      // Then they wait.
    }
  }

  /** The end of the time in which the owner may act. */
  get #actsUntil(): number {
    if (this.#parts.store.isShared !== true) return Number.POSITIVE_INFINITY;
    return this.#renewedAt + LEASE.leaseMs - LEASE.marginMs;
  }

  /** Takes up what stands in the record, if it is still this owner's: an answer was lost, or somebody left a wish in it. */
  async #adopt(conflict: Written, attempt: number): Promise<void> {
    const found = await this.#parts.store.get(this.key);
    if (found === undefined || !this.#isOwn(found)) {
      // What a read shows may be older than what the write met.
      if (found !== undefined && found.revision < conflict.revision && attempt < ATTEMPTS) return;
      this.#lose('taken');
      throw this.#lost('taken');
    }
    if (found.revision > this.#revision) [this.#revision, this.#value] = [found.revision, fieldsOf(found)];
    // Its beat proves a write whose answer was lost, and all that were sent before it are settled.
    const { beat } = found.value as unknown as Owned;
    this.#renewedAt = Math.max(this.#renewedAt, this.#unanswered.get(beat) ?? this.#renewedAt);
    for (const sent of this.#unanswered.keys()) if (sent <= beat) this.#unanswered.delete(sent);
    if (attempt === ATTEMPTS) throw coreError('LEASE_BUSY', { key: this.key, attempts: attempt });
  }

  #isOwn({ value }: KeyValueEntry): boolean {
    const { owner, term } = value as Partial<Owned>;
    return owner === this.#parts.owner && term === this.#parts.term;
  }

  #lose(why: LeaseLoss): void {
    if (this.#isOver) return;
    this.#end();
    this.#abort.abort(coreError('LEASE_LOST', { key: this.key, why }));
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.over();
  }

  #lost(why: LeaseLoss): unknown {
    return this.#abort.signal.aborted ? this.#abort.signal.reason : coreError('LEASE_LOST', { key: this.key, why });
  }
}

const OWNED: ReadonlySet<string> = new Set<keyof Owned>(['owner', 'term', 'leaseMs', 'beat']);

/** A record as it stands in the store while somebody owns it. */
export function ownedBy(by: Pick<Owned, 'owner' | 'term'>, beat: number, value: Fields): Fields & Owned {
  return { ...value, owner: by.owner, term: by.term, leaseMs: LEASE.leaseMs, beat };
}

/** Who owns a record; `undefined` for one that is under no lease. */
export function ownerOf({ value }: Pick<KeyValueEntry, 'value'>): string | undefined {
  return (value as Partial<Owned> | null)?.owner;
}

/** What a record holds beside what its lease says. */
export function fieldsOf({ value }: Pick<KeyValueEntry, 'value'>): Fields {
  return Object.fromEntries(Object.entries(value as Fields).filter(([name]) => !OWNED.has(name)));
}
