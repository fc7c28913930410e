/**
 * Writes one stream: what arrives while a record is on its way goes into the next one.
 *
 * Each record is appended under the condition that it follows the one before, so of several instances that write at the same
 * time each knows what the others have written. A record of which nobody knows whether it was written is sent again until
 * that is known: it says which attempt it belongs to.
 */
import {
  addEntries,
  type Append,
  AppendQueue,
  conclude,
  type Operation,
  type Part,
  type QueueBudget,
  RECORD,
  Refusal,
} from '@muster/core/storage';
import { type Appended, type Batch, type Clock, type Since, sleep } from '@muster/core';
import { encodeRecord, type RecordHead, type StoredRecord, topOf } from './codec.ts';
import { natsError } from './errors.ts';
import { isFull, isPassing, type JetStream } from './jetstream.ts';
import type { Outage } from './outage.ts';
import type { RecordReader, StreamHead } from './record-reader.ts';
import type { Room } from './room.ts';

/** Pause before a record is sent again, in milliseconds, doubled up to the most. */
const AGAIN_MS = { first: 50, most: 1_000 } as const;

export interface WriterParts {
  readonly jetstream: JetStream;
  readonly reader: RecordReader;
  readonly room: Room;
  readonly clock: Clock;
  readonly outage: Outage;
  readonly budget: QueueBudget;
  readonly limits: { readonly maxWaitingBytes: number; readonly maxAppendBytes: number };
  /** Resolves when the leader knows all that was stored. */
  readonly caughtUp: () => Promise<void>;
  /** All records of a stream with events behind an offset. */
  behind(stream: string, after: number): Promise<readonly Batch[]>;
  /** Unique for each call. */
  attempt(): string;
  /** True when those who follow the stream have been shown the record of this sequence, and none behind it. */
  isShown(sequence: number): boolean;
  /** Called with what is stored, before whoever appended it is told; those who follow the stream must have seen it then. */
  written(record: StoredRecord): Promise<void> | undefined;
  /** Nothing waits any more. */
  idle(writer: StreamWriter): void;
}

/** Appends that go into one record, or into none. */
interface Gathered {
  /** How each of them ends when the record is written. */
  readonly endings: readonly (Appended | Refusal)[];
  /** What the record has of them. */
  readonly parts: readonly Part[];
  readonly count: number;
}

export class StreamWriter {
  readonly stream: string;
  readonly #subject: string;
  readonly #parts: WriterParts;
  readonly #queue: AppendQueue;
  readonly #stopped = new AbortController();
  #head: StreamHead | undefined;
  #writing: Promise<void> | undefined;

  /** @param head where the stream stood when it was last written here, if that is known. */
  constructor(stream: string, subject: string, parts: WriterParts, head: StreamHead | undefined) {
    this.#head = head;
    this.stream = stream;
    this.#subject = subject;
    this.#parts = parts;
    this.#queue = new AppendQueue(parts.limits, () => this.#wake(), parts.budget);
  }

  /** Where the stream stands as far as this writer knows. */
  get head(): StreamHead | undefined {
    return this.#head;
  }

  get queue(): AppendQueue {
    return this.#queue;
  }

  /** Rejects what waits and has not been sent. */
  refuse(error: unknown): void {
    this.#queue.refuse(error);
  }

  /** Writes what waits; `giveUp` ends that. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  giveUp(error: unknown): void {
    this.#stopped.abort(error);
    this.#queue.refuse(error);
  }

  #wake(): void {
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // What is called in one tick is written together.
    await Promise.resolve();
    while (!this.#queue.isEmpty) {
      const taken = this.#queue.take();
      await this.#write(taken);
      this.#queue.settled(taken);
    }
    this.#writing = undefined;
    this.#parts.idle(this);
  }

  /** Never rejects: each operation is told how it ended. */
  async #write(operations: readonly Operation[]): Promise<void> {
    let at = 0;
    while (at < operations.length) {
      const operation = operations[at] as Operation;
      try {
        if (operation.kind === 'append') at += await this.#append(operations, at);
        else {
          await this.#drop();
          operation.resolve();
          at += 1;
        }
      } catch (error) {
        // It is known that nothing of this was written; what comes behind it stands on other ground.
        this.#head = undefined;
        operation.reject(error);
        at += 1;
      }
    }
  }

  /** Writes as many appends as make one record; returns how many operations that were. */
  async #append(operations: readonly Operation[], from: number): Promise<number> {
    let isFresh = this.#head === undefined;
    for (;;) {
      const head = (this.#head ??= await this.#persist(() => this.#standing()));
      const gathered = gather(operations, from, head, await this.#seen(operations, from, head));
      // Where nothing is written, nothing proves that no other instance has: then the verdict is based on a fresh look.
      if (gathered.count === 0 ? isFresh : await this.#record(head, gathered)) {
        const { endings } = gathered;
        for (let at = 0; at < endings.length; at += 1) {
          conclude(operations[from + at] as Append, endings[at] as Appended | Refusal);
        }
        return endings.length;
      }
      this.#head = undefined;
      isFresh = true;
    }
  }

  /** The records that an append wants to look at before it is written; only the first of those that wait can be next. */
  async #seen(operations: readonly Operation[], from: number, head: StreamHead): Promise<readonly Batch[]> {
    const operation = operations[from];
    const after = operation?.kind === 'append' ? operation.since?.after : undefined;
    if (after === undefined || after >= head.top) return [];
    return this.#persist(() => this.#parts.behind(this.stream, after));
  }

  /** False when somebody else has written in between. */
  async #record(head: StreamHead, { parts, count }: Gathered): Promise<boolean> {
    const record: RecordHead = {
      kind: 'events',
      epoch: head.epoch,
      offset: head.top + 1,
      count,
      at: this.#parts.clock.now(),
      previous: head.sequence,
      began: head.began,
      attempt: this.#parts.attempt(),
    };
    const { bytes, json } = encodeRecord(record, parts);
    if (!(await this.#persist(() => this.#parts.room.take(json.length)))) throw natsError('LOG_FULL', {});
    const sequence = await this.#send(record, bytes, head.last);
    if (sequence === undefined) return false;
    this.#head = { epoch: head.epoch, top: topOf(record), sequence, began: head.began, last: sequence };
    await this.#parts.written({ ...record, json, sequence });
    return true;
  }

  /** Begins a new epoch, and forgets what was before it. */
  async #drop(): Promise<void> {
    for (;;) {
      const head = (this.#head ??= await this.#persist(() => this.#standing()));
      const record = beginning(this.#parts.attempt(), head, this.#parts.clock.now());
      const { bytes, json } = encodeRecord(record);
      const sequence = await this.#send(record, bytes, head.last);
      this.#head = undefined;
      if (sequence === undefined) continue;
      this.#head = { epoch: record.epoch, top: 0, sequence, began: sequence, last: sequence };
      await this.#parts.written({ ...record, json, sequence });
      await this.#persist(() => this.#parts.reader.forgetBelow(this.#subject, sequence));
      return;
    }
  }

  async #standing(): Promise<StreamHead> {
    const { reader, caughtUp } = this.#parts;
    await caughtUp();
    return reader.standing(await reader.end(this.#subject));
  }

  /**
   * The sequence that the record got; `undefined` when another record follows the one that it was to follow.
   *
   * @param last sequence of the stream's last message, which JetStream compares with.
   */
  async #send({ previous, attempt }: RecordHead, bytes: Uint8Array, last: number): Promise<number | undefined> {
    return this.#persist(async () => {
      const { reader, jetstream } = this.#parts;
      const published = await jetstream.publish(this.#subject, bytes, last);
      if (published.ok) {
        const { sequence } = published;
        // Nothing at all was stored between the two, or somebody has looked already: what JetStream sends out comes before its answer.
        if (sequence === previous + 1 || this.#parts.isShown(sequence)) return sequence;
      }
      // Another may have been stored before it. And what was refused may have been stored by an attempt that got no answer.
      const next = await reader.successor(this.#subject, previous);
      return next?.attempt === attempt ? next.sequence : undefined;
    });
  }

  /** Tries until there is an answer. What is refused for want of room, or because it is wrong, is not tried again. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const { outage, clock } = this.#parts;
    for (let pause: number = AGAIN_MS.first; ; pause = Math.min(AGAIN_MS.most, pause * 2)) {
      this.#stopped.signal.throwIfAborted();
      try {
        const done = await work();
        outage.over();
        return done;
      } catch (error) {
        if (isFull(error)) throw natsError('LOG_FULL', {}, error);
        if (!isPassing(error)) throw error;
        outage.met(error);
      }
      await sleep(clock, pause, this.#stopped.signal);
    }
  }
}

/**
 * The appends from `from` on that go into one record behind `head`, or into none, and how each of them ends.
 *
 * @param seen what stands in the stream behind the offset that the first of them names; no other may be checked with it.
 */
function gather(operations: readonly Operation[], from: number, head: StreamHead, seen: readonly Batch[]): Gathered {
  const endings: (Appended | Refusal)[] = [];
  const parts: Part[] = [];
  let [top, events, bytes] = [head.top, 0, 0];
  for (let at = from; at < operations.length; at += 1) {
    const append = operations[at] as Operation;
    if (append.kind !== 'append') break;
    const { expectedTop, count, since } = append;
    if (expectedTop !== undefined && expectedTop !== top) {
      endings.push({ ok: false, why: 'conflict', top });
      continue;
    }
    if (events > 0 && (events + count > RECORD.events || bytes + append.bytes > RECORD.bytes)) break;
    // What is to go before it into the same record cannot be looked at yet, and what was looked at the first has asked for.
    if (since !== undefined && at > from) break;
    const refusal = since && refusalOf(since, seen);
    if (refusal !== undefined) {
      endings.push(refusal);
      continue;
    }
    top += count;
    events += count;
    bytes += append.bytes;
    if (count > 0) addEntries(parts, append);
    endings.push({ ok: true, epoch: head.epoch, top });
  }
  return { endings, parts, count: events };
}

function refusalOf(since: Since, seen: readonly Batch[]): Refusal | undefined {
  try {
    for (const batch of seen) if (batch.offset + batch.count - 1 > since.after) since.check(batch);
    return undefined;
  } catch (reason) {
    return new Refusal(reason);
  }
}

function beginning(attempt: string, head: StreamHead, at: number): RecordHead {
  return {
    kind: 'begin',
    epoch: attempt,
    offset: 0,
    count: 0,
    at,
    previous: head.sequence,
    began: 0,
    attempt,
  };
}
