/**
 * The event log on NATS JetStream: an append resolves when a majority of the servers has it, and nothing is shown before.
 *
 * Each stream is one subject, each record one message with a batch of events. Those who follow a stream hear of records by
 * what JetStream sends out once they are stored, never by what was merely published.
 */
import type { AgentEvent, StreamInfo } from '@muster/contracts';
import {
  type Appended,
  type Batch,
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
import { decodeRecord, encodeRecord, type StoredRecord } from './codec.ts';
import { Expiry } from './expiry.ts';
import { natsError } from './errors.ts';
import { isPassing, type JetStream } from './jetstream.ts';
import { LiveFeed, LOOK_AGAIN_MS } from './live-feed.ts';
import { NatsConnection } from './nats-connection.ts';
import { NatsSettings } from './options.ts';
import { Outage } from './outage.ts';
import { RecordReader, type StreamHead } from './record-reader.ts';
import { Room } from './room.ts';
import { StreamFollower } from './stream-follower.ts';
import { StreamWriter } from './stream-writer.ts';
import { streamToken } from './subjects.ts';
import { Timers } from './timers.ts';

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
  readonly room: Room;
  readonly live: LiveFeed;
  readonly expiry: Expiry;
  readonly timers: Timers;
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
    const barrier = new Barrier(() => this.#storeMark(jetstream, reader), this.#clock);
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
    const timers = new Timers(this.#clock);
    const limit = Math.min(most, maxAppendBytes);
    const room = new Room(jetstream, keepBytes);
    this.#opened = { jetstream, alive, barrier, reader, room, live, expiry, timers, maxAppendBytes: limit };
    live.open();
    barrier.raise();
    await barrier.passed();
    expiry.plan();
    for (const { follower } of this.#followers.values()) void follower.heal();
  }

  /** Looks for room, and writes a sign of life: a leader that has lost the others goes on answering questions for a while, but stores nothing. */
  async check(): Promise<Health> {
    try {
      const { alive, room } = this.#open;
      const sign = alive.publishAny(`${this.#settings.name}.alive.${this.#instance}`, Buffer.from('alive'));
      await Promise.all([sign, room.look()]);
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
    this.#opened?.timers.close();
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
    const { reader } = this.#open;
    return this.#reading(async () => {
      // What is dropped or forgotten while it is read is no longer what it was: then it is read once more.
      for (;;) {
        const result = await reader.read(this.#subject(stream), after, maxBytes);
        if (result !== undefined) return result;
      }
    });
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
    return this.#reading(() => reader.info(this.#subject(stream)));
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

  /** A record of a subject that no stream has, since all of theirs are longer; only the last is kept. */
  async #storeMark(jetstream: JetStream, reader: RecordReader): Promise<void> {
    const subject = `${this.#settings.name}.events.mark`;
    const mark = {
      kind: 'top',
      epoch: '-',
      offset: 0,
      count: 0,
      at: this.#clock.now(),
      previous: 0,
      began: 0,
    } as const;
    const { bytes } = encodeRecord({ ...mark, attempt: this.#attempt() });
    const sequence = await jetstream.publishAny(subject, bytes);
    // What is left is taken away with the next one.
    reader.forgetBelow(subject, sequence).catch(() => {});
  }

  /** Tries until there is an answer, or the servers have been away for too long. */
  async #reading<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        await this.#open.barrier.caughtUp();
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

  /** All that is kept behind an offset. */
  async #behind(stream: string, after: number): Promise<readonly Batch[]> {
    return (await this.read(stream, { after, maxBytes: Number.POSITIVE_INFINITY })).batches;
  }

  #writer(stream: string): StreamWriter {
    const known = this.#writers.get(stream);
    if (known !== undefined) return known;
    const { jetstream, reader, room, barrier, maxAppendBytes } = this.#open;
    const head = this.#heads.get(stream);
    this.#heads.delete(stream);
    const parts = {
      jetstream,
      reader,
      room,
      clock: this.#clock,
      outage: this.#outage,
      budget: this.#budget,
      limits: { maxWaitingBytes: this.#settings.maxWaitingBytes, maxAppendBytes },
      caughtUp: () => barrier.caughtUp(),
      behind: (of: string, after: number) => this.#behind(of, after),
      attempt: () => this.#attempt(),
      isShown: (sequence: number) => this.#followers.get(stream)?.follower.hasShown(sequence) === true,
      written: (record: StoredRecord) => this.#followers.get(stream)?.follower.arrived(record, record.previous),
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
    const { live, reader, barrier, timers } = this.#open;
    const subject = this.#subject(stream);
    // Listens first, and looks where the stream stands after that: nothing falls in between.
    const end = live.listen(`${this.#settings.name}.stored.${streamToken(stream)}`, ({ sequence, before, data }) => {
      void follower.arrived({ ...decodeRecord(data), sequence }, before);
    });
    const follower: StreamFollower = new StreamFollower(stream, subject, {
      reader,
      caughtUp: () => barrier.caughtUp(),
      show: (name, batch) => this.#sinks.show(name, batch),
      failed: (failing, error) => {
        this.#outage.met(error);
        timers.later(HEAL_AGAIN_MS, () => void failing.heal());
      },
    });
    for (const ms of LOOK_AGAIN_MS) timers.later(ms, () => void (follower.isClosed || follower.heal()));
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

  #fault(component: string, error: unknown): void {
    this.#events.emit({ type: 'fault', component, correlation: null, error, at: this.#clock.now() });
  }
}
