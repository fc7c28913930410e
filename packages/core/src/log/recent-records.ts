/**
 * The latest records of one stream, in pages: their bytes lie one behind the other, and what lies where are numbers.
 *
 * A million records would each be several objects that the garbage collector looks at, again and again. Adding costs what is
 * added, reading finds its beginning by halves, and what is read of a page is one batch. Pages are forgotten as a whole.
 */
import { Buffer } from 'node:buffer';
import type { Batch } from './event-log.ts';
import type { Head } from './flush.ts';
import { COMMA } from './joined-json.ts';
import type { PageMemory, PageOwner } from './page-memory.ts';

/** Forgotten pages are cut off together, once there are so many. */
const SLACK = 256;
const SPACE = 0x20;

/** How much one page holds, unless a single record is more, and how far apart its records may have been added, in milliseconds. */
export interface PageLimits {
  readonly events: number;
  readonly bytes: number;
  readonly withinMs: number;
}

/** Records that are forgotten together, in the order of their offsets. */
class Page {
  readonly bytes: Buffer;
  used = 0;
  /** Of the first event. */
  readonly offset: number;
  /** Of the last event. */
  top: number;
  readonly firstAt: number;
  lastAt: number;
  /** Of each record the offset of its last event, and where it ends. */
  readonly #records: number[] = [];

  constructor(bytes: Buffer, offset: number, at: number) {
    this.bytes = bytes;
    this.offset = offset;
    this.top = offset - 1;
    this.firstAt = at;
    this.lastAt = at;
  }

  get count(): number {
    return this.top - this.offset + 1;
  }

  add({ count, json }: Batch, at: number): void {
    this.bytes.set(json, this.used);
    this.used += json.length;
    this.top += count;
    this.lastAt = at;
    this.#records.push(this.top, this.used);
  }

  /** The records with events above `after`, as one batch: at least one of them, and no more than fit into `maxBytes`. */
  above(epoch: string, after: number, maxBytes: number): Batch {
    const first = this.#placeOf(after + 1);
    const from = first === 0 ? 0 : this.#end(first - 1);
    let last = first;
    while (last + 1 < this.#length && this.#end(last + 1) - from <= maxBytes) last += 1;
    const offset = first === 0 ? this.offset : this.#top(first - 1) + 1;
    return { epoch, offset, count: this.#top(last) - offset + 1, json: this.#array(from, first, last) };
  }

  /** What the records from `first` to `last` hold, as one array, copied: the page may be written over. */
  #array(from: number, first: number, last: number): Buffer {
    const json = Buffer.from(this.bytes.subarray(from, this.#end(last)));
    for (let place = first; place < last; place += 1) {
      // Where one array ends and the next begins.
      const at = this.#end(place) - from;
      json[at - 1] = COMMA;
      json[at] = SPACE;
    }
    return json;
  }

  get #length(): number {
    return this.#records.length / 2;
  }

  #top(place: number): number {
    return this.#records[place * 2] as number;
  }

  #end(place: number): number {
    return this.#records[place * 2 + 1] as number;
  }

  /** Place of the first record that ends at `offset` or above. */
  #placeOf(offset: number): number {
    return firstWhere(0, this.#length, (place) => this.#top(place) >= offset);
  }
}

export class RecentRecords implements PageOwner {
  #pages: Page[] = [];
  /** Place of the first that is kept. */
  #first = 0;
  #bytes = 0;
  #head: Head = { epoch: '', top: 0 };
  #floor: number;
  readonly #limits: PageLimits;
  readonly #memory: PageMemory;
  /** True when something was added since it was last asked. */
  #isWritten = false;
  /** When somebody last looked for what is too old. */
  lookedAt: number;

  /** @param floor offset of the last event before the first record. */
  constructor(floor: number, limits: PageLimits, memory: PageMemory, at: number) {
    this.#floor = floor;
    this.#limits = limits;
    this.#memory = memory;
    this.lookedAt = at;
  }

  get head(): Head {
    return this.#head;
  }

  get floor(): number {
    return this.#floor;
  }

  get isEmpty(): boolean {
    return this.#first === this.#pages.length;
  }

  /** @param head where the stream stands with this record, the next one, whose bytes are copied. */
  add(head: Head, batch: Batch, at: number): void {
    this.#head = head;
    this.#isWritten = true;
    this.#bytes += batch.json.length;
    this.#pageFor(batch, at).add(batch, at);
  }

  #pageFor({ offset, count, json }: Batch, at: number): Page {
    const last = this.isEmpty ? undefined : this.#pages.at(-1);
    const { events, bytes, withinMs } = this.#limits;
    if (
      last !== undefined &&
      last.used + json.length <= Math.min(bytes, last.bytes.length) &&
      last.count + count <= events &&
      at - last.firstAt <= withinMs
    )
      return last;
    // The first is as large as its record, since there may be thousands of streams that have no other.
    const size = Math.max(json.length, Math.min(bytes, 2 * (last?.used ?? 0)));
    const page = new Page(this.#memory.take(size, this), offset, at);
    this.#pages.push(page);
    return page;
  }

  /** Forgets the oldest pages, but never the newest. */
  limit(events: number, bytes: number): void {
    while (this.#pages.length - this.#first > 1) {
      const { count } = this.#pages[this.#first] as Page;
      // A page goes when enough is left without it, so at least so many events are kept.
      if (this.#head.top - this.#floor - count < events && this.#bytes <= bytes) break;
      this.forgetOldest();
    }
  }

  /** Forgets what was added before a time. */
  expire(before: number): void {
    while (!this.isEmpty && (this.#pages[this.#first] as Page).lastAt < before) this.forgetOldest();
  }

  /** Forgets everything. */
  clear(): void {
    while (!this.isEmpty) this.forgetOldest();
  }

  /** True when it has no other page, and something was added to it since this was last asked. */
  usesOldest(): boolean {
    const isInUse = this.#isWritten && this.#pages.length - this.#first === 1;
    this.#isWritten = false;
    return isInUse;
  }

  /** Forgets the oldest page. */
  forgetOldest(): void {
    const { count, used, bytes } = this.#pages[this.#first] as Page;
    this.#memory.giveBack(bytes);
    this.#first += 1;
    this.#floor += count;
    this.#bytes -= used;
    if (this.#first < SLACK || this.#first * 2 < this.#pages.length) return;
    this.#pages = this.#pages.slice(this.#first);
    this.#first = 0;
  }

  /** What the log has above `after`: at least one record if there is one, and no more than fit into `maxBytes`. */
  above(after: number, maxBytes: number): readonly Batch[] {
    const batches: Batch[] = [];
    let left = maxBytes;
    for (let place = this.#placeOf(after + 1); place < this.#pages.length; place += 1) {
      const page = this.#pages[place] as Page;
      const batch = page.above(this.#head.epoch, after, left);
      left -= batch.json.length;
      if (batches.length > 0 && left < 0) break;
      batches.push(batch);
      if (batch.offset + batch.count - 1 < page.top) break;
    }
    return batches;
  }

  /** Place of the first page that ends at `offset` or above. */
  #placeOf(offset: number): number {
    return firstWhere(this.#first, this.#pages.length, (place) => (this.#pages[place] as Page).top >= offset);
  }
}

/** The first place from `low` on for which `holds`, below `high`; `high` when there is none. It holds for all behind one. */
function firstWhere(low: number, high: number, holds: (place: number) => boolean): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
