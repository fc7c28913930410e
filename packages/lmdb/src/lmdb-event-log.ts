/**
 * The event log on LMDB: an append resolves when it is on the disk, and nothing is shown before.
 *
 * What arrives while a flush is written joins the next one, and a flush is one transaction: a few groups of records of
 * all streams under a rising key. There they stay; when there are many new ones, an index learns where each stream lies.
 */
import type { AgentEvent, StreamInfo, Timer } from '@muster/contracts';
import {
  type Appended,
  type Batch,
  Clock,
  type EventLog,
  type Gathering,
  Random,
  type ReadResult,
  RuntimeEvents,
  service,
  type StartContext,
  type Subscription,
} from '@muster/core';
import { AppendQueue, Flush, type Heads, type Operation, READ_BYTES, Sinks } from '@muster/core/storage';
import { BEYOND, decodeGroup, groupedSize, type PlacedRecord, type StoredHead } from './codec.ts';
import { isDiskFull, lmdbError } from './errors.ts';
import { GroupTable } from './group-table.ts';
import { GroupWriter } from './group-writer.ts';
import { LmdbStorage } from './lmdb-storage.ts';
import { LmdbSettings } from './options.ts';
import { readRecords } from './read-records.ts';
import { RecordIndex } from './record-index.ts';
import { Tail } from './tail.ts';
import { turn } from './turn.ts';

/** So much waiting makes a flush worth its price at once. */
const EAGER_BYTES = 256 * 1024;
/**
 * Milliseconds that a log gathers for each event of the flush before, up to so many times the spacing: above 10,000
 * events a second it pays to write and to send fewer and larger records.
 */
const GATHER = { msPerEvent: 0.1, most: 3.2 } as const;
/** When many wait and nobody joins them for so long, in milliseconds, all that append are waiting for the flush. */
const QUIET = { appends: 64, ms: 2 } as const;
/** So many records are shown before anything else has its turn. */
const SHOWN_TOGETHER = 64;
/** How often a full disk lets the newest events outgrow their bound. */
const FULL_TAILS = 4;
/** Steps of forgetting between two flushes; what they leave is for the sweep. */
const STEPS = 32;
/** Part of `keepMs` by which events may be kept longer, and its bounds as an interval, in milliseconds. */
const GRAIN = 1 / 16;
const SWEEP_MS = { least: 100, most: 60_000 };

/** What exists between start and stop. */
interface Opened {
  readonly groups: GroupTable;
  readonly index: RecordIndex;
  readonly tail: Tail;
  readonly firstEpoch: string;
  readonly fail: (error: unknown) => void;
}

@service({ dependsOn: [LmdbStorage, LmdbSettings, Clock, Random, RuntimeEvents] })
export class LmdbEventLog implements EventLog {
  readonly #storage: LmdbStorage;
  readonly #settings: LmdbSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sinks: Sinks;
  readonly #queue: AppendQueue;
  readonly #heads: Omit<Heads<StoredHead>, 'joined'>;
  #opened: Opened | undefined;
  #isClosing = false;
  #nextGroup = 1;
  #flushing: Promise<void> | undefined;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #spacingMs = 0;
  /** How many appends and drops the last flush had. */
  #flushed = 0;
  #quietTimer: Timer | undefined;
  /** Ends a pause between two flushes. */
  #goOn: (() => void) | undefined;
  /** The last of those that write, one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #sweepTimer: Timer | undefined;

  constructor(storage: LmdbStorage, settings: LmdbSettings, clock: Clock, random: Random, events: RuntimeEvents) {
    this.#storage = storage;
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
    const component = 'event log subscriber';
    this.#sinks = new Sinks((error) =>
      events.emit({ type: 'fault', component, correlation: null, error, at: clock.now() }),
    );
    this.#queue = new AppendQueue(settings.limits, () => this.#wake());
    this.#heads = {
      of: (stream) => this.#head(stream),
      advanced: ({ epoch, generation, id }, top) => ({ epoch, top, generation, id }),
      renewed: ({ generation }) => ({ epoch: random.uuid(), top: 0, generation: generation + 1, id: 0 }),
    };
  }

  /** `fsync`, but `memory` where the directory lies in memory. */
  get durability(): 'memory' | 'fsync' {
    return this.#storage.durability;
  }

  /** Reads what has not been indexed: at the most some megabytes. */
  async start({ fail }: Pick<StartContext, 'fail'>): Promise<void> {
    const { environment } = this.#storage;
    const groups = new GroupTable(environment);
    const firstEpoch = environment.meta('epoch') ?? this.#random.uuid();
    if (environment.meta('epoch') === undefined)
      await this.#storage.write((writes) => environment.putMeta(writes, 'epoch', firstEpoch));
    try {
      const opened = { groups, index: new RecordIndex(environment, groups), tail: new Tail(), firstEpoch, fail };
      this.#opened = opened;
      this.#recover(opened);
    } catch (error) {
      this.#opened = undefined;
      const reason = `what is in it cannot be read (${(error as Error).message})`;
      throw lmdbError('DATA_DIRECTORY_UNUSABLE', { directory: environment.directory, reason }, error);
    }
    this.#planSweep();
  }

  /** Writes what waits, and takes no more. */
  async stop(): Promise<void> {
    // What waits is written, and nothing joins it: else a stop would wait for whoever goes on and on.
    this.#isClosing = true;
    this.#sweepTimer?.cancel();
    this.#goOn?.();
    await this.#flushing;
    await this.#turn;
    this.#opened = undefined;
    this.#isClosing = false;
  }

  append(
    stream: string,
    events: readonly AgentEvent[] | Gathering,
    expected: { readonly expectedTop?: number } = {},
  ): Promise<Appended> {
    if (this.#opened === undefined || this.#isClosing) return Promise.reject(this.#closed);
    return this.#queue.append(stream, events, expected.expectedTop);
  }

  async read(
    stream: string,
    { after, maxBytes = READ_BYTES }: { readonly after: number; readonly maxBytes?: number },
  ): Promise<ReadResult> {
    const info = this.#info(stream);
    const records = this.#records(stream, after);
    const batches = readRecords(records, info.epoch, { after, maxBytes }, this.#open.groups.reader());
    return { ...info, batches };
  }

  subscribe(stream: string, sink: (batch: Batch) => void): Subscription {
    return this.#sinks.add(stream, sink);
  }

  async info(stream: string): Promise<StreamInfo> {
    return this.#info(stream);
  }

  drop(stream: string): Promise<void> {
    if (this.#opened === undefined || this.#isClosing) return Promise.reject(this.#closed);
    return this.#queue.drop(stream);
  }

  /** Forgets now what is too old or too much, as is done from time to time; resolves when it is done. */
  async sweep(): Promise<void> {
    const { keepMs, keepBytes } = this.#settings;
    const now = this.#clock.now();
    const { tail, index } = this.#open;
    const isOld = tail.oldestAt !== undefined && tail.oldestAt < now - keepMs * GRAIN;
    if (isOld || tail.hasGone) await this.#inTurn(() => this.#checkpoint());
    const isOpen = (): boolean => this.#opened?.index === index;
    // Appends have their turn between two steps.
    while (isOpen() && (await this.#inTurn(() => index.forget(now - keepMs, keepBytes)))) continue;
  }

  get #closed(): Error {
    return lmdbError('STORAGE_CLOSED', { directory: this.#settings.directory });
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw this.#closed;
    return this.#opened;
  }

  #head(stream: string): StoredHead {
    const { tail, index, firstEpoch } = this.#open;
    return tail.heads.get(stream) ?? index.head(stream) ?? { epoch: firstEpoch, top: 0, generation: 0, id: 0 };
  }

  /** The records of a stream from the one with the event behind `after` on: those that are indexed, then the newest. */
  *#records(stream: string, after: number): Generator<PlacedRecord> {
    const { index, tail } = this.#open;
    const newest = tail.of(stream);
    yield* index.records(this.#head(stream).id, { after, before: newest[0]?.offset ?? BEYOND });
    yield* newest;
  }

  #info(stream: string): StreamInfo {
    const { tail, index } = this.#open;
    const { epoch, top, id } = this.#head(stream);
    const first = index.first(id) ?? tail.firstOf(stream) ?? top + 1;
    return { epoch, floor: first - 1, top };
  }

  /** Goes once more through the groups that are not indexed, in order. What was dropped since is of an older generation. */
  #recover({ groups, index, tail }: Opened): void {
    this.#nextGroup = index.indexed + 1;
    for (const { group, bytes } of groups.behind(index.indexed)) {
      this.#nextGroup = group + 1;
      tail.hold(group, bytes.length);
      for (const { stream, generation, offset, count, jsonAt, json, at } of decodeGroup(bytes)) {
        const head = this.#head(stream);
        if (generation !== head.generation) {
          tail.forget(stream);
          continue;
        }
        tail.heads.set(stream, { ...head, top: offset + count - 1 });
        tail.add(stream, { offset, count, group, at: jsonAt, length: json.length }, at);
      }
    }
  }

  #wake(): void {
    if (this.#queue.bytes >= EAGER_BYTES) this.#goOn?.();
    else if (this.#goOn !== undefined) this.#watchForQuiet();
    this.#flushing ??= this.#flushAll();
  }

  /**
   * As many wait as were in the flush before: when nobody joins them, it may be that all wait for this one. What is still
   * being gathered grows without anybody joining.
   */
  #watchForQuiet(): void {
    const { length, isGathering } = this.#queue;
    if (isGathering || length < Math.max(this.#flushed, QUIET.appends) || this.#quietTimer !== undefined) return;
    const early = this.#flushedAt + this.#settings.spacingMs - this.#clock.monotonic();
    this.#quietTimer = this.#clock.schedule(Math.max(QUIET.ms, early), () => {
      this.#quietTimer = undefined;
      if (this.#queue.length === length) this.#goOn?.();
      else this.#watchForQuiet();
    });
  }

  /** Flushes until nothing waits. */
  async #flushAll(): Promise<void> {
    // What is called in one tick is flushed together.
    await Promise.resolve();
    while (!this.#queue.isEmpty) {
      const early = this.#flushedAt + this.#spacingMs - this.#clock.monotonic();
      if (early > 0 && this.#queue.bytes < EAGER_BYTES) await this.#pause(early);
      // Whoever appended has been told of a failure.
      await this.#inTurn(() => this.#flush()).catch(() => {});
      // In the pause before the next flush, where nobody waits for it. A full disk is told by the appends and by check().
      await this.#inTurn(() => this.#makeRoom()).catch(() => {});
    }
    this.#flushing = undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(ms, () => this.#goOn?.());
      this.#goOn = () => {
        timer.cancel();
        this.#quietTimer?.cancel();
        this.#quietTimer = undefined;
        this.#goOn = undefined;
        resolve();
      };
      this.#watchForQuiet();
    });
  }

  async #flush(): Promise<void> {
    this.#flushedAt = this.#clock.monotonic();
    const taken = this.#queue.take();
    this.#flushed = taken.length;
    const groups = new GroupWriter(this.#nextGroup, groupedBytes(taken));
    const at = this.#clock.now();
    let flush: Flush<StoredHead>;
    try {
      // On a full disk indexing may fail where appends do not, so the tail has grown until here.
      if (this.#open.tail.bytes > this.#settings.tailBytes * FULL_TAILS) await this.#makeRoom();
      // Only now, because a checkpoint changes heads.
      flush = new Flush(taken, {
        ...this.#heads,
        joined: ({ stream, head: { generation }, offset, count, parts }) =>
          groups.add({ stream, generation, offset, count, at, parts }),
      });
      await this.#write(flush, groups, at);
    } catch (error) {
      this.#queue.settled(taken);
      for (const { reject } of taken) reject(error);
      throw error;
    }
    for (const [place, { stream, batch }] of flush.made.entries()) {
      if (place > 0 && place % SHOWN_TOGETHER === 0) await turn();
      this.#sinks.show(stream, batch);
    }
    this.#queue.settled(taken);
    flush.resolve();
  }

  /** Writes a flush, and makes it visible when it is on the disk. */
  async #write(flush: Flush<StoredHead>, written: GroupWriter, at: number): Promise<void> {
    const { groups, index, tail } = this.#open;
    const bytes = written.end();
    if (bytes.length > 0 || flush.dropped.length > 0) {
      await this.#storage.write((writes) => {
        for (const [i, group] of bytes.entries()) groups.put(writes, this.#nextGroup + i, group);
        for (const { stream, before } of flush.dropped) {
          index.drop(writes, stream, before, { ...flush.head(stream), top: 0 });
        }
      });
    }
    for (const { length } of bytes) tail.hold(this.#nextGroup++, length);
    const { spacingMs } = this.#settings;
    const events = flush.made.reduce((sum, { batch }) => sum + batch.count, 0);
    this.#spacingMs = Math.min(Math.max(spacingMs, events * GATHER.msPerEvent), spacingMs * GATHER.most);
    for (const { stream } of flush.dropped) tail.forget(stream);
    flush.eachHead((stream, head) => tail.heads.set(stream, head));
    for (const [i, { stream, batch }] of flush.made.entries())
      if (batch.epoch === flush.head(stream).epoch) tail.add(stream, written.places[i] as PlacedRecord, at);
  }

  /** Keeps the tail bounded, and the disk in what it may hold. */
  async #makeRoom(): Promise<void> {
    const { tail, index } = this.#open;
    const { keepMs, keepBytes, tailBytes } = this.#settings;
    if (tail.bytes < tailBytes) return;
    await this.#checkpoint();
    const before = this.#clock.now() - keepMs;
    for (let step = 0; step < STEPS && index.bytes > keepBytes; step += 1) await index.forget(before, keepBytes);
  }

  /** Indexes what the tail holds. */
  async #checkpoint(): Promise<void> {
    const { index, tail } = this.#open;
    if (tail.hasGone) await index.clean(tail);
    if (tail.groups.size === 0) return tail.clear();
    await index.take(tail);
    tail.clear();
  }

  /** Writes one after another. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      if (this.#opened === undefined) throw this.#closed;
      try {
        return await work();
      } catch (error) {
        this.#failed(error);
        throw error;
      }
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** A full disk may pass; after any other failure the directory is read again, because nobody knows what it holds. */
  #failed(error: unknown): void {
    if (isDiskFull(error)) return;
    this.#queue.refuse(error);
    this.#opened?.fail(error);
    this.#opened = undefined;
  }

  #planSweep(): void {
    const everyMs = Math.min(SWEEP_MS.most, Math.max(SWEEP_MS.least, this.#settings.keepMs * GRAIN));
    this.#sweepTimer = this.#clock.schedule(everyMs, () => {
      this.sweep()
        // A full disk is told by the appends and by check(); the next sweep tries again.
        .catch(() => {})
        .finally(() => {
          if (this.#opened !== undefined) this.#planSweep();
        });
    });
  }
}

/** What the records of a flush take in groups, at the most. */
function groupedBytes(operations: readonly Operation[]): number {
  return operations.reduce(
    (sum, each) => (each.kind === 'append' ? sum + groupedSize(each.stream, each.to - each.from + 2) : sum),
    0,
  );
}
