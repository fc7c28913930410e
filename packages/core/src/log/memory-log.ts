/**
 * The event log in this process's memory: everything is gone with the process, and `durability` says so.
 *
 * Each stream keeps its latest records; `floor` tells how far back one can read, and `top` outlives all of them.
 */
import type { AgentEvent, Clock, Random, StreamInfo } from '@muster/contracts';
import { AppendQueue, type Operation, type QueueLimits } from './append-queue.ts';
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
import { joined } from './joined-json.ts';
import { Pace } from './pace.ts';
import { PageMemory } from './page-memory.ts';
import { type PageLimits, RecentRecords } from './recent-records.ts';
import { Sinks } from './sinks.ts';
import type { Subscription } from '../subscription.ts';

export interface MemoryLogOptions extends QueueLimits {
  /** Events kept per stream, rounded up to whole records, a sixteenth at the most; older ones are forgotten. @default 10_000 */
  readonly keepEvents?: number;
  /** Bytes kept per stream; the newest record is kept whatever its size. @default 16_777_216 */
  readonly keepBytes?: number;
  /** Bytes kept of all streams together; beyond them the oldest are forgotten, whosever they are. @default 268_435_456, 256 MiB */
  readonly keepAllBytes?: number;
  /** How long events are kept, in milliseconds; some a sixteenth longer. They go when the log is next used. @default 86_400_000, a day */
  readonly keepMs?: number;
}

export const MEMORY_LOG_DEFAULTS = {
  keepEvents: 10_000,
  keepBytes: 16 * 2 ** 20,
  keepAllBytes: 256 * 2 ** 20,
  keepMs: 86_400_000,
} as const;

/** Part of what is kept that may be kept beyond it, because records go as a whole. */
const GRAIN = 1 / 16;
/** How far apart records of one page may have been added, in milliseconds. */
const PAGE_MS = 60_000;

export class MemoryLog implements EventLog {
  readonly durability = 'memory';
  readonly #memory = new PageMemory();
  /** Streams that hold records, the one first that was looked at longest ago. */
  readonly #kept = new Map<string, RecentRecords>();
  /** Where streams stand that hold nothing any more; of one that never held anything there is no trace. */
  readonly #emptied = new Map<string, Head>();
  readonly #options: Required<Omit<MemoryLogOptions, keyof QueueLimits>>;
  readonly #page: PageLimits;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue: AppendQueue;
  readonly #sinks: Sinks;
  readonly #heads: Heads<Head>;
  /** Of every stream that was never dropped; made when the first is looked at. */
  #firstEpoch: string | undefined;
  #isDue = false;
  readonly #pace = new Pace();

  /** @param sinkFailed told what a sink threw; the append has succeeded all the same. */
  constructor(clock: Clock, random: Random, sinkFailed: (error: unknown) => void, options: MemoryLogOptions = {}) {
    const { keepEvents, keepBytes, keepAllBytes, keepMs } = { ...MEMORY_LOG_DEFAULTS, ...options };
    this.#clock = clock;
    this.#random = random;
    this.#options = { keepEvents, keepBytes, keepAllBytes, keepMs };
    this.#page = {
      events: Math.min(RECORD.events, keepEvents * GRAIN),
      bytes: Math.min(RECORD.bytes, keepBytes * GRAIN),
      withinMs: Math.min(PAGE_MS, keepMs * GRAIN),
    };
    this.#sinks = new Sinks(sinkFailed);
    this.#queue = new AppendQueue(options, () => this.#wake());
    this.#heads = {
      of: (stream) => this.#head(stream),
      advanced: ({ epoch }, top) => ({ epoch, top }),
      renewed: () => ({ epoch: this.#random.uuid(), top: 0 }),
      joined: ({ parts }) => joined(parts),
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
    const now = this.#clock.monotonic();
    this.#kept.get(stream)?.expire(now - this.#options.keepMs);
    this.#expire(now);
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
    if (!this.#pace.isSlow) return this.#flushAfter(0);
    const now = this.#clock.monotonic();
    this.#pace.joined(now, this.#queue.joined, this.#queue.length === 1);
    this.#flushAfter(this.#pace.delayAt(now));
  }

  #flushAfter(delayMs: number): void {
    if (this.#isDue) return;
    this.#isDue = true;
    if (delayMs > 0) this.#clock.schedule(delayMs, this.#flushDue);
    else queueMicrotask(this.#flushDue);
  }

  readonly #flushDue = (): void => {
    this.#isDue = false;
    const now = this.#clock.monotonic();
    const due = this.#pace.dueAt(now, this.#queue.joined);
    let appends = 0;
    let events = 0;
    while (this.#queue.oldest <= due) {
      const taken = this.#queue.take(due);
      appends += taken.length;
      events += this.#flush(taken, now);
    }
    this.#pace.left(now, appends, events);
    if (!this.#queue.isEmpty) this.#flushAfter(this.#pace.delayAt(now));
  };

  /** Returns how many events it was. */
  #flush(taken: readonly Operation[], now: number): number {
    const flush = new Flush(taken, this.#heads);
    for (const { stream } of flush.dropped) {
      this.#kept.get(stream)?.clear();
      this.#kept.delete(stream);
      this.#emptied.set(stream, flush.head(stream));
    }
    // All of it is in the log before any of it is shown.
    for (const made of flush.made) if (made.batch.epoch === flush.head(made.stream).epoch) this.#keep(made, now);
    this.#expire(now);
    let events = 0;
    for (const { stream, batch } of flush.made) {
      events += batch.count;
      this.#sinks.show(stream, batch);
    }
    this.#queue.settled(taken);
    flush.resolve();
    return events;
  }

  #keep({ stream, head, batch }: Made<Head>, now: number): void {
    const { keepEvents, keepBytes, keepAllBytes, keepMs } = this.#options;
    let records = this.#kept.get(stream);
    if (records === undefined) {
      records = new RecentRecords(batch.offset - 1, this.#page, this.#memory, now);
      this.#kept.set(stream, records);
      this.#emptied.delete(stream);
    }
    records.add(head, batch, now);
    records.limit(keepEvents, keepBytes);
    records.expire(now - keepMs);
    // Whoever has nothing left is let go of in its turn.
    while (this.#memory.lentBytes > keepAllBytes && this.#memory.reclaimOldest());
  }

  /** Forgets what is too old of streams that nobody writes to any more, looking at each now and then; the others forget as they are used. */
  #expire(now: number): void {
    const { keepMs } = this.#options;
    for (const [stream, records] of this.#kept) {
      if (now - records.lookedAt < keepMs * GRAIN) return;
      records.expire(now - keepMs);
      this.#kept.delete(stream);
      records.lookedAt = now;
      if (records.isEmpty) this.#emptied.set(stream, records.head);
      else this.#kept.set(stream, records);
    }
  }
}
