/**
 * The latest records of one stream, as whole batches without a gap between them.
 *
 * Adding costs what is added, and reading finds its beginning by halves. Small neighbours grow together after a while: a
 * million of them would each be several objects that the garbage collector looks at, again and again.
 */
import type { Batch } from './event-log.ts';
import type { Head } from './flush.ts';
import { joinedJson } from './joined-json.ts';

interface Kept {
  readonly batch: Batch;
  readonly at: number;
}

/** Forgotten records are cut off together, once there are so many. */
const SLACK = 256;
/** So many records grow together, if they may. */
const GROWN = 32;

/** How large a record may become of others, and how far apart those may have been added, in milliseconds. */
export interface Grown {
  readonly events: number;
  readonly bytes: number;
  readonly withinMs: number;
}

export class RecentRecords {
  #records: Kept[] = [];
  /** Place of the first that is kept. */
  #first = 0;
  #bytes = 0;
  #head: Head = { epoch: '', top: 0 };
  #floor: number;
  /** Place of the first that has not been looked at for growing together. */
  #loose = 0;
  readonly #grown: Grown;

  /**
   * @param floor offset of the last event before the first record.
   * @param grown what has grown together goes with the last of it.
   */
  constructor(floor: number, grown: Grown) {
    this.#floor = floor;
    this.#grown = grown;
  }

  get head(): Head {
    return this.#head;
  }

  get floor(): number {
    return this.#floor;
  }

  get isEmpty(): boolean {
    return this.#first === this.#records.length;
  }

  /** @param head where the stream stands with this record, the next one. */
  add(head: Head, batch: Batch, at: number): void {
    this.#head = head;
    this.#records.push({ batch, at });
    this.#bytes += batch.json.length;
    if (this.#records.length - this.#loose >= GROWN) this.#grow();
  }

  /** Makes one of those that were added since, or leaves them as they are. */
  #grow(): void {
    const loose = this.#records.slice(Math.max(this.#loose, this.#first));
    this.#loose = this.#records.length;
    const [first, last] = [loose[0] as Kept, loose.at(-1) as Kept];
    const bytes = loose.reduce((sum, { batch }) => sum + batch.json.length, 0);
    const { epoch, offset } = first.batch;
    const count = last.batch.offset + last.batch.count - offset;
    const { events, bytes: most, withinMs } = this.#grown;
    if (bytes > most || count > events || last.at - first.at > withinMs) return;
    const json = joinedJson(loose.map(({ batch }) => batch.json));
    this.#records.length -= loose.length;
    this.#records.push({ batch: { epoch, offset, count, json }, at: last.at });
    this.#bytes += json.length - bytes;
    this.#loose = this.#records.length;
  }

  /** Forgets the oldest records, but never the newest. */
  limit(events: number, bytes: number): void {
    while (this.#records.length - this.#first > 1) {
      const { count } = (this.#records[this.#first] as Kept).batch;
      // A record goes when enough is left without it, so at least so many events are kept.
      if (this.#head.top - this.#floor - count < events && this.#bytes <= bytes) break;
      this.#forgetFirst();
    }
  }

  /** Forgets what was added before a time. */
  expire(before: number): void {
    while (!this.isEmpty && (this.#records[this.#first] as Kept).at < before) this.#forgetFirst();
  }

  /** The records with events above `after`: at least one if there is one, and no more than fit into `maxBytes`. */
  above(after: number, maxBytes: number): readonly Batch[] {
    const batches: Batch[] = [];
    let bytes = 0;
    for (let at = this.#placeOf(after + 1); at < this.#records.length; at += 1) {
      const { batch } = this.#records[at] as Kept;
      bytes += batch.json.length;
      if (batches.length > 0 && bytes > maxBytes) break;
      batches.push(batch);
    }
    return batches;
  }

  /** Place of the first record that ends at `offset` or above. */
  #placeOf(offset: number): number {
    let low = this.#first;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { batch } = this.#records[middle] as Kept;
      if (batch.offset + batch.count - 1 < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forgetFirst(): void {
    const { batch } = this.#records[this.#first] as Kept;
    this.#first += 1;
    this.#floor += batch.count;
    this.#bytes -= batch.json.length;
    if (this.#first < SLACK || this.#first * 2 < this.#records.length) return;
    this.#records = this.#records.slice(this.#first);
    this.#loose = Math.max(0, this.#loose - this.#first);
    this.#first = 0;
  }
}
