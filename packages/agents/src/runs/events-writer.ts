/**
 * Writes the events of a run as the bytes that the log will hold, each once, as soon as it is emitted.
 *
 * Bytes and not objects, because thousands of them may wait for a flush: the garbage collector has nothing to look through,
 * and nothing that an agent changes afterwards changes what it has emitted.
 */
import type { EventsJson } from '@muster/core';

/** Room for one event and its brackets; a second one makes it grow. */
const FIRST_BYTES = 256;
const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;

export class EventsWriter {
  #bytes: Buffer | undefined;
  #length = 0;
  #count = 0;

  /** How many bytes `take()` would give. */
  get bytes(): number {
    return this.#length;
  }

  /**
   * @param json the text of one event.
   * @returns how many bytes it has, with the comma behind it.
   */
  add(json: string): number {
    const size = Buffer.byteLength(json) + 1;
    const bytes = this.#roomFor(size);
    this.#length += bytes.write(json, this.#length);
    bytes[this.#length] = COMMA;
    this.#length += 1;
    this.#count += 1;
    return size;
  }

  /** All of them, and begins anew. */
  take(): EventsJson {
    const [bytes, count] = [this.#bytes, this.#count];
    if (bytes === undefined) return { json: Buffer.from('[]'), count: 0 };
    // The comma after the last.
    bytes[this.#length - 1] = CLOSE;
    const json = bytes.subarray(0, this.#length);
    this.#bytes = undefined;
    this.#length = 0;
    this.#count = 0;
    return { json, count };
  }

  #roomFor(more: number): Buffer {
    const needed = this.#length + more;
    if (this.#bytes === undefined) {
      this.#bytes = Buffer.allocUnsafe(Math.max(FIRST_BYTES, needed + 1));
      this.#bytes[0] = OPEN;
      this.#length = 1;
    } else if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** What JSON does not take as it is, and what is no whole character. */
const ODD = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** The JSON of a text. Most have nothing in them that has to be escaped, and a look is cheaper than a call. */
export function quoted(text: string): string {
  return ODD.test(text) ? JSON.stringify(text) : `"${text}"`;
}
