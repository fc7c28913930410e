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

/** Who has pages. */
export interface PageOwner {
  /** Asks once whether the page that it has had longest is still written into. */
  usesOldest(): boolean;
  /** Gives back the page that it has had longest, whatever was in it. */
  forgetOldest(): void;
}

export class PageMemory {
  /** Who has which page, in the order of their taking. */
  readonly #lent = new Map<Buffer, PageOwner>();
  /** Goes through them for ever: whoever is met gives the page back, or comes last from then on. */
  readonly #byAge = this.#lent.entries();
  #lentBytes = 0;
  /** What was given back, by its size. */
  readonly #spare = new Map<number, Buffer[]>();
  #spareBytes = 0;
  #piece: SharedArrayBuffer | undefined;
  #used = 0;

  /** How much is lent, in bytes. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Takes back the page that was lent first and is in use no more, but never the only one; true when there was one. */
  reclaimOldest(): boolean {
    if (this.#lent.size < 2) return false;
    for (;;) {
      const [page, owner] = this.#byAge.next().value as [Buffer, PageOwner];
      if (!owner.usesOldest()) {
        owner.forgetOldest();
        return true;
      }
      this.#lent.delete(page);
      this.#lent.set(page, owner);
    }
  }

  /** Memory with room for so many bytes, and what was written into it before. */
  take(bytes: number, owner: PageOwner): Buffer {
    const page = this.#take(bytes);
    this.#lent.set(page, owner);
    this.#lentBytes += page.length;
    return page;
  }

  #take(bytes: number): Buffer {
    if (bytes > BYTES.most) return Buffer.allocUnsafeSlow(bytes);
    const size = Math.max(BYTES.least, 2 ** Math.ceil(Math.log2(bytes)));
    const spare = this.#spare.get(size)?.pop();
    if (spare === undefined) return this.#new(size);
    this.#spareBytes -= size;
    return spare;
  }

  /** Takes what nobody reads any more. */
  giveBack(page: Buffer): void {
    this.#lent.delete(page);
    this.#lentBytes -= page.length;
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
