/**
 * What lies in groups and not yet in the table of records: the newest records of every stream, in memory as well.
 *
 * It is bounded: when it has grown large it is moved into the table.
 */
import type { Batch } from '@muster/core';
import { joinedJson, RECORD } from '@muster/core/storage';
import type { StoredHead } from './codec.ts';

/** What a record counts as beside its bytes. */
const OVERHEAD = 256;

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
  *merged(): Generator<{ stream: string; batches: Batch[] }> {
    for (const [stream, { batches }] of this.#streams) yield { stream, batches: mergedNeighbours(batches) };
  }

  clear(): void {
    this.#streams.clear();
    this.heads.clear();
    this.#bytes = 0;
    this.#oldestAt = undefined;
  }
}

function mergedNeighbours(batches: readonly Batch[]): Batch[] {
  const merged: Batch[] = [];
  let run: Batch[] = [];
  let count = 0;
  let bytes = 0;
  for (const batch of batches) {
    if (run.length > 0 && (count + batch.count > RECORD.events || bytes + batch.json.length > RECORD.bytes)) {
      merged.push(joined(run, count));
      [run, count, bytes] = [[], 0, 0];
    }
    run.push(batch);
    count += batch.count;
    bytes += batch.json.length;
  }
  if (run.length > 0) merged.push(joined(run, count));
  return merged;
}

function joined(run: readonly Batch[], count: number): Batch {
  const { epoch, offset } = run[0] as Batch;
  return { epoch, offset, count, json: joinedJson(run.map(({ json }) => json)) };
}
