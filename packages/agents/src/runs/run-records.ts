/**
 * What is remembered of runs beyond the process: which are open and whose they are, and which request each came of.
 *
 * A record is under a lease of the process that carries the run. Where the store belongs to one process at a time, whoever
 * opens it knows that the owner before is gone, and ends its runs at once; elsewhere a `RunReaper` waits for the lease.
 * The record is there before anything else of the run, so whatever its process leaves undone somebody finds.
 */
import type { Clock, Position } from '@muster/contracts';
import {
  type EventLog,
  type Fields,
  type Json,
  type KeyValueStore,
  type Lease,
  type Leases,
  ownerOf,
  type Principal,
  principalOf,
  sleep,
  streamOf,
} from '@muster/core';
import { agentError } from '../errors.ts';
import type { Asked } from '../threads/thread-service.ts';
import { allEnded } from './all-ended.ts';
import { eventsOf } from './run-events.ts';
import type { AboutRun } from './run-news.ts';

/** A run that has no terminal yet, as far as the store knows. */
export interface RunRecord {
  readonly run: string;
  readonly user: string;
  readonly thread: string;
  readonly agent: string;
  /** Where the stream stood before its first event. */
  readonly from: Position;
  /** When it was accepted, in milliseconds since 1970. */
  readonly at: number;
  /** Names the request that it came of; `null` for one that cannot be repeated. */
  readonly request: string | null;
  /** Tells that request from another under the same name. */
  readonly asked: string;
  /** The run that it helps; `null` for one that a user has asked for. */
  readonly parent: string | null;
  /** What was asked. It is left out once that stands in the log. */
  readonly text?: string;
  /** What it belongs to, as an `Interceptor` tells it. @default nothing */
  readonly traceparent?: string;
  /** Whether it waits for its turn, or was given up before its first event, so that there will be none. */
  readonly state: 'waiting' | 'running' | 'dropped';
  /** How many owners it has had before; with the lease's own fields `owner` and `leaseMs` it says whose it is. */
  readonly fence: number;
  /** Somebody has asked another process than its owner's to cancel it. */
  readonly wish?: { readonly reason: string | null };
}

/** The request has a run already, which another process has begun to accept at the same time. */
export class RequestTaken extends Error {
  override readonly name = 'RequestTaken';
}

/** Where the records of open runs stand. */
export const RUNS = 'runs/';
/** How long a request is remembered, in milliseconds. */
const REQUEST_MS = 3_600_000;
/** How many requests are remembered before old ones are looked for. */
const SWEEP_EVERY = 1_000;
/** How often it is looked whether another process has got further, in milliseconds. */
const LOOK_MS = 200;
/** How often it is looked whether one that has taken a run over is through with it, in milliseconds. */
const UNDO_MS = 1_000;

export class RunRecords {
  readonly #store: KeyValueStore;
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #leases: Leases;
  /** Of the runs that this process carries. */
  readonly #held = new Map<string, Lease>();
  /** What is still to be undone of runs that others have taken over. */
  readonly #undoing = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #sinceSweep = 0;

  constructor(store: KeyValueStore, log: EventLog, clock: Clock, leases: Leases) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#leases = leases;
  }

  /** The lease of a run that this process carries. */
  leaseOf(run: string): Lease | undefined {
    return this.#held.get(run);
  }

  /** Where a stream stands. */
  async standing(principal: Principal, thread: string): Promise<Position> {
    const { epoch, top } = await this.#log.info(streamOf(principal, thread));
    return { epoch, offset: top };
  }

  /** The run that came of a request, or was to come of it. */
  async find(request: string): Promise<RunRecord | undefined> {
    return (await this.#store.get(requestKey(request)))?.value as RunRecord | undefined;
  }

  /**
   * Whether something of a run was ever shown; one of which nobody can tell any more counts as shown. Where another process
   * may be accepting it, that is waited for.
   */
  async hasBegun(record: RunRecord): Promise<boolean> {
    for (;;) {
      // In this order: what is no longer open has been shown before, or will not be.
      const isOpen = this.#store.isShared === true && (await this.#store.get(runKey(record.run))) !== undefined;
      if (await this.#isShown(record)) return true;
      if (!isOpen) return false;
      await sleep(this.#clock, LOOK_MS);
    }
  }

  async #isShown({ run, user, thread, from }: RunRecord): Promise<boolean> {
    const stream = streamOf(principalOf(user), thread);
    const { epoch, floor } = await this.#log.info(stream);
    if (epoch !== from.epoch || floor > from.offset) return true;
    return (await eventsOf(this.#log, stream, from, run, 1)).events.length > 0;
  }

  /**
   * Remembers a run before its first event. When it rejects nothing of it is under way any more.
   *
   * @throws RequestTaken when its request has a run already.
   */
  async open(record: RunRecord): Promise<void> {
    if (this.#store.isShared === true) {
      // In this order: of a request that others find its run is there, or nothing comes of it.
      await this.#claim(record);
      await this.#take(record);
    } else await allEnded([this.#claim(record), this.#take(record)]);
    this.#sinceSweep += 1;
    if (this.#sinceSweep >= SWEEP_EVERY) await this.#sweep();
  }

  async #claim(record: RunRecord): Promise<void> {
    const lease = await this.#leases.claim(runKey(record.run), record as unknown as Fields);
    if (lease === undefined) throw new Error(`there is a run ${record.run} already`);
    this.#held.set(record.run, lease);
  }

  async #take(record: RunRecord): Promise<void> {
    if (record.request === null) return;
    if (!(await this.#name(record.request, record))) throw new RequestTaken();
  }

  /** Says which run a request has; false when that was said before. */
  async #name(request: string, { text: _, ...record }: RunRecord): Promise<boolean> {
    return (await this.#store.create(requestKey(request), record as unknown as Json)).ok;
  }

  /** What was asked stands in the log. */
  shown(run: string): void {
    this.#held.get(run)?.amend(({ text: _, ...record }) => record);
  }

  /** Its turn has come, which others are told where they have to know. */
  async began(run: string): Promise<void> {
    const lease = this.#held.get(run);
    if (this.#store.isShared !== true || lease?.value['state'] !== 'waiting') return;
    await lease.update((record) => ({ ...record, state: 'running' }));
  }

  /**
   * Whether the end of a run is stored here: where others take runs over, only while it is this process's and its terminal
   * is in the log. Else whoever takes it over stores how it ended.
   */
  settlesHere(run: string, isRecorded: boolean): boolean {
    if (this.#store.isShared !== true) return true;
    return isRecorded && this.#held.get(run)?.isHeld === true;
  }

  /** The run has its terminal, or never will. One that another process carries by now is left to that. */
  async close(run: string): Promise<void> {
    const lease = this.#held.get(run);
    this.#held.delete(run);
    await (lease === undefined ? this.#forget(runKey(run), run) : lease.release());
  }

  /** This process carries the run no more, and whoever finds its record ends it. */
  leave(run: string): void {
    this.#held.get(run)?.leave();
    this.#held.delete(run);
  }

  /**
   * Ends a run that this process was about to begin and does not: nothing comes of it. Left to whoever takes it over when it
   * is another's by now, when its first events are in the log after all, and when something of this fails.
   *
   * @param undo takes back what else was stored of it. Where it is another's by now it is called when that one is through, and
   * nothing has come of the run: what this process stored after it had stood still nobody else may have seen.
   */
  async giveUp(record: RunRecord, undo: () => Promise<void> = async () => {}): Promise<void> {
    const lease = this.#held.get(record.run);
    // Nothing was stored behind a record that was perhaps not written; if it was, others may have taken it over by now.
    if (lease === undefined && this.#store.isShared === true) return this.close(record.run);
    try {
      if (lease !== undefined && (await this.#isShown(record))) return this.leave(record.run);
      // Said before anything is undone: whoever takes it over from now on goes on undoing, and does not begin it.
      if (this.#store.isShared === true) await lease?.update((known) => ({ ...known, state: 'dropped' }));
      await undo();
    } catch (error) {
      this.leave(record.run);
      if (lease?.signal.aborted !== true) throw error;
      const undoing = this.#undoLater(record, undo).catch(() => {
        // This process stops.
      });
      this.#undoing.add(undoing);
      void undoing.then(() => this.#undoing.delete(undoing));
      return;
    }
    await this.forget(record);
  }

  /** Undoes nothing any more; resolves when the store is used by none of that. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#undoing);
  }

  /** Asked again for as long as the store fails. */
  async #undoLater(record: RunRecord, undo: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        if ((await this.#store.get(runKey(record.run))) === undefined) {
          if (!(await this.#isShown(record))) await undo();
          return;
        }
      } catch {
        // With the next look.
      }
      await sleep(this.#clock, UNDO_MS, this.#stopped.signal);
    }
  }

  /** Nothing came of the run: neither it nor its request was, and the request may come again. */
  async forget({ run, request }: RunRecord): Promise<void> {
    const forgetting = request === null ? undefined : this.#forget(requestKey(request), run);
    await Promise.all([this.close(run), forgetting]);
  }

  /**
   * Whether a run that this process has taken over, and of which the log has nothing, may still begin elsewhere: its owner
   * before has perhaps sent its first events and died, and the log takes them whenever they arrive.
   */
  async mayBegin(record: RunRecord): Promise<boolean> {
    if (this.#store.isShared !== true || record.state === 'dropped') return false;
    if (record.request === null) return true;
    // Its owner sends nothing before the request is its own. From here on it is, or never will be.
    return (await this.#name(record.request, record)) || (await this.find(record.request))?.run === record.run;
  }

  /**
   * Proves that a run is this process's, whatever its clock says: nobody who takes it over later was there before.
   *
   * @throws MusterError `LEASE_LOST` or `RUN_FENCED` when it is not.
   */
  async confirm(run: string): Promise<void> {
    if (this.#store.isShared !== true) return;
    const lease = this.#held.get(run);
    if (lease === undefined) throw agentError('RUN_FENCED', { run });
    await lease.update((record) => record);
  }

  /**
   * Asks whoever carries a run of this user to cancel it; harmless when it has ended.
   *
   * @throws MusterError `RUN_NOT_FOUND` when the run is somebody else's.
   */
  async wish({ user }: Principal, run: string, reason: string | null): Promise<void> {
    for (;;) {
      const found = await this.#store.get(runKey(run));
      if (found === undefined) return;
      const record = found.value as unknown as RunRecord;
      if (record.user !== user) throw agentError('RUN_NOT_FOUND', { run });
      if (record.wish !== undefined) return;
      const wished = { ...(found.value as Fields), wish: { reason } };
      if ((await this.#store.update(found.key, wished, found.revision)).ok) return;
    }
  }

  /** Resolves when a run is open no more. */
  async gone(run: string): Promise<void> {
    while ((await this.#store.get(runKey(run))) !== undefined) await sleep(this.#clock, LOOK_MS);
  }

  /** Forgets requests that are too old to be repeated. */
  sweep(): Promise<void> {
    return this.#sweep();
  }

  /** Keeps the record of a run in mind that this process has taken over. */
  adopt(run: string, lease: Lease): void {
    this.#held.set(run, lease);
  }

  async #sweep(): Promise<void> {
    this.#sinceSweep = 0;
    const tooOld = this.#clock.now() - REQUEST_MS;
    const requests = await this.#store.list('requests/');
    const old = requests.filter(({ value }) => (value as unknown as RunRecord).at < tooOld);
    await Promise.all(old.map(({ key, revision }) => this.#store.delete(key, revision)));
  }

  /** Takes a record away if it is one of this run, and of no other process. */
  async #forget(key: string, run: string): Promise<void> {
    const known = await this.#store.get(key);
    if (known === undefined || (known.value as unknown as RunRecord).run !== run) return;
    const owner = ownerOf(known);
    if (this.#store.isShared === true && owner !== undefined && owner !== this.#leases.owner) return;
    await this.#store.delete(key, known.revision);
  }
}

/** Whose run it is, for those who watch; over which connection it was asked for nobody knows any more. */
export function aboutOf({ run, agent, user, thread, parent }: RunRecord): AboutRun {
  return { run, agent, user, thread, stream: streamOf(principalOf(user), thread), parent, connection: null };
}

/** The question of a run, where it may not be stored in its thread yet. */
export function askedIn({ text, at }: RunRecord): Asked | undefined {
  return text === undefined ? undefined : { text, at };
}

function runKey(run: string): string {
  return `${RUNS}${run}`;
}

function requestKey(request: string): string {
  return `requests/${request}`;
}
