/**
 * Watches the records of runs on a store that others write into as well: takes over what an owner has left alone, hears
 * what others wish of the runs that are carried here, and knows how many runs each user has elsewhere.
 *
 * It harms nobody: a record must have been watched unchanged for lease and margin, and then the compare-and-set must
 * succeed. On a store that is not shared it does nothing at all.
 */
import type { Clock, Timer } from '@muster/contracts';
import {
  type KeyValueStore,
  type Lease,
  type Leases,
  type Observed,
  ObservedRecords,
  ownerOf,
  type RuntimeEvents,
} from '@muster/core';
import { type RunRecord, type RunRecords, RUNS } from './run-records.ts';

/** How often it is looked for records that are overdue, in milliseconds. */
export const REAP_MS = 5_000;

/** What a reaper works on, and what it has others do. */
export interface ReaperParts {
  readonly store: KeyValueStore;
  readonly leases: Leases;
  readonly records: RunRecords;
  readonly clock: Clock;
  readonly events: RuntimeEvents;
  /** Ends a run that is this process's now, or carries it on; when it rejects the record is left as it is. */
  takenOver(record: RunRecord, lease: Lease): Promise<void>;
  /** Somebody wishes a run cancelled that is carried here. */
  wished(run: string, reason: string | null): void;
  /** A user has more or fewer runs elsewhere than before. */
  counted(user: string): void;
}

/** Runs of one user that other processes carry. */
export interface Elsewhere {
  running: number;
  waiting: number;
}

/** What a run counts as. */
interface Counted {
  readonly user: string;
  readonly state: keyof Elsewhere;
}

const NOWHERE: Elsewhere = { running: 0, waiting: 0 };

export class RunReaper {
  readonly #parts: ReaperParts;
  readonly #elsewhere = new Map<string, Elsewhere>();
  readonly #takingOver = new Set<Promise<void>>();
  #records: ObservedRecords | undefined;
  #timer: Timer | undefined;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  open(): void {
    const { store, clock } = this.#parts;
    if (store.isShared !== true) return;
    this.#elsewhere.clear();
    this.#records = new ObservedRecords(store, clock, RUNS, (now, before) => this.#see(now, before));
    this.#timer = clock.schedule(REAP_MS, this.#reap);
  }

  /** Takes nothing over any more; resolves when what it was at is done. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#records?.close();
    while (this.#takingOver.size > 0) await Promise.all(this.#takingOver);
  }

  /** Runs of a user that other processes carry, as far as is known here. */
  elsewhere(user: string): Readonly<Elsewhere> {
    return this.#elsewhere.get(user) ?? NOWHERE;
  }

  /** The runs of a user in a thread that other processes carry. */
  inThread(user: string, thread: string): string[] {
    const others = [...(this.#records?.all() ?? [])].filter((record) => !this.#isOwn(record)).map(runOf);
    return others.filter((record) => record.user === user && record.thread === thread).map(({ run }) => run);
  }

  readonly #reap = (): void => {
    this.#timer = this.#parts.clock.schedule(REAP_MS, this.#reap);
    for (const record of this.#records?.overdue() ?? []) {
      // What is carried here is renewed here, whatever was seen of it.
      if (this.#parts.records.leaseOf(runOf(record).run) !== undefined) continue;
      const taking = this.#takeOver(record).finally(() => this.#takingOver.delete(taking));
      this.#takingOver.add(taking);
    }
  };

  /** Never rejects: what fails is tried again when the record is overdue again, here or elsewhere. */
  async #takeOver(observed: Observed): Promise<void> {
    const { leases, records, events, clock } = this.#parts;
    const { run } = runOf(observed);
    try {
      const lease = await leases.takeOver(observed, (value) => ({ ...value, fence: Number(value['fence']) + 1 }));
      // It was renewed, or somebody else was faster.
      if (lease === undefined) return;
      records.adopt(run, lease);
      await this.#parts.takenOver(lease.value as unknown as RunRecord, lease);
      // What was wished while there was nobody to hear it.
      const now = this.#records?.get(observed.key);
      if (now !== undefined) this.#hear(now);
    } catch (error) {
      records.leave(run);
      events.emit({ type: 'fault', component: 'run reaper', correlation: run, run, error, at: clock.now() });
    }
  }

  #see(now: Observed | undefined, before: Observed | undefined): void {
    const [old, young] = [before && this.#countedAs(before), now && this.#countedAs(now)];
    // A renewal changes nothing, and there are very many.
    if (old?.user !== young?.user || old?.state !== young?.state) {
      for (const [counted, by] of [
        [old, -1],
        [young, 1],
      ] as const) {
        if (counted !== undefined) this.#count(counted, by);
      }
    }
    if (now !== undefined) this.#hear(now);
  }

  #hear(record: Observed): void {
    const { run, wish } = runOf(record);
    if (wish !== undefined && this.#isOwn(record)) this.#parts.wished(run, wish.reason);
  }

  /** One that helps another shares its turn, and is not counted. */
  #countedAs(record: Observed): Counted | undefined {
    const { user, state, parent } = runOf(record);
    return parent !== null || state === 'dropped' || this.#isOwn(record) ? undefined : { user, state };
  }

  #count({ user, state }: Counted, by: 1 | -1): void {
    const elsewhere = this.#elsewhere.get(user) ?? { running: 0, waiting: 0 };
    elsewhere[state] += by;
    if (elsewhere.running === 0 && elsewhere.waiting === 0) this.#elsewhere.delete(user);
    else this.#elsewhere.set(user, elsewhere);
    this.#parts.counted(user);
  }

  #isOwn(record: Observed): boolean {
    return ownerOf(record) === this.#parts.leases.owner;
  }
}

function runOf({ value }: Observed): RunRecord {
  return value as unknown as RunRecord;
}
