/**
 * Finds and reads the records of one stream: by sequence in JetStream, asked for by offsets of ours.
 */
import type { StreamInfo } from '@muster/contracts';
import type { Batch, ReadResult } from '@muster/core';
import { Chain, type ChainEnd } from './chain.ts';
import { batchOf, decodeRecord, type StoredRecord, topOf } from './codec.ts';
import type { JetStream } from './jetstream.ts';

/** Records are walked back from the end for so many steps before the whole is searched. */
const FEW = 6;

/** Where a stream stands. */
export interface StreamHead {
  readonly epoch: string;
  readonly top: number;
  /** Of its last record that counts; 0 where there is none. */
  readonly sequence: number;
  /** Of its last message, whether it counts or not. */
  readonly last: number;
  /** Of the record that began the epoch; 0 for the first. */
  readonly began: number;
}

export class RecordReader extends Chain<StoredRecord> {
  readonly #firstEpoch: string;

  /** @param firstEpoch of every stream that has never been dropped. */
  constructor(jetstream: JetStream, firstEpoch: string) {
    super(jetstream, ({ data, sequence }) => ({ ...decodeRecord(data), sequence }));
    this.#firstEpoch = firstEpoch;
  }

  /** Where a stream stands that ends so. */
  standing({ head, last }: ChainEnd<StoredRecord>): StreamHead {
    if (head === undefined) return { epoch: this.#firstEpoch, top: 0, sequence: 0, began: 0, last };
    const { epoch, sequence, began, kind } = head;
    return { epoch, top: topOf(head), sequence, began: kind === 'begin' ? sequence : began, last };
  }

  async info(subject: string): Promise<StreamInfo> {
    const { epoch, floor, top } = await this.#bounds(subject);
    return { epoch, floor, top };
  }

  /** As `EventLog.read`; nothing where the stream has changed under the reader's hands. */
  async read(subject: string, after: number, maxBytes: number): Promise<ReadResult | undefined> {
    const { epoch, floor, top, first, last } = await this.#bounds(subject);
    if (last === undefined || Math.max(after, floor) >= top) return { epoch, floor, top, batches: [] };
    if (first === undefined || first.epoch !== epoch) return undefined;
    const from = Math.max(after, floor) + 1;
    const batches: Batch[] = [];
    let bytes = 0;
    let record: StoredRecord | undefined = await this.#before(subject, from, first, last);
    for (let at = from; record !== undefined;) {
      if (record.epoch !== epoch || (record.count > 0 && record.offset > at)) return undefined;
      if (record.count > 0 && topOf(record) >= from) {
        bytes += record.json.length;
        if (batches.length > 0 && bytes > maxBytes) break;
        batches.push(batchOf(record));
        at = topOf(record) + 1;
      }
      record = record.sequence >= last.sequence ? undefined : await this.successor(subject, record.sequence);
    }
    return batches.length > 0 ? { epoch, floor, top, batches } : undefined;
  }

  /** Where a stream begins and ends. What is forgotten is forgotten up to a record that counts, so the first does. */
  async #bounds(subject: string) {
    const end = await this.end(subject);
    const { epoch, top, began } = this.standing(end);
    const first = end.head === undefined ? undefined : await this.next(subject, began);
    return { epoch, top, floor: floorOf(first, top), first, last: end.head };
  }

  /**
   * A record that counts and is not beyond an offset, near to it.
   *
   * @param first of those that are kept, not beyond the offset; `last` is the last that counts.
   */
  async #before(subject: string, offset: number, first: StoredRecord, last: StoredRecord): Promise<StoredRecord> {
    let record = last;
    for (let step = 0; record.offset > offset; step += 1) {
      if (record.previous <= first.sequence) return first;
      if (step === FEW) return this.#search(subject, offset, first, record);
      const before = await this.next(subject, record.previous);
      // Forgotten in the meantime.
      if (before?.sequence !== record.previous) return first;
      record = before;
    }
    return record;
  }

  /** Halves the distance between a record that is not beyond the offset and one that is. */
  async #search(subject: string, offset: number, low: StoredRecord, high: StoredRecord): Promise<StoredRecord> {
    let [best, at, above] = [low, low.sequence, high.sequence];
    while (above - at > 1) {
      const middle = at + Math.floor((above - at) / 2);
      const candidate = await this.next(subject, middle);
      if (candidate === undefined || candidate.sequence >= above) above = middle;
      else if (candidate.offset > offset) above = middle;
      else {
        best = candidate;
        at = candidate.sequence;
        if (offset < candidate.offset + candidate.count) break;
      }
    }
    if (best === low || (await this.counts(subject, best))) return best;
    // It does not count, but what it names does.
    const named = await this.next(subject, best.previous);
    return named?.sequence === best.previous ? named : low;
  }
}

/** The last offset that is no longer kept. */
function floorOf(first: StoredRecord | undefined, top: number): number {
  if (first === undefined) return top;
  return first.count === 0 ? first.offset : first.offset - 1;
}
