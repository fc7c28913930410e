/**
 * Where the newest records lie: those in groups that are not indexed yet.
 *
 * It is bounded: when it has grown large, what it holds is indexed.
 */
import type { PlacedRecord, StoredHead } from './codec.ts';
import { onDisk } from './group-table.ts';
import { PlaceList } from './place-list.ts';

/** What a record counts as beside its bytes. */
const OVERHEAD = 256;

export class Tail {
  readonly #places = new PlaceList();
  /** Where the streams stand that have been written to since the last indexing. */
  readonly heads = new Map<string, StoredHead>();
  /** Its groups by their numbers, rising, and what each takes on the disk. */
  readonly groups = new Map<number, number>();
  #hasGone = false;
  #bytes = 0;
  #oldestAt: number | undefined;
  #newestAt = 0;

  /** Of all groups, with what their records count as; also of what was dropped since. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True when its groups have records of streams that were dropped since. */
  get hasGone(): boolean {
    return this.#hasGone;
  }

  /** When its oldest record was written; undefined when there is none. */
  get oldestAt(): number | undefined {
    return this.#oldestAt;
  }

  get newestAt(): number {
    return this.#newestAt;
  }

  hold(group: number, bytes: number): void {
    this.groups.set(group, onDisk(bytes));
    this.#bytes += bytes;
  }

  add(stream: string, record: PlacedRecord, at: number): void {
    this.#places.add(stream, record);
    this.#bytes += OVERHEAD;
    this.#oldestAt ??= at;
    this.#newestAt = Math.max(this.#newestAt, at);
  }

  /** A stream has been dropped; its records may be in the groups still. */
  forget(stream: string): void {
    this.#hasGone = true;
    this.#places.forget(stream);
  }

  /** What was dropped is gone from its groups. */
  cleaned(): void {
    this.#hasGone = false;
  }

  of(stream: string): readonly PlacedRecord[] {
    return this.#places.of(stream);
  }

  /** Offset of the first record of a stream; undefined where it has none. */
  firstOf(stream: string): number | undefined {
    return this.#places.firstOf(stream);
  }

  /** All streams that hold something. */
  get streams(): Iterable<string> {
    return this.#places.streams;
  }

  clear(): void {
    this.#places.clear();
    this.heads.clear();
    this.groups.clear();
    this.#hasGone = false;
    this.#bytes = 0;
    this.#oldestAt = undefined;
  }
}
