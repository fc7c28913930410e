/**
 * Writes the events of a run as the bytes that the log will hold, each once, as soon as it is emitted.
 *
 * Bytes and not objects, because thousands of them may wait for a flush: the garbage collector has nothing to look through,
 * and nothing that an agent changes afterwards changes what it has emitted. They are lent: what a log has copied is
 * written into again, because buffers are what the collector is called for most.
 */
import type { EventsJson } from '@muster/core';

/** Room for one event and its brackets; a second one makes it grow. */
const FIRST_BYTES = 256;
const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;
/** How much of what was given back is kept, in bytes: of one buffer, and of all. */
const SPARE = { each: 256 * 1024, all: 4 * 2 ** 20 } as const;

/** What all writers of the process have to write into, the last that was given back on top. */
const spare: Buffer[] = [];
let spareBytes = 0;

/** Events in bytes that are written over once they are given back. */
export interface LentEvents extends EventsJson {
  /** What `json` lies in. */
  readonly room: Buffer | undefined;
}

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

  /** All of them, and begins anew. `giveBack` is for when nobody will read them any more. */
  take(): LentEvents {
    const [room, count] = [this.#bytes, this.#count];
    if (room === undefined) return { json: Buffer.from('[]'), count: 0, room };
    // The comma after the last.
    room[this.#length - 1] = CLOSE;
    const json = room.subarray(0, this.#length);
    this.#bytes = undefined;
    this.#length = 0;
    this.#count = 0;
    return { json, count, room };
  }

  #roomFor(more: number): Buffer {
    const needed = this.#length + more;
    if (this.#bytes === undefined) {
      this.#bytes = roomOf(Math.max(FIRST_BYTES, needed + 1));
      this.#bytes[0] = OPEN;
      this.#length = 1;
    } else if (needed > this.#bytes.length) {
      const smaller = this.#bytes;
      this.#bytes = roomOf(Math.max(needed, smaller.length * 2));
      smaller.copy(this.#bytes, 0, 0, this.#length);
      keep(smaller);
    }
    return this.#bytes;
  }
}

/** Takes what `take()` gave and a log has copied. */
export function giveBack({ room }: LentEvents): void {
  if (room !== undefined) keep(room);
}

function roomOf(bytes: number): Buffer {
  const top = spare.at(-1);
  if (top === undefined || top.length < bytes) return Buffer.allocUnsafeSlow(bytes);
  spare.pop();
  spareBytes -= top.length;
  return top;
}

function keep(bytes: Buffer): void {
  if (bytes.length > SPARE.each || spareBytes + bytes.length > SPARE.all) return;
  spare.push(bytes);
  spareBytes += bytes.length;
}

/** What JSON does not take as it is, and what is no whole character. */
const ODD = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** The JSON of a text. Most have nothing in them that has to be escaped, and a look is cheaper than a call. */
export function quoted(text: string): string {
  return ODD.test(text) ? JSON.stringify(text) : `"${text}"`;
}
