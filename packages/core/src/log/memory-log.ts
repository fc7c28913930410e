/**
 * The event log in this process's memory: everything is gone with the process, and `durability` says so.
 *
 * Each stream keeps its latest records; `floor` tells how far back one can read, and `top` outlives all of them.
 */
import type { AgentEvent, Clock, Random, StreamInfo } from '@muster/contracts';
import { AppendQueue, type QueueLimits } from './append-queue.ts';
import {
  type Appended,
  type Batch,
  type EventLog,
  type Expected,
  type Gathering,
  READ_BYTES,
  type ReadResult,
} from './event-log.ts';
import { Flush, type Head, type Heads, type Made, RECORD } from './flush.ts';
import { type Grown, RecentRecords } from './recent-records.ts';
import { RecordBytes } from './record-bytes.ts';
import { Sinks } from './sinks.ts';
import type { Subscription } from '../subscription.ts';

export interface MemoryLogOptions extends QueueLimits {
  /** Events kept per stream, rounded up to whole records, a sixteenth at the most; older ones are forgotten. @default 10_000 */
  readonly keepEvents?: number;
  /** Bytes kept per stream; the newest record is kept whatever its size. @default 16_777_216 */
  readonly keepBytes?: number;
  /** How long events are kept, in milliseconds; some a sixteenth longer. They go when the log is next used. @default 86_400_000, a day */
  readonly keepMs?: number;
}

export const MEMORY_LOG_DEFAULTS = { keepEvents: 10_000, keepBytes: 16 * 2 ** 20, keepMs: 86_400_000 } as const;

/**
 * Milliseconds that the log gathers for each append of the flush before, up to a bound, while so many come in a millisecond:
 * from there on it pays to send fewer and larger records.
 */
const GATHER = { fromPerMs: 10, msPerAppend: 0.1, mostMs: 20 } as const;
/** Part of what is kept that may be kept beyond it, because records go as a whole. */
const GRAIN = 1 / 16;
/** How far apart records may have been added that grow together, in milliseconds. */
const GROWN_WITHIN_MS = 60_000;

export class MemoryLog implements EventLog {
  readonly durability = 'memory';
  /** Streams that hold records, the one that was written to least recently first. */
  readonly #kept = new Map<string, RecentRecords>();
  /** Where streams stand that hold nothing any more; of one that never held anything there is no trace. */
  readonly #emptied = new Map<string, Head>();
  readonly #options: Required<Omit<MemoryLogOptions, keyof QueueLimits>>;
  readonly #grown: Grown;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue: AppendQueue;
  readonly #sinks: Sinks;
  readonly #heads: Heads<Head>;
  /** Of every stream that was never dropped; made when the first is looked at. */
  #firstEpoch: string | undefined;
  #isDue = false;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #spacingMs = 0;

  /** @param sinkFailed told what a sink threw; the append has succeeded all the same. */
  constructor(clock: Clock, random: Random, sinkFailed: (error: unknown) => void, options: MemoryLogOptions = {}) {
    const { keepEvents, keepBytes, keepMs } = { ...MEMORY_LOG_DEFAULTS, ...options };
    this.#clock = clock;
    this.#random = random;
    this.#options = { keepEvents, keepBytes, keepMs };
    this.#grown = {
      events: Math.min(RECORD.events, keepEvents * GRAIN),
      bytes: Math.min(RECORD.bytes, keepBytes * GRAIN),
      withinMs: Math.min(GROWN_WITHIN_MS, keepMs * GRAIN),
    };
    this.#sinks = new Sinks(sinkFailed);
    this.#queue = new AppendQueue(options, () => this.#wake());
    const bytes = new RecordBytes();
    this.#heads = {
      of: (stream) => this.#head(stream),
      advanced: ({ epoch }, top) => ({ epoch, top }),
      renewed: () => ({ epoch: this.#random.uuid(), top: 0 }),
      joined: ({ parts }) => bytes.joined(parts),
      behind: (stream, after) => this.#kept.get(stream)?.above(after, Number.POSITIVE_INFINITY) ?? [],
    };
  }

  append(stream: string, events: readonly AgentEvent[] | Gathering, expected: Expected = {}): Promise<Appended> {
    return this.#queue.append(stream, events, expected.expectedTop, expected.since);
  }

  async read(
    stream: string,
    { after, maxBytes = READ_BYTES }: { readonly after: number; readonly maxBytes?: number },
  ): Promise<ReadResult> {
    const info = this.#info(stream);
    return { ...info, batches: this.#kept.get(stream)?.above(after, maxBytes) ?? [] };
  }

  subscribe(stream: string, sink: (batch: Batch) => void): Subscription {
    return this.#sinks.add(stream, sink);
  }

  async info(stream: string): Promise<StreamInfo> {
    return this.#info(stream);
  }

  drop(stream: string): Promise<void> {
    return this.#queue.drop(stream);
  }

  #info(stream: string): StreamInfo {
    this.#kept.get(stream)?.expire(this.#oldest);
    this.#expire();
    const { epoch, top } = this.#head(stream);
    return { epoch, floor: this.#kept.get(stream)?.floor ?? top, top };
  }

  #head(stream: string): Head {
    return (
      this.#kept.get(stream)?.head ??
      this.#emptied.get(stream) ?? { epoch: (this.#firstEpoch ??= this.#random.uuid()), top: 0 }
    );
  }

  /** What is called in one tick is one flush; under load one gathers for some milliseconds. */
  #wake(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const early = this.#flushedAt + this.#spacingMs - this.#clock.monotonic();
    if (early > 0) this.#clock.schedule(early, this.#flushAll);
    else queueMicrotask(this.#flushAll);
  }

  readonly #flushAll = (): void => {
    this.#isDue = false;
    const now = this.#clock.monotonic();
    let appends = 0;
    while (!this.#queue.isEmpty) appends += this.#flush();
    // Of a clock that stands still there is no rate.
    const isMuch = now > this.#flushedAt && appends >= (now - this.#flushedAt) * GATHER.fromPerMs;
    this.#spacingMs = isMuch ? Math.min(appends * GATHER.msPerAppend, GATHER.mostMs) : 0;
    this.#flushedAt = now;
  };

  /** Returns how many appends and drops it was. */
  #flush(): number {
    const taken = this.#queue.take();
    const flush = new Flush(taken, this.#heads);
    for (const { stream } of flush.dropped) {
      this.#kept.delete(stream);
      this.#emptied.set(stream, flush.head(stream));
    }
    // All of it is in the log before any of it is shown.
    for (const made of flush.made) if (made.batch.epoch === flush.head(made.stream).epoch) this.#keep(made);
    this.#expire();
    for (const { stream, batch } of flush.made) this.#sinks.show(stream, batch);
    this.#queue.settled(taken);
    flush.resolve();
    return taken.length;
  }

  #keep({ stream, head, batch }: Made<Head>): void {
    const records = this.#kept.get(stream) ?? new RecentRecords(batch.offset - 1, this.#grown);
    records.add(head, batch, this.#clock.monotonic());
    records.limit(this.#options.keepEvents, this.#options.keepBytes);
    records.expire(this.#oldest);
    // Put in again, so that it stands last.
    this.#kept.delete(stream);
    this.#kept.set(stream, records);
    this.#emptied.delete(stream);
  }

  get #oldest(): number {
    return this.#clock.monotonic() - this.#options.keepMs;
  }

  /** Forgets what is too old of streams that nobody writes to any more; the others forget as they are used. */
  #expire(): void {
    for (const [stream, records] of this.#kept) {
      records.expire(this.#oldest);
      if (!records.isEmpty) return;
      this.#kept.delete(stream);
      this.#emptied.set(stream, records.head);
    }
  }
}
