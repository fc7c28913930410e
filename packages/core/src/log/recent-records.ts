/**
 * The latest records of one stream, as whole batches without a gap between them.
 *
 * Adding costs what is added, and reading finds its beginning by halves.
 */
import type { Batch } from './event-log.ts';
import type { Head } from './flush.ts';

interface Kept {
  readonly batch: Batch;
  readonly at: number;
}

/** Forgotten records are cut off together, once there are so many. */
const SLACK = 256;

export class RecentRecords {
  #records: Kept[] = [];
  /** Place of the first that is kept. */
  #first = 0;
  #bytes = 0;
  #head: Head = { epoch: '', top: 0 };
  #floor: number;

  /** @param floor offset of the last event before the first record. */
  constructor(floor: number) {
    this.#floor = floor;
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
    this.#first = 0;
  }
}
