/**
 * The event log in this process's memory: everything is gone with the process, and `durability` says so.
 *
 * Each stream keeps its last entries; `floor` tells how far back one can read.
 */
import type { AgentEvent, Random, StreamInfo } from '@muster/contracts';
import { coreError } from '../errors.ts';
import type { Appended, Batch, EventLog, ReadResult, Subscription } from './event-log.ts';

export interface MemoryLogOptions {
  /** Entries kept per stream; older ones are forgotten. @default 10_000 */
  readonly keepPerStream?: number;
}

export const MEMORY_LOG_DEFAULTS = { keepPerStream: 10_000 } as const;

interface Stream {
  epoch: string;
  floor: number;
  entries: AgentEvent[];
  readonly sinks: Set<(batch: Batch) => void>;
}

export class MemoryLog implements EventLog {
  readonly durability = 'memory';
  readonly #streams = new Map<string, Stream>();
  readonly #keep: number;
  readonly #random: Random;
  /** Of every stream that was never dropped. */
  #firstEpoch: string | undefined;
  readonly #sinkFailed: (error: unknown) => void;

  /** @param sinkFailed told what a sink threw; the append has succeeded all the same. */
  constructor(random: Random, sinkFailed: (error: unknown) => void, options: MemoryLogOptions = {}) {
    this.#random = random;
    this.#sinkFailed = sinkFailed;
    this.#keep = options.keepPerStream ?? MEMORY_LOG_DEFAULTS.keepPerStream;
  }

  async append(
    name: string,
    events: readonly AgentEvent[],
    expected: { readonly expectedTop?: number } = {},
  ): Promise<Appended> {
    if (events.length > this.#keep) throw coreError('STREAM_FULL', { got: events.length, limit: this.#keep });
    const stream = this.#stream(name);
    const top = stream.floor + stream.entries.length;
    if (expected.expectedTop !== undefined && expected.expectedTop !== top) return { ok: false, why: 'conflict', top };
    stream.entries.push(...events);
    // Cut in halves and not one by one, so that an append costs what it adds.
    if (stream.entries.length > this.#keep * 2) {
      const excess = stream.entries.length - this.#keep;
      stream.entries = stream.entries.slice(excess);
      stream.floor += excess;
    }
    const batch = {
      epoch: stream.epoch,
      offset: top + 1,
      count: events.length,
      json: Buffer.from(JSON.stringify(events)),
    };
    if (events.length > 0) {
      for (const sink of stream.sinks) {
        try {
          sink(batch);
        } catch (error) {
          this.#sinkFailed(error);
        }
      }
    }
    return { ok: true, epoch: stream.epoch, top: top + events.length };
  }

  async read(name: string, { after }: { readonly after: number; readonly maxBytes?: number }): Promise<ReadResult> {
    const stream = this.#known(name);
    const from = Math.max(after, stream.floor) - stream.floor;
    const events = stream.entries.slice(from, from + 128);
    const { epoch, floor, entries } = stream;
    const batch = { epoch, offset: floor + from + 1, count: events.length, json: Buffer.from(JSON.stringify(events)) };
    return { epoch, floor, top: floor + entries.length, batches: events.length === 0 ? [] : [batch] };
  }

  subscribe(name: string, sink: (batch: Batch) => void): Subscription {
    const stream = this.#stream(name);
    // Wrapped, so that one function given twice is two subscriptions.
    const entry = (batch: Batch): void => sink(batch);
    stream.sinks.add(entry);
    return {
      close: () => {
        stream.sinks.delete(entry);
        // A stream that was only asked about leaves nothing behind.
        const isEmpty = stream.sinks.size === 0 && stream.entries.length === 0 && stream.floor === 0;
        if (isEmpty && stream.epoch === this.#epoch) this.#streams.delete(name);
      },
    };
  }

  async info(name: string): Promise<StreamInfo> {
    const { epoch, floor, entries } = this.#known(name);
    return { epoch, floor, top: floor + entries.length };
  }

  async drop(name: string): Promise<void> {
    const stream = this.#stream(name);
    stream.epoch = this.#random.uuid();
    stream.floor = 0;
    stream.entries = [];
  }

  /** Made when the first stream is looked at. */
  get #epoch(): string {
    return (this.#firstEpoch ??= this.#random.uuid());
  }

  #stream(name: string): Stream {
    const stream = this.#known(name);
    this.#streams.set(name, stream);
    return stream;
  }

  /** The stream, or an empty one that is not kept: reading leaves no trace. */
  #known(name: string): Stream {
    return this.#streams.get(name) ?? { epoch: this.#epoch, floor: 0, entries: [], sinks: new Set() };
  }
}
