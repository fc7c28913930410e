/**
 * The table of records: every stream by itself, in order, so that catching up costs what the stream holds.
 *
 * What was moved here at one time is listed in segments, by which the oldest of all streams is found and forgotten, in
 * steps of bounded work.
 */
import type { Batch } from '@muster/core';
import {
  decodeHead,
  decodeRecord,
  encodeHead,
  encodeRecord,
  nameKey,
  numberKey,
  recordKey,
  type StoredHead,
} from './codec.ts';
import type { Environment, Table, Writes } from './environment.ts';
import type { Tail } from './tail.ts';

/** Records that one step forgets at the most. */
const STEP = 512;
/** Of a record in a list: id, offset and size. */
const ENTRY = 6 + 6 + 4;

export class RecordTable {
  readonly #environment: Environment;
  readonly #records: Table;
  readonly #streams: Table;
  readonly #segments: Table;
  /** Ids of streams that were dropped and whose records are still there. */
  readonly #garbage: Table;
  #nextId: number;
  #nextSegment: number;
  #bytes: number;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#records = environment.table('records');
    this.#streams = environment.table('streams');
    this.#segments = environment.table('segments');
    this.#garbage = environment.table('garbage');
    const state = JSON.parse(environment.meta('records') ?? '{}') as Partial<Record<'nextId' | 'bytes', number>>;
    this.#nextId = state.nextId ?? 1;
    this.#bytes = state.bytes ?? 0;
    const last = [...this.#segments.getKeys({ reverse: true, limit: 1 })][0];
    this.#nextSegment = last === undefined ? 1 : last.readUIntBE(0, 6) + 1;
  }

  /** What the records take on the disk, nearly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where a stream stands as far as the table knows. */
  head(stream: string): StoredHead | undefined {
    const bytes = this.#streams.get(nameKey(stream));
    return bytes && decodeHead(bytes);
  }

  /** Offset of the first record of an id; undefined when there is none. */
  first(id: number): number | undefined {
    if (id === 0) return undefined;
    const [key] = [...this.#records.getKeys({ start: recordKey(id, 0), end: recordKey(id + 1, 0), limit: 1 })];
    return key?.readUIntBE(6, 6);
  }

  /** The records with events above `after` and below `before`, as many as fit, and at least one if there is one. */
  read({ id, epoch }: StoredHead, range: { after: number; before: number; maxBytes: number }): Batch[] {
    if (id === 0 || range.after + 1 >= range.before) return [];
    const batches: Batch[] = [];
    let bytes = 0;
    const start = recordKey(id, this.#startOf(id, range.after + 1));
    for (const { key, value } of this.#records.getRange({ start, end: recordKey(id, range.before) })) {
      const batch = decodeRecord(epoch, key, value);
      if (batch.offset + batch.count - 1 <= range.after) continue;
      bytes += batch.json.length;
      if (batches.length > 0 && bytes > range.maxBytes) break;
      batches.push(batch);
    }
    return batches;
  }

  /** Writes that a stream begins anew; what it had goes away in steps. */
  drop(writes: Writes, stream: string, before: StoredHead, after: StoredHead): void {
    writes.put(this.#streams, nameKey(stream), encodeHead(after));
    if (before.id !== 0) writes.put(this.#garbage, numberKey(before.id), Buffer.from([0]));
  }

  /** Moves all that a tail holds here, in the same transaction as `andThen`. */
  async take(tail: Tail, andThen: (writes: Writes) => void): Promise<void> {
    const entries: Buffer[] = [];
    let [nextId, bytes] = [this.#nextId, this.#bytes];
    await this.#environment.commit((writes) => {
      for (const { stream, records } of tail.merged()) {
        const known = tail.heads.get(stream) as StoredHead;
        const head = known.id === 0 ? { ...known, id: nextId++ } : known;
        writes.put(this.#streams, nameKey(stream), encodeHead(head));
        for (const record of records) {
          const value = encodeRecord(record);
          writes.put(this.#records, recordKey(head.id, record.offset), value);
          bytes += onDisk(value.length);
          entries.push(entryOf(head.id, record.offset, value.length));
        }
      }
      this.#list(writes, entries, tail.newestAt);
      this.#putState(writes, nextId, bytes);
      andThen(writes);
    });
    this.#nextSegment += Math.ceil(entries.length / STEP);
    [this.#nextId, this.#bytes] = [nextId, bytes];
  }

  /** Forgets a step of what was dropped, or is older than `before`, or too much; false when there is nothing of it. */
  async forget(before: number, keepBytes: number): Promise<boolean> {
    const [dropped] = [...this.#garbage.getKeys({ limit: 1 })];
    if (dropped !== undefined) {
      await this.#forgetDropped(dropped);
      return true;
    }
    const [segment] = [...this.#segments.getRange({ limit: 1 })];
    if (segment === undefined) return false;
    const { key, value } = segment;
    if (value.readDoubleBE(0) >= before && this.#bytes <= keepBytes) return false;
    const entries = Array.from({ length: (value.length - 8) / ENTRY }, (_, i) => 8 + i * ENTRY)
      .map((at) => ({ record: Buffer.from(value.subarray(at, at + 12)), size: value.readUInt32BE(at + 12) }))
      // What was dropped is gone already.
      .filter(({ record }) => this.#records.doesExist(record));
    await this.#remove(entries, (writes) => writes.remove(this.#segments, key));
    return true;
  }

  async #forgetDropped(garbage: Buffer): Promise<void> {
    const id = garbage.readUIntBE(0, 6);
    const range = { start: recordKey(id, 0), end: recordKey(id + 1, 0), limit: STEP };
    const entries = [...this.#records.getRange(range)].map(({ key, value }) => ({ record: key, size: value.length }));
    await this.#remove(entries, (writes) => {
      if (entries.length < STEP) writes.remove(this.#garbage, garbage);
    });
  }

  async #remove(
    entries: readonly { readonly record: Buffer; readonly size: number }[],
    andThen: (writes: Writes) => void,
  ): Promise<void> {
    const bytes = entries.reduce((left, { size }) => left - onDisk(size), this.#bytes);
    await this.#environment.commit((writes) => {
      for (const { record } of entries) writes.remove(this.#records, record);
      this.#putState(writes, this.#nextId, bytes);
      andThen(writes);
    });
    this.#bytes = bytes;
  }

  /** Where to begin for an offset: the record that it lies in may begin below it. */
  #startOf(id: number, offset: number): number {
    const [key] = [
      ...this.#records.getKeys({ start: recordKey(id, offset), end: recordKey(id, 0), reverse: true, limit: 1 }),
    ];
    return key === undefined ? 0 : key.readUIntBE(6, 6);
  }

  #list(writes: Writes, entries: readonly Buffer[], newestAt: number): void {
    const until = Buffer.allocUnsafe(8);
    until.writeDoubleBE(newestAt, 0);
    for (let at = 0, segment = this.#nextSegment; at < entries.length; at += STEP, segment += 1) {
      writes.put(this.#segments, numberKey(segment), Buffer.concat([until, ...entries.slice(at, at + STEP)]));
    }
  }

  #putState(writes: Writes, nextId: number, bytes: number): void {
    this.#environment.putMeta(writes, 'records', JSON.stringify({ nextId, bytes }));
  }
}

function entryOf(id: number, offset: number, size: number): Buffer {
  const entry = Buffer.allocUnsafe(ENTRY);
  recordKey(id, offset).copy(entry);
  entry.writeUInt32BE(size, 12);
  return entry;
}

/** Small values share a page, large ones have pages of their own. */
function onDisk(size: number): number {
  return size < 2_000 ? size + 64 : Math.ceil((size + 16) / 4_096) * 4_096;
}
