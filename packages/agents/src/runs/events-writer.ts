/**
 * Writes the events of a run as the bytes that the log will hold, each once, as soon as it is emitted.
 *
 * Bytes and not objects, because thousands of them may wait for a flush: the garbage collector has nothing to look through,
 * and nothing that an agent changes afterwards changes what it has emitted. They are lent: what a log has copied is
 * written into again, because buffers are what the collector is called for most.
 */
import { Buffer } from 'node:buffer';
import type { EventsJson } from '@muster/core';

/** Room for one event and its brackets; a second one makes it grow. */
const FIRST_BYTES = 256;
/** So much becomes bytes at once: a call for each event costs more than the event. */
const LOOSE_CHARACTERS = 4_096;
const OPEN = 0x5b;
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
  /** Events that are no bytes yet, each with a comma behind it. */
  #loose = '';
  /** True while those have certainly no character above U+007F. */
  #isAscii = true;

  /** How many bytes `take()` would give; of what is no bytes yet the characters are counted. */
  get bytes(): number {
    return this.#length + this.#loose.length;
  }

  /**
   * @param json the text of one event, and a comma.
   * @param isAscii true when it certainly has no character above U+007F.
   */
  add(json: string, isAscii: boolean): void {
    this.#loose += json;
    if (!isAscii) this.#isAscii = false;
    this.#count += 1;
    if (this.#loose.length >= LOOSE_CHARACTERS) this.#write();
  }

  /** All of them, and begins anew. `giveBack` is for when nobody will read them any more. */
  take(): LentEvents {
    this.#write();
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

  #write(): void {
    const text = this.#loose;
    if (text === '') return;
    const size = this.#isAscii ? text.length : Buffer.byteLength(text);
    const bytes = this.#roomFor(size);
    this.#length += bytes.write(text, this.#length, size, this.#isAscii ? 'latin1' : 'utf8');
    this.#loose = '';
    this.#isAscii = true;
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

/** What JSON does not take as it is, or is no ASCII. */
const ODD = /[^ !#-[\]-~]/;

/** True when a text stands in JSON as it is, and is ASCII. Most are, and a look is cheaper than a call. */
export function isPlain(text: string): boolean {
  return !ODD.test(text);
}
