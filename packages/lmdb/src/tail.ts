/**
 * What lies in groups that are not indexed yet: the newest records of every stream, in memory as well.
 *
 * It is bounded: when it has grown large, what it holds is indexed.
 */
import type { Batch } from '@muster/core';
import type { Place, StoredHead } from './codec.ts';
import { onDisk } from './group-table.ts';

/** What a record counts as beside its bytes. */
const OVERHEAD = 256;

export class Tail {
  readonly #streams = new Map<string, Batch[]>();
  /** Where the streams stand that have been written to since the last indexing. */
  readonly heads = new Map<string, StoredHead>();
  /** The groups, in order, by the bytes in which the JSON of their records lies. */
  readonly #groups = new Map<ArrayBufferLike, number>();
  #hasGone = false;
  #bytes = 0;
  #onDisk = 0;
  #oldestAt: number | undefined;
  #newestAt = 0;

  /** Of all groups, with what their records count as; also of what was dropped since. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What its groups take on the disk. */
  get onDisk(): number {
    return this.#onDisk;
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0;
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

  /** A group, before its records; no other one has the same `ArrayBuffer`. */
  hold(group: number, bytes: Buffer): void {
    this.#groups.set(bytes.buffer, group);
    this.#bytes += bytes.length;
    this.#onDisk += onDisk(bytes.length);
  }

  /** @param batch its JSON lies in the bytes of a group. */
  add(stream: string, batch: Batch, at: number): void {
    const batches = this.#streams.get(stream);
    if (batches === undefined) this.#streams.set(stream, [batch]);
    else batches.push(batch);
    this.#bytes += OVERHEAD;
    this.#oldestAt ??= at;
    this.#newestAt = Math.max(this.#newestAt, at);
  }

  /** A stream has been dropped; its records may be in the groups still. */
  forget(stream: string): void {
    this.#hasGone = true;
    this.#streams.delete(stream);
  }

  of(stream: string): readonly Batch[] {
    return this.#streams.get(stream) ?? [];
  }

  /** All streams that hold something, and where. */
  *places(): Generator<{ stream: string; offset: number; places: Place[] }> {
    for (const [stream, batches] of this.#streams) {
      const places = batches.map(({ count, json }): Place => {
        const group = this.#groups.get(json.buffer);
        if (group === undefined) throw new Error(`A record of ${stream} lies in no group.`);
        return { group, at: json.byteOffset, length: json.length, count };
      });
      yield { stream, offset: (batches[0] as Batch).offset, places };
    }
  }

  /** Numbers of its groups, rising. */
  get groups(): readonly number[] {
    return [...this.#groups.values()];
  }

  clear(): void {
    this.#streams.clear();
    this.heads.clear();
    this.#groups.clear();
    this.#hasGone = false;
    this.#bytes = 0;
    this.#onDisk = 0;
    this.#oldestAt = undefined;
  }
}
