/**
 * Room for the bytes of records that stay in memory.
 *
 * Small ones share a slab with nothing but each other: in that of Node, what is kept for a day would hold what is gone in
 * a moment, many times its own size, and the garbage collector counts all of it.
 */
import { Buffer } from 'node:buffer';
import { type Entries, joinedSize, joinInto } from './joined-json.ts';

const SLAB_BYTES = 8_192;
/** What is larger has bytes of its own, so that a slab is used nearly to its end. */
const SMALL_BYTES = 1_024;

export class RecordBytes {
  #slab: Buffer | undefined;
  #used = 0;

  /** The parts of one record, copied and joined. */
  joined(parts: readonly Entries[]): Buffer {
    const bytes = this.#take(joinedSize(parts));
    joinInto(bytes, 0, parts);
    return bytes;
  }

  #take(size: number): Buffer {
    if (size > SMALL_BYTES) return Buffer.allocUnsafeSlow(size);
    if (this.#slab === undefined || this.#used + size > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    this.#used += size;
    return this.#slab.subarray(this.#used - size, this.#used);
  }
}
