/**
 * What is remembered of runs beyond the process: which are open and whose they are, and which request each came of.
 *
 * A record is under a lease of the process that carries the run. Where the store belongs to one process at a time, whoever
 * opens it knows that the owner before is gone, and ends its runs at once; elsewhere a `RunReaper` waits for the lease.
 */
import type { AgentEvent, Clock, EventData, Position } from '@muster/contracts';
import {
  type EventLog,
  type Fields,
  type Json,
  type KeyValueStore,
  type Lease,
  type Leases,
  type Principal,
  principalOf,
  sleep,
  streamOf,
} from '@muster/core';
import { agentError } from '../errors.ts';
import { allEnded } from './all-ended.ts';
import { closingOf, resumingOf } from './closing.ts';
import type { Resumed } from './run-recorder.ts';

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
  /** Whether it waits for its turn. */
  readonly state: 'waiting' | 'running';
  /** How many owners it has had before; with the lease's own fields `owner` and `leaseMs` it says whose it is. */
  readonly fence: number;
  /** Somebody has asked another process than its owner's to cancel it. */
  readonly wish?: { readonly reason: string | null };
}

/** The request has a run already, which another process has begun to accept at the same time. */
export class RequestTaken extends Error {
  override readonly name = 'RequestTaken';
}

/** Told of a run that was left open and how it ended; without a terminal nothing of it was ever shown. */
type Ended = (record: RunRecord, terminal: EventData<'agent_completed'> | undefined) => Promise<void>;

/** Where the records of open runs stand. */
export const RUNS = 'runs/';
/** How long a request is remembered, in milliseconds. */
const REQUEST_MS = 3_600_000;
/** How many requests are remembered before old ones are looked for. */
const SWEEP_EVERY = 1_000;
/** How often it is looked whether another process has got further, in milliseconds. */
const LOOK_MS = 200;

export class RunRecords {
  readonly #store: KeyValueStore;
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #leases: Leases;
  /** Of the runs that this process carries. */
  readonly #held = new Map<string, Lease>();
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
    return (await this.#eventsOf(stream, from, run, 1)).events.length > 0;
  }

  /**
   * Remembers a run before its first event. When it rejects nothing of it is under way any more.
   *
   * @throws RequestTaken when its request has a run already.
   */
  async open(record: RunRecord): Promise<void> {
    await allEnded([this.#claim(record), this.#take(record)]);
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
    const { ok } = await this.#store.create(requestKey(record.request), record as unknown as Json);
    if (!ok) throw new RequestTaken();
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

  /** The run has its terminal. One that this process does not carry any more is left to whoever does. */
  async close(run: string): Promise<void> {
    const lease = this.#held.get(run);
    this.#held.delete(run);
    await lease?.release();
  }

  /** This process carries the run no more, and whoever finds its record ends it. */
  leave(run: string): void {
    this.#held.get(run)?.leave();
    this.#held.delete(run);
  }

  /** Nothing came of the run: neither it nor its request was. */
  async abandon({ run, request }: RunRecord): Promise<void> {
    await Promise.all([
      this.#held.has(run) ? this.close(run) : this.#forget(runKey(run), run),
      ...(request === null ? [] : [this.#forget(requestKey(request), run)]),
    ]);
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

  /**
   * Gives every open run its terminal, `interrupted` by the reaper; for the start, when none can be going on.
   *
   * @param ended told of each run, also of one that had its terminal already; the run stays open until it resolves.
   */
  async interruptAll(ended: Ended): Promise<void> {
    const open = await this.#store.list(RUNS);
    await Promise.all(open.map(({ value }) => this.interrupt(value as unknown as RunRecord, ended)));
    await this.#sweep();
  }

  /** Forgets requests that are too old to be repeated. */
  sweep(): Promise<void> {
    return this.#sweep();
  }

  /** Keeps the record of a run in mind that this process has taken over. */
  adopt(run: string, lease: Lease): void {
    this.#held.set(run, lease);
  }

  /** Gives one run its terminal, whatever it lacks, and forgets it. */
  async interrupt(record: RunRecord, ended: Ended): Promise<void> {
    const { run, user, thread, from } = record;
    const stream = streamOf(principalOf(user), thread);
    for (;;) {
      const { events, epoch, top } = await this.#eventsOf(stream, from, run);
      // The thread was dropped, and with it all that anybody could wait for.
      if (epoch !== from.epoch) break;
      if (events.length === 0) {
        await ended(record, undefined);
        return this.abandon(record);
      }
      const last = events.at(-1);
      if (last?.event === 'agent_completed') {
        await ended(record, last.data);
        break;
      }
      // Another run of the thread may be closed in between; then this one is looked at again, and has its terminal.
      await this.#log.append(stream, closingOf(events, record, this.#clock.now()), { expectedTop: top });
    }
    await (this.#held.has(run) ? this.close(run) : this.#forget(runKey(run), run));
  }

  /**
   * Makes a run ready to go on here: its open calls are closed, and its owner before can write nothing more.
   *
   * @returns where it stands and what was asked; `undefined` when it has not begun, or has ended.
   */
  async resume(record: RunRecord): Promise<(Resumed & { readonly text: string }) | undefined> {
    const { run, user, thread, from } = record;
    const stream = streamOf(principalOf(user), thread);
    for (;;) {
      const { events, epoch, top } = await this.#eventsOf(stream, from, run);
      const [first] = events;
      if (epoch !== from.epoch || first?.event !== 'agent_started' || events.at(-1)?.event === 'agent_completed')
        return undefined;
      const now = this.#clock.now();
      const more = resumingOf(events, record, now);
      const elapsedMs = Math.max(0, now - record.at);
      const appended = await this.#log.append(stream, more, { expectedTop: top });
      if (appended.ok) return { n: more.at(-1)?.n ?? 0, after: appended.top, elapsedMs, text: first.data.message };
    }
  }

  /** The events of one run, or as many of them as are enough, and where its stream ends. */
  async #eventsOf(
    stream: string,
    from: Position,
    run: string,
    enough = Number.POSITIVE_INFINITY,
  ): Promise<{ events: AgentEvent[]; epoch: string; top: number }> {
    const events: AgentEvent[] = [];
    for (let after = from.offset; ;) {
      const { epoch, floor, top, batches } = await this.#log.read(stream, { after });
      for (const batch of batches) {
        const all = JSON.parse(batch.json.toString('utf8')) as AgentEvent[];
        events.push(...all.slice(Math.max(0, after + 1 - batch.offset)).filter((event) => event.run === run));
        after = batch.offset + batch.count - 1;
      }
      if (batches.length === 0 || events.length >= enough) return { events, epoch, top: Math.max(top, floor) };
    }
  }

  async #sweep(): Promise<void> {
    this.#sinceSweep = 0;
    const tooOld = this.#clock.now() - REQUEST_MS;
    const requests = await this.#store.list('requests/');
    const old = requests.filter(({ value }) => (value as unknown as RunRecord).at < tooOld);
    await Promise.all(old.map(({ key, revision }) => this.#store.delete(key, revision)));
  }

  /** Takes a record away if it is one of this run. */
  async #forget(key: string, run: string): Promise<void> {
    const known = await this.#store.get(key);
    if (known !== undefined && (known.value as unknown as RunRecord).run === run)
      await this.#store.delete(key, known.revision);
  }
}

function runKey(run: string): string {
  return `${RUNS}${run}`;
}

function requestKey(request: string): string {
  return `requests/${request}`;
}
