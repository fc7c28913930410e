/**
 * Memory for the pages of a log, lent and given back: what is forgotten is written over by what comes next.
 *
 * It is shared memory, though nobody shares it. What usual buffers hold counts for V8 as if it could be garbage, so that a
 * log which only grows would have the whole heap looked through after every few megabytes.
 */
import { Buffer } from 'node:buffer';

/** Pages are as large as a power of two between these; what is larger is of the usual kind and is not used again. */
const BYTES = { least: 256, most: 64 * 1_024 } as const;
/** Smaller pages lie in a piece with others. */
const PIECE_BYTES = 16 * 1_024;
/** How much of what was given back is kept, in bytes. */
const SPARE_BYTES = 16 * 2 ** 20;

export class PageMemory {
  /** What was given back, by its size. */
  readonly #spare = new Map<number, Buffer[]>();
  #spareBytes = 0;
  #piece: SharedArrayBuffer | undefined;
  #used = 0;

  /** Memory with room for so many bytes, and what was written into it before. */
  take(bytes: number): Buffer {
    if (bytes > BYTES.most) return Buffer.allocUnsafeSlow(bytes);
    const size = Math.max(BYTES.least, 2 ** Math.ceil(Math.log2(bytes)));
    const spare = this.#spare.get(size)?.pop();
    if (spare === undefined) return this.#new(size);
    this.#spareBytes -= size;
    return spare;
  }

  /** Takes what nobody reads any more. */
  giveBack(page: Buffer): void {
    if (page.length > BYTES.most || this.#spareBytes + page.length > SPARE_BYTES) return;
    const spare = this.#spare.get(page.length);
    if (spare === undefined) this.#spare.set(page.length, [page]);
    else spare.push(page);
    this.#spareBytes += page.length;
  }

  #new(size: number): Buffer {
    if (size >= PIECE_BYTES) return Buffer.from(new SharedArrayBuffer(size));
    if (this.#piece === undefined || this.#used + size > PIECE_BYTES) {
      this.#piece = new SharedArrayBuffer(PIECE_BYTES);
      this.#used = 0;
    }
    this.#used += size;
    return Buffer.from(this.#piece, this.#used - size, size);
  }
}
