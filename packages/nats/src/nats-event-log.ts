/**
 * The event log on NATS JetStream: an append resolves when a majority of the servers has it, and nothing is shown before.
 *
 * Each stream is one subject, each record one message with a batch of events. Those who follow a stream hear of records by
 * what JetStream sends out once they are stored, never by what was merely published.
 */
import type { AgentEvent, StreamInfo, Timer } from '@muster/contracts';
import {
  type Appended,
  type Batch,
  bounded,
  Clock,
  type EventLog,
  type Expected,
  type Gathering,
  type Health,
  healthy,
  Random,
  type ReadResult,
  RuntimeEvents,
  service,
  sleep,
  type Subscription,
  unhealthy,
} from '@muster/core';
import { QueueBudget, READ_BYTES, Sinks } from '@muster/core/storage';
import { Barrier } from './barrier.ts';
import { batchOf, decodeRecord, encodeRecord, type StoredRecord, topOf } from './codec.ts';
import { Expiry } from './expiry.ts';
import { natsError } from './errors.ts';
import { isPassing, type JetStream, REQUEST_MS } from './jetstream.ts';
import { LiveFeed } from './live-feed.ts';
import { NatsConnection } from './nats-connection.ts';
import { NatsSettings } from './options.ts';
import { Outage } from './outage.ts';
import { RecordReader, type StreamHead } from './record-reader.ts';
import { StreamFollower } from './stream-follower.ts';
import { StreamWriter } from './stream-writer.ts';
import { streamToken } from './subjects.ts';

/** When a stream that is followed from now on is looked at again: what JetStream sends may not have found its way yet. */
const LOOK_AGAIN_MS = [250, 2_000] as const;
/** Pause before what could not be read is read again, in milliseconds. */
const HEAL_AGAIN_MS = 1_000;
/** How long a sign of life is kept, in nanoseconds. */
const ALIVE_NS = 3_600_000_000_000;
/** Pause before what could not be read is asked for again, in milliseconds. */
const READ_AGAIN_MS = 250;
/** An outage that lasts longer closes the gates of this instance, in milliseconds: a change of leaders is shorter. */
const OUTAGE_MS = 10_000;
/** When who was refused may try again, in milliseconds. */
const RETRY_MS = 5_000;
/** How many streams are looked at side by side when what was sent may have been lost. */
const HEAL_AT_ONCE = 32;
/** Of how many streams that nobody writes at the moment it is remembered where they stand. */
const HEADS = 10_000;
/** How large a record may be beside its events, in bytes. */
const BESIDE = 1_024;

/** What exists between start and stop. */
interface Opened {
  readonly jetstream: JetStream;
  readonly alive: JetStream;
  readonly barrier: Barrier;
  readonly reader: RecordReader;
  readonly live: LiveFeed;
  readonly expiry: Expiry;
  readonly maxAppendBytes: number;
}

@service({
  dependsOn: [NatsConnection, NatsSettings, Clock, Random, RuntimeEvents],
  // It knows itself how long an outage may last, and a question may take as long as a request.
  health: { failures: 1, successes: 1, timeoutMs: 3_000 },
})
export class NatsEventLog implements EventLog {
  readonly isShared = true;
  readonly #connection: NatsConnection;
  readonly #settings: NatsSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #events: RuntimeEvents;
  readonly #sinks: Sinks;
  readonly #budget = new QueueBudget();
  readonly #outage: Outage;
  readonly #writers = new Map<string, StreamWriter>();
  readonly #heads = new Map<string, StreamHead>();
  readonly #followers = new Map<
    string,
    { readonly follower: StreamFollower; holders: number; readonly end: () => void }
  >();
  readonly #timers = new Set<Timer>();
  #opened: Opened | undefined;
  #attempts = 0;
  #instance = '';

  constructor(connection: NatsConnection, settings: NatsSettings, clock: Clock, random: Random, events: RuntimeEvents) {
    this.#connection = connection;
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
    this.#outage = new Outage(clock, settings.bufferMs);
    this.#sinks = new Sinks((error) => this.#fault('event log subscriber', error));
  }

  get durability(): 'memory' | 'quorum' {
    return this.#settings.replicas >= 3 ? 'quorum' : 'memory';
  }

  /** @throws MusterError `NATS_STREAM_UNFIT`, or `NATS_NO_JETSTREAM`, which can pass. */
  async start(): Promise<void> {
    const { name, replicas, keepBytes, maxAppendBytes } = this.#settings;
    const stream = `${name}_events`;
    const { created } = await this.#connection.ensureStream({
      name: stream,
      subjects: [`${name}.events.*`],
      num_replicas: replicas,
      max_bytes: keepBytes,
      discard: 'new',
      max_msgs_per_subject: -1,
      republish: { src: `${name}.events.*`, dest: `${name}.stored.{{wildcard(1)}}` },
    });
    await this.#connection.ensureStream({
      name: `${name}_alive`,
      subjects: [`${name}.alive.*`],
      num_replicas: replicas,
      max_msgs_per_subject: 1,
      max_age: ALIVE_NS,
      storage: 'memory',
    });
    this.#instance = this.#random.uuid();
    const jetstream = this.#connection.jetstream(stream);
    // A stream that was never dropped has the epoch of the whole: with another NATS come other offsets.
    const reader = new RecordReader(jetstream, streamToken(`${stream} ${created}`).slice(0, 22));
    const barrier = new Barrier(() => this.#storeMark(jetstream), this.#clock);
    const live = new LiveFeed(this.#connection, stream, () => {
      barrier.raise();
      void this.#healAll();
    });
    const expiry = new Expiry({
      jetstream,
      reader,
      clock: this.#clock,
      keepMs: this.#settings.keepMs,
      subjects: `${name}.events.*`,
      attempt: () => this.#attempt(),
      failed: (error) => this.#fault('expiry of the event log', error),
    });
    const most = this.#connection.maxPayload - BESIDE;
    const alive = this.#connection.jetstream(`${name}_alive`);
    this.#opened = { jetstream, alive, barrier, reader, live, expiry, maxAppendBytes: Math.min(most, maxAppendBytes) };
    live.open();
    barrier.raise();
    await barrier.passed;
    expiry.plan();
    for (const { follower } of this.#followers.values()) void follower.heal();
  }

  /** Writes a sign of life: a leader that has lost the others goes on answering questions for a while, but stores nothing. */
  async check(): Promise<Health> {
    try {
      await this.#open.alive.publishAny(`${this.#settings.name}.alive.${this.#instance}`, Buffer.from('alive'));
      if (this.#writers.size === 0) this.#outage.over();
    } catch (error) {
      this.#outage.met(error);
    }
    const { ms, reason } = this.#outage;
    return ms < OUTAGE_MS ? healthy : unhealthy(`nothing could be stored for ${Math.round(ms / 1_000)} s: ${reason}`);
  }

  /** Writes what waits, and takes no more. */
  async stop({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const giveUp = (): void => {
      for (const writer of this.#writers.values()) writer.giveUp(natsError('NATS_CLOSED', {}));
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    if (this.#outage.ms > 0) giveUp();
    await Promise.all([...this.#writers.values()].map((writer) => writer.settled()));
    signal?.removeEventListener('abort', giveUp);
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#opened?.live.close();
    this.#opened?.barrier.close();
    await this.#opened?.expiry.stop();
    this.#opened = undefined;
  }

  append(stream: string, events: readonly AgentEvent[] | Gathering, expected: Expected = {}): Promise<Appended> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#writer(stream).queue.append(stream, events, expected.expectedTop, expected.since);
  }

  async read(
    stream: string,
    { after, maxBytes = READ_BYTES }: { readonly after: number; readonly maxBytes?: number },
  ): Promise<ReadResult> {
    return this.#reading(async () => {
      // What is dropped or forgotten while it is read is no longer what it was: then it is read once more.
      for (;;) {
        const result = await this.#read(stream, after, maxBytes);
        if (result !== undefined) return result;
      }
    });
  }

  /** Resolves when the leader knows all that was stored. @throws Error when that takes longer than a request */
  async #caughtUp(): Promise<void> {
    const { barrier } = this.#open;
    if (barrier.passed === undefined) return;
    const onTimeout = (): Error => new Error('the new leader has not caught up');
    await bounded({ clock: this.#clock, timeoutMs: REQUEST_MS, onTimeout }, () => barrier.passed);
  }

  /** A record of a stream of its own, of which only the last is kept. */
  async #storeMark(jetstream: JetStream): Promise<void> {
    const subject = this.#subject('mark');
    const mark = {
      kind: 'top',
      epoch: '-',
      offset: 0,
      count: 0,
      at: this.#clock.now(),
      previous: 0,
      began: 0,
    } as const;
    const bytes = encodeRecord({ ...mark, attempt: this.#attempt(), json: Buffer.alloc(0) });
    const sequence = await jetstream.publishAny(subject, bytes);
    // What is left is taken away with the next one.
    jetstream.purgeBelow(subject, sequence).catch(() => {});
  }

  /** Tries until there is an answer, or the servers have been away for too long. */
  async #reading<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        await this.#caughtUp();
        return await work();
      } catch (error) {
        if (!isPassing(error) || this.#opened === undefined) throw error;
        this.#outage.met(error);
        const refusal = this.#refusal();
        if (refusal !== undefined) throw refusal;
      }
      await sleep(this.#clock, READ_AGAIN_MS);
    }
  }

  /** Nothing where the stream has changed under the reader's hands. */
  async #read(stream: string, after: number, maxBytes: number): Promise<ReadResult | undefined> {
    const { reader } = this.#open;
    const subject = this.#subject(stream);
    const end = await reader.end(subject);
    const last = end.head;
    const head = reader.standing(end);
    const { epoch, top } = head;
    const first = last === undefined ? undefined : await reader.first(subject, head);
    const floor = floorOf(first, top);
    if (last === undefined || Math.max(after, floor) >= top) return { epoch, floor, top, batches: [] };
    if (first === undefined || first.epoch !== epoch) return undefined;
    const from = Math.max(after, floor) + 1;
    const batches: Batch[] = [];
    let bytes = 0;
    let record: StoredRecord | undefined = await reader.before(subject, from, first, last);
    for (let at = from; record !== undefined;) {
      if (record.epoch !== epoch || (record.count > 0 && record.offset > at)) return undefined;
      if (record.count > 0 && topOf(record) >= from) {
        bytes += record.json.length;
        if (batches.length > 0 && bytes > maxBytes) break;
        batches.push(batchOf(record));
        at = topOf(record) + 1;
      }
      record = record.sequence >= last.sequence ? undefined : await reader.successor(subject, record.sequence);
    }
    return batches.length > 0 ? { epoch, floor, top, batches } : undefined;
  }

  /** All that is kept behind an offset. */
  async #behind(stream: string, after: number): Promise<readonly Batch[]> {
    return (await this.read(stream, { after, maxBytes: Number.POSITIVE_INFINITY })).batches;
  }

  subscribe(stream: string, sink: (batch: Batch) => void): Subscription {
    const subscription = this.#sinks.add(stream, sink);
    const followed = this.#followers.get(stream) ?? this.#follow(stream);
    followed.holders += 1;
    let isClosed = false;
    return {
      close: () => {
        if (isClosed) return;
        isClosed = true;
        subscription.close();
        followed.holders -= 1;
        if (followed.holders > 0) return;
        followed.follower.isClosed = true;
        followed.end();
        this.#followers.delete(stream);
      },
    };
  }

  async info(stream: string): Promise<StreamInfo> {
    const { reader } = this.#open;
    const subject = this.#subject(stream);
    return this.#reading(async () => {
      const end = await reader.end(subject);
      const head = reader.standing(end);
      const first = end.head === undefined ? undefined : await reader.first(subject, head);
      return { epoch: head.epoch, floor: floorOf(first, head.top), top: head.top };
    });
  }

  drop(stream: string): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#writer(stream).queue.drop(stream);
  }

  /** Forgets now what is too old, as is done from time to time; resolves when it is done. */
  sweep(): Promise<void> {
    return this.#open.expiry.sweep();
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw natsError('NATS_CLOSED', {});
    return this.#opened;
  }

  #subject(stream: string): string {
    return `${this.#settings.name}.events.${streamToken(stream)}`;
  }

  #attempt(): string {
    this.#attempts += 1;
    return `${this.#instance}:${this.#attempts}`;
  }

  #refusal(): Error | undefined {
    if (this.#opened === undefined) return natsError('NATS_CLOSED', {});
    const { isLong, ms } = this.#outage;
    return isLong ? natsError('LOG_UNAVAILABLE', { sinceMs: Math.round(ms), retryAfterMs: RETRY_MS }) : undefined;
  }

  #writer(stream: string): StreamWriter {
    const known = this.#writers.get(stream);
    if (known !== undefined) return known;
    const { jetstream, reader, maxAppendBytes } = this.#open;
    const head = this.#heads.get(stream);
    this.#heads.delete(stream);
    const parts = {
      jetstream,
      reader,
      clock: this.#clock,
      outage: this.#outage,
      budget: this.#budget,
      limits: { maxWaitingBytes: this.#settings.maxWaitingBytes, maxAppendBytes },
      caughtUp: () => this.#caughtUp(),
      behind: (of: string, after: number) => this.#behind(of, after),
      attempt: () => this.#attempt(),
      written: (record: StoredRecord) => this.#followers.get(stream)?.follower.arrived(record),
      idle: ({ head: known }: StreamWriter) => {
        this.#writers.delete(stream);
        if (known !== undefined) this.#remember(stream, known);
      },
    };
    const writer = new StreamWriter(stream, this.#subject(stream), parts, head);
    this.#writers.set(stream, writer);
    return writer;
  }

  /** Where the streams stand that were written last; of any other the next append finds it out. */
  #remember(stream: string, head: StreamHead): void {
    this.#heads.set(stream, head);
    if (this.#heads.size <= HEADS) return;
    for (const oldest of this.#heads.keys()) {
      this.#heads.delete(oldest);
      break;
    }
  }

  #follow(stream: string) {
    const { live, reader } = this.#open;
    const subject = this.#subject(stream);
    // Listens first, and looks where the stream stands after that: nothing falls in between.
    const end = live.listen(`${this.#settings.name}.stored.${streamToken(stream)}`, (sequence, data) => {
      void follower.arrived({ ...decodeRecord(data), sequence });
    });
    const follower: StreamFollower = new StreamFollower(stream, subject, {
      reader,
      caughtUp: () => this.#caughtUp(),
      show: (name, batch) => this.#sinks.show(name, batch),
      failed: (failing, error) => {
        this.#outage.met(error);
        this.#later(HEAL_AGAIN_MS, () => void failing.heal());
      },
    });
    for (const ms of LOOK_AGAIN_MS) this.#later(ms, () => void (follower.isClosed || follower.heal()));
    const followed = { follower, holders: 0, end };
    this.#followers.set(stream, followed);
    return followed;
  }

  /** What was sent may have been lost: every stream that somebody follows is looked at. */
  async #healAll(): Promise<void> {
    const open = [...this.#followers.values()];
    const one = async (): Promise<void> => {
      for (let next = open.pop(); next !== undefined; next = open.pop()) await next.follower.heal();
    };
    await Promise.all(Array.from({ length: HEAL_AT_ONCE }, one));
  }

  #later(ms: number, work: () => void): void {
    if (this.#opened === undefined) return;
    const timer = this.#clock.schedule(ms, () => {
      this.#timers.delete(timer);
      work();
    });
    this.#timers.add(timer);
  }

  #fault(component: string, error: unknown): void {
    this.#events.emit({ type: 'fault', component, correlation: null, error, at: this.#clock.now() });
  }
}

/** The last offset that is no longer kept. */
function floorOf(first: StoredRecord | undefined, top: number): number {
  if (first === undefined) return top;
  return first.count === 0 ? first.offset : first.offset - 1;
}
