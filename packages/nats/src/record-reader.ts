/**
 * Finds and reads the records of one stream: by sequence in JetStream, asked for by offsets of ours.
 */
import { Chain, type ChainEnd } from './chain.ts';
import { decodeRecord, type StoredRecord, topOf } from './codec.ts';
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

  /** The first record of an epoch that is kept. What is forgotten is forgotten up to a record that counts. */
  first(subject: string, { began }: StreamHead): Promise<StoredRecord | undefined> {
    return this.next(subject, began);
  }

  /**
   * A record that counts and is not beyond an offset, near to it.
   *
   * @param first of those that are kept, not beyond the offset; `last` is the last that counts.
   */
  async before(subject: string, offset: number, first: StoredRecord, last: StoredRecord): Promise<StoredRecord> {
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
