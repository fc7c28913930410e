/**
 * Puts the records of one flush into groups, as they go to the disk.
 */
import { Buffer } from 'node:buffer';
import { joinedSize } from '@muster/core/storage';
import { groupedSize, type PlacedRecord, type UngroupedRecord, writeGrouped } from './codec.ts';

/**
 * Records are grouped up to so many bytes, which are four pages with what LMDB puts before them; a larger one is a group by
 * itself. Who reads one record reads its group.
 */
const GROUP_BYTES = 16 * 1024 - 64;

export class GroupWriter {
  readonly #first: number;
  readonly #whole: Buffer[] = [];
  #open: Buffer | undefined;
  #used = 0;
  /** What may still come, in bytes. */
  #expected: number;
  /** The records, in the order in which they were added. */
  readonly places: PlacedRecord[] = [];

  /**
   * @param first number of the first group.
   * @param expected bytes that all records may have together; more is taken as well.
   */
  constructor(first: number, expected: number) {
    this.#first = first;
    this.#expected = expected;
  }

  /** Copies a record into a group; returns its JSON, as it lies there. */
  add(record: UngroupedRecord): Buffer {
    const size = groupedSize(record.stream, joinedSize(record.parts));
    if (this.#open === undefined || this.#used + size > this.#open.length) {
      this.#close();
      this.#open = Buffer.allocUnsafeSlow(Math.max(size, Math.min(GROUP_BYTES, this.#expected)));
    }
    const { jsonAt, end } = writeGrouped(this.#open, this.#used, record);
    this.#expected -= size;
    this.#used = end;
    const group = this.#first + this.#whole.length;
    this.places.push({ offset: record.offset, count: record.count, group, at: jsonAt, length: end - jsonAt });
    return this.#open.subarray(jsonAt, end);
  }

  /** All groups; nothing is added any more. */
  end(): readonly Buffer[] {
    this.#close();
    return this.#whole;
  }

  #close(): void {
    if (this.#open !== undefined) this.#whole.push(this.#open.subarray(0, this.#used));
    this.#open = undefined;
    this.#used = 0;
  }
}
