/**
 * What is remembered of runs beyond the process: which are open, and which request each came of.
 *
 * A run whose process has died gets its terminal when the next one starts: the store belongs to one process at a time, so
 * whoever opens it knows that the owner before is gone.
 */
import type { AgentEvent, Clock, EventData, Position } from '@muster/contracts';
import { type EventLog, type Json, type KeyValueStore, type Principal, principalOf, streamOf } from '@muster/core';
import { agentError } from '../errors.ts';
import { allEnded } from './all-ended.ts';

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
}

/** Told of a run that was left open and how it ended; without a terminal nothing of it was ever shown. */
type Ended = (record: RunRecord, terminal: EventData<'agent_completed'> | undefined) => Promise<void>;

/** How long a request is remembered, in milliseconds. */
const REQUEST_MS = 3_600_000;
/** How many requests are remembered before old ones are looked for. */
const SWEEP_EVERY = 1_000;

export class RunRecords {
  readonly #store: KeyValueStore;
  readonly #log: EventLog;
  readonly #clock: Clock;
  #sinceSweep = 0;

  constructor(store: KeyValueStore, log: EventLog, clock: Clock) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
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

  /** Whether something of a run was ever shown; one of which nobody can tell any more counts as shown. */
  async hasBegun({ run, user, thread, from }: RunRecord): Promise<boolean> {
    const stream = streamOf(principalOf(user), thread);
    const { epoch, floor } = await this.#log.info(stream);
    if (epoch !== from.epoch || floor > from.offset) return true;
    return (await this.#eventsOf(stream, from, run, 1)).events.length > 0;
  }

  /** Remembers a run before its first event. When it rejects nothing of it is under way any more. */
  async open(record: RunRecord): Promise<void> {
    const value = record as unknown as Json;
    const { run, request } = record;
    await allEnded([
      this.#store.create(runKey(run), value),
      ...(request === null ? [] : [this.#store.create(requestKey(request), value)]),
    ]);
    this.#sinceSweep += 1;
    if (this.#sinceSweep >= SWEEP_EVERY) await this.#sweep();
  }

  /** The run has its terminal. */
  close(run: string): Promise<void> {
    return this.#forget(runKey(run));
  }

  /** Nothing came of the run: neither it nor its request was. */
  async abandon({ run, request }: RunRecord): Promise<void> {
    await Promise.all([this.close(run), ...(request === null ? [] : [this.#forget(requestKey(request))])]);
  }

  /**
   * Gives every open run its terminal, `interrupted` by the reaper; for the start, when none can be going on.
   *
   * @param ended told of each run, also of one that had its terminal already; the run stays open until it resolves.
   */
  async interruptAll(ended: Ended): Promise<void> {
    const open = await this.#store.list('runs/');
    await Promise.all(open.map(({ value }) => this.#interrupt(value as unknown as RunRecord, ended)));
    await this.#sweep();
  }

  async #interrupt(record: RunRecord, ended: Ended): Promise<void> {
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
    await this.close(run);
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

  /** Forgets requests that are too old to be repeated. */
  async #sweep(): Promise<void> {
    this.#sinceSweep = 0;
    const tooOld = this.#clock.now() - REQUEST_MS;
    const requests = await this.#store.list('requests/');
    const old = requests.filter(({ value }) => (value as unknown as RunRecord).at < tooOld);
    await Promise.all(old.map(({ key, revision }) => this.#store.delete(key, revision)));
  }

  async #forget(key: string): Promise<void> {
    const known = await this.#store.get(key);
    if (known !== undefined) await this.#store.delete(key, known.revision);
  }
}

function runKey(run: string): string {
  return `runs/${run}`;
}

function requestKey(request: string): string {
  return `requests/${request}`;
}

/** What a run needs to be whole: an end for each tool call that is open, and a terminal. */
function closingOf(events: readonly AgentEvent[], { run, agent, at: startedAt }: RunRecord, now: number): AgentEvent[] {
  const open = new Map<string, { toolName: string; at: number }>();
  for (const { event, data, at } of events) {
    if (event === 'tool_executing') open.set(data.callId, { toolName: data.toolName, at });
    if (event === 'tool_completed') open.delete(data.callId);
  }
  let n = events.at(-1)?.n ?? 0;
  const next = (): Pick<AgentEvent, 'id' | 'run' | 'n' | 'agent' | 'at'> => {
    n += 1;
    return { id: `${run}:${n}`, run, n, agent, at: now };
  };
  const abandoned = [...open].map(([callId, { toolName, at }]): AgentEvent => {
    const data = { callId, toolName, status: 'abandoned' as const, durationMs: Math.max(0, now - at) };
    return { ...next(), event: 'tool_completed', data };
  });
  const { code, message } = agentError('RUN_INTERRUPTED', {});
  const envelope = next();
  const data = {
    status: 'interrupted' as const,
    by: 'reaper' as const,
    code,
    retryable: true,
    error: { code, message },
    count: n,
    durationMs: Math.max(0, now - startedAt),
  };
  return [...abandoned, { ...envelope, event: 'agent_completed', data }];
}
