/**
 * Shows one stream to those who follow it in this process: every record once, in order, without a gap.
 *
 * Records arrive as soon as they are stored, but what arrives may be lost on the way. Each is compared with what was shown
 * last, and what is missing is read from the log. Where the last one may be missing, somebody calls `heal()`.
 */
import type { Batch } from '@muster/core';
import { batchOf, type StoredRecord } from './codec.ts';
import type { RecordReader } from './record-reader.ts';

/** What a follower needs of its log. */
export interface FollowerParts {
  readonly reader: RecordReader;
  /** Resolves when the leader knows all that was stored. */
  readonly caughtUp: () => Promise<void>;
  show(stream: string, batch: Batch): void;
  /** What could not be read is tried again later. */
  failed(follower: StreamFollower, error: unknown): void;
}

export class StreamFollower {
  readonly stream: string;
  readonly subject: string;
  readonly #parts: FollowerParts;
  /** True once it is known where the stream stood when this began. */
  #isPlaced = false;
  /** Of the last record that was shown. */
  #sequence = 0;
  #healing: Promise<void> | undefined;
  #isBehind = false;
  isClosed = false;

  constructor(stream: string, subject: string, parts: FollowerParts) {
    this.stream = stream;
    this.subject = subject;
    this.#parts = parts;
    void this.heal();
  }

  /**
   * A record was stored. Returns nothing when it has been shown, or else what ends when it has.
   *
   * @param before sequence of the message before it, whether that counts or not.
   */
  arrived(record: StoredRecord, before: number): Promise<void> | undefined {
    if (!this.#isPlaced || this.#healing !== undefined) return this.#catchUpTo(record.sequence);
    // One that follows an older record does not count: another was stored before it.
    if (record.previous < this.#sequence) return undefined;
    // What was stored in between may follow the same one, and then that counts, though nobody heard of it here.
    if (record.previous > this.#sequence || before !== record.previous) return this.#catchUpTo(record.sequence);
    this.#take(record);
    return undefined;
  }

  /** True when the record of this sequence is the last that is known to count. */
  hasShown(sequence: number): boolean {
    return this.#sequence === sequence;
  }

  /** Reads what may have been missed; never rejects. */
  heal(): Promise<void> {
    this.#isBehind = true;
    this.#healing ??= this.#healAll();
    return this.#healing;
  }

  async #catchUpTo(sequence: number): Promise<void> {
    while (!this.isClosed && (!this.#isPlaced || this.#sequence < sequence)) {
      const before = this.#sequence;
      await this.heal();
      if (this.#sequence === before && this.#isPlaced) return;
    }
  }

  async #healAll(): Promise<void> {
    try {
      while (this.#isBehind && !this.isClosed) {
        this.#isBehind = false;
        await this.#read();
      }
    } catch (error) {
      if (!this.isClosed) this.#parts.failed(this, error);
    }
    this.#healing = undefined;
  }

  async #read(): Promise<void> {
    const { reader, caughtUp } = this.#parts;
    await caughtUp();
    if (!this.#isPlaced) {
      this.#sequence = reader.standing(await reader.end(this.subject)).sequence;
      this.#isPlaced = true;
      return;
    }
    while (!this.isClosed) {
      const record = (await reader.successor(this.subject, this.#sequence)) ?? (await this.#beyondGap());
      if (record === undefined) return;
      this.#take(record);
    }
  }

  /** What comes next may have been forgotten before it was shown; the first that is kept counts. */
  async #beyondGap(): Promise<StoredRecord | undefined> {
    const first = await this.#parts.reader.next(this.subject, 1);
    return first !== undefined && first.sequence > this.#sequence ? first : undefined;
  }

  #take(record: StoredRecord): void {
    this.#sequence = record.sequence;
    if (record.count > 0 && !this.isClosed) this.#parts.show(this.stream, batchOf(record));
  }
}
