/**
 * What lies in groups and not yet in the table of records: the newest records of every stream, in memory as well.
 *
 * It is bounded: when it has grown large it is moved into the table.
 */
import type { Batch } from '@muster/core';
import { RECORD } from '@muster/core/storage';
import type { StoredHead, UngroupedRecord } from './codec.ts';

/** What a record counts as beside its bytes. */
const OVERHEAD = 256;

/** Neighbours as one record, its JSON in parts. */
type MergedRecord = Pick<UngroupedRecord, 'offset' | 'count' | 'parts'>;

export class Tail {
  readonly #streams = new Map<string, { readonly batches: Batch[]; bytes: number }>();
  /** Where the streams stand that have been written to since the table was. */
  readonly heads = new Map<string, StoredHead>();
  #bytes = 0;
  #oldestAt: number | undefined;
  #newestAt = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** When its oldest record was written; undefined when there is none. */
  get oldestAt(): number | undefined {
    return this.#oldestAt;
  }

  get newestAt(): number {
    return this.#newestAt;
  }

  add(stream: string, batch: Batch, at: number): void {
    const held = this.#streams.get(stream) ?? { batches: [], bytes: 0 };
    held.batches.push(batch);
    const bytes = batch.json.length + OVERHEAD;
    held.bytes += bytes;
    this.#bytes += bytes;
    this.#streams.set(stream, held);
    this.#oldestAt ??= at;
    this.#newestAt = Math.max(this.#newestAt, at);
  }

  forget(stream: string): void {
    this.#bytes -= this.#streams.get(stream)?.bytes ?? 0;
    this.#streams.delete(stream);
  }

  of(stream: string): readonly Batch[] {
    return this.#streams.get(stream)?.batches ?? [];
  }

  /** All streams that hold something, with their records grown together: a replay is then few frames, and the table few keys. */
  *merged(): Generator<{ stream: string; records: MergedRecord[] }> {
    for (const [stream, { batches }] of this.#streams) yield { stream, records: mergedNeighbours(batches) };
  }

  clear(): void {
    this.#streams.clear();
    this.heads.clear();
    this.#bytes = 0;
    this.#oldestAt = undefined;
  }
}

function mergedNeighbours(batches: readonly Batch[]): MergedRecord[] {
  const merged: MergedRecord[] = [];
  let last: { offset: number; count: number; parts: Buffer[] } | undefined;
  let bytes = 0;
  for (const { offset, count, json } of batches) {
    if (last === undefined || last.count + count > RECORD.events || bytes + json.length > RECORD.bytes) {
      last = { offset, count: 0, parts: [] };
      merged.push(last);
      bytes = 0;
    }
    last.count += count;
    last.parts.push(json);
    bytes += json.length;
  }
  return merged;
}
