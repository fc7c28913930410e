/**
 * Puts the records of one flush into groups: what goes to the disk, and what the newest records are read from.
 */
import { joinedSize } from '@muster/core/storage';
import { groupedSize, type UngroupedRecord, writeGrouped } from './codec.ts';

/**
 * Records are grouped up to so many bytes, which are four pages with what LMDB puts before them; a larger one is a group by
 * itself. Who reads one record reads its group.
 */
const GROUP_BYTES = 16 * 1024 - 64;

export class GroupWriter {
  readonly #whole: Buffer[] = [];
  #open: Buffer | undefined;
  #used = 0;
  /** What may still come, in bytes. */
  #expected: number;

  /** @param expected bytes that all records may have together; more is taken as well. */
  constructor(expected: number) {
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
