/**
 * Where the records of every stream lie in the groups, so that catching up costs what the stream holds.
 *
 * What was indexed at one time is listed in segments, by which the oldest of all streams is found and forgotten, in steps
 * of bounded work.
 */
import { Buffer } from 'node:buffer';
import {
  decodeHead,
  decodePlaces,
  decodeSegment,
  encodeHead,
  encodePlaces,
  encodeSegment,
  type GroupedRecord,
  nameKey,
  numberKey,
  type PlacedRecord,
  placesKey,
  type Segment,
  type StoredHead,
} from './codec.ts';
import type { Environment, Table, Writes } from './environment.ts';
import { isDiskFull } from './errors.ts';
import type { CleanedGroup, GroupTable } from './group-table.ts';
import type { Tail } from './tail.ts';
import { turn } from './turn.ts';

/** Keys or groups that one step forgets at the most. */
const STEP = 512;
/** Groups from which dropped streams are taken in one step: each of them is written again. */
const DROP_STEP = 64;
/** So many streams are written down before anything else has its turn. */
const TOGETHER = 32;
/** Places that lie under one key: so many share a page of LMDB. */
const PLACES = 100;

/** What stands in the meta data of the directory. */
interface State {
  /** Of the next stream. */
  readonly nextId: number;
  /** What the groups take on the disk that are indexed, nearly. */
  readonly bytes: number;
  /** The last group that is indexed; 0 when none is. */
  readonly indexed: number;
}

const NOTHING: State = { nextId: 1, bytes: 0, indexed: 0 };

export class RecordIndex {
  readonly #environment: Environment;
  readonly #groups: GroupTable;
  readonly #places: Table;
  readonly #streams: Table;
  readonly #segments: Table;
  /** Ids of streams that were dropped and whose places are still there. */
  readonly #garbage: Table;
  #state: State;
  #nextSegment: number;

  constructor(environment: Environment, groups: GroupTable) {
    this.#environment = environment;
    this.#groups = groups;
    this.#places = environment.table('places');
    this.#streams = environment.table('streams');
    this.#segments = environment.table('segments');
    this.#garbage = environment.table('garbage');
    const state = environment.meta('index');
    this.#state = state === undefined ? NOTHING : (JSON.parse(state) as State);
    const last = [...this.#segments.getKeys({ reverse: true, limit: 1 })][0];
    this.#nextSegment = last === undefined ? 1 : last.readUIntBE(0, 6) + 1;
  }

  /** What the groups take on the disk that are indexed, nearly. */
  get bytes(): number {
    return this.#state.bytes;
  }

  /** The last group that is indexed; 0 when none is. */
  get indexed(): number {
    return this.#state.indexed;
  }

  /** Where a stream stands as far as the index knows. */
  head(stream: string): StoredHead | undefined {
    const bytes = this.#streams.get(nameKey(stream));
    return bytes && decodeHead(bytes);
  }

  /** Offset of the first event of an id; undefined when there is none. */
  first(id: number): number | undefined {
    if (id === 0) return undefined;
    const [key] = [...this.#places.getKeys({ start: placesKey(id, 0), end: placesKey(id + 1, 0), limit: 1 })];
    return key?.readUIntBE(6, 6);
  }

  /** The records of an id from the one with the event behind `after` on, below `before`. */
  *records(id: number, { after, before }: { after: number; before: number }): Generator<PlacedRecord> {
    if (id === 0 || after + 1 >= before) return;
    const start = placesKey(id, this.#startOf(id, after + 1));
    for (const { key, value } of this.#places.getRange({ start, end: placesKey(id, before) }))
      yield* decodePlaces(key, value);
  }

  /** Writes that a stream begins anew; what it had goes away in steps. */
  drop(writes: Writes, stream: string, before: StoredHead, after: StoredHead): void {
    writes.put(this.#streams, nameKey(stream), encodeHead(after));
    if (before.id !== 0) writes.put(this.#garbage, numberKey(before.id), Buffer.from([0]));
  }

  /** Takes what was dropped out of the groups of a tail. */
  async clean(tail: Tail): Promise<void> {
    await this.#clean([...tail.groups.keys()], async (writes, cleaned) => {
      await this.#environment.commit(writes);
      for (const { group, rest } of cleaned) if (rest === undefined) tail.groups.delete(group);
    });
    tail.cleaned();
  }

  /** Lists where everything lies that a tail holds. */
  async take(tail: Tail): Promise<void> {
    const groups = [...tail.groups.keys()];
    const indexed = groups.at(-1) ?? this.#state.indexed;
    const bytes = [...tail.groups.values()].reduce((sum, size) => sum + size, this.#state.bytes);
    let { nextId } = this.#state;
    const streams: Entry[] = [];
    const places: Entry[] = [];
    for (const stream of tail.streams) {
      const known = tail.heads.get(stream) as StoredHead;
      const head = known.id === 0 ? { ...known, id: nextId++ } : known;
      streams.push({ key: nameKey(stream), value: encodeHead(head) });
      places.push(...placesOf(head.id, tail.of(stream)));
      // Nothing else is written meanwhile.
      if (streams.length % TOGETHER === 0) await turn();
    }
    const keys = places.map(({ key }) => key);
    const segments = segmentsOf(tail.newestAt, keys, groups);
    const state = { nextId, bytes, indexed };
    await this.#environment.commit((writes) => {
      for (const { key, value } of streams) writes.put(this.#streams, key, value);
      for (const { key, value } of places) writes.put(this.#places, key, value);
      for (const [i, segment] of segments.entries())
        writes.put(this.#segments, numberKey(this.#nextSegment + i), encodeSegment(segment));
      this.#putState(writes, state);
    });
    this.#nextSegment += segments.length;
    this.#state = state;
  }

  /** Forgets a step of what was dropped, or is older than `before`, or too much; false when there is nothing of it. */
  async forget(before: number, keepBytes: number): Promise<boolean> {
    const [dropped] = [...this.#garbage.getKeys({ limit: 1 })];
    if (dropped !== undefined) {
      await this.#forgetDropped(dropped);
      return true;
    }
    const [first] = [...this.#segments.getRange({ limit: 1 })];
    if (first === undefined) return false;
    const { newestAt, keys, groups } = decodeSegment(first.value);
    if (newestAt >= before && this.bytes <= keepBytes) return false;
    const present = keys.filter((key) => this.#places.doesExist(key));
    const sizes = groups === null ? [] : this.#groups.sizes(groups);
    await withRoom(async (step) => {
      const some = sizes.slice(0, step);
      await this.#commit(-bytesOf(some), (writes) => {
        for (const key of present.slice(0, step)) writes.remove(this.#places, key);
        for (const { group } of some) this.#groups.remove(writes, group);
        if (present.length <= step && sizes.length <= step) writes.remove(this.#segments, first.key);
      });
    });
    return true;
  }

  async #forgetDropped(garbage: Buffer): Promise<void> {
    const id = garbage.readUIntBE(0, 6);
    const keys: Buffer[] = [];
    const groups = new Set<number>();
    let isAll = true;
    for (const { key, value } of this.#places.getRange({ start: placesKey(id, 0), end: placesKey(id + 1, 0) })) {
      isAll = keys.length < STEP && groups.size < STEP;
      if (!isAll) break;
      keys.push(key);
      for (const { group } of decodePlaces(key, value)) groups.add(group);
    }
    await this.#clean([...groups], (writes, cleaned) =>
      this.#commit(-bytesOf(cleaned.filter(({ rest }) => rest === undefined)), writes),
    );
    await withRoom((step) =>
      this.#environment.commit((writes) => {
        for (const key of keys.slice(0, step)) writes.remove(this.#places, key);
        if (isAll && keys.length <= step) writes.remove(this.#garbage, garbage);
      }),
    );
  }

  /** Takes what was dropped out of groups, in steps. */
  async #clean(
    groups: readonly number[],
    commit: (write: (writes: Writes) => void, cleaned: readonly CleanedGroup[]) => Promise<void>,
  ): Promise<void> {
    for (let done = 0; done < groups.length;) {
      await withRoom(async (step) => {
        const next = done + step;
        const cleaned = this.#groups.without(this.#isDropped, groups.slice(done, next));
        if (cleaned.length > 0) await commit((writes) => this.#putCleaned(writes, cleaned), cleaned);
        done = next;
      }, DROP_STEP);
    }
  }

  #putCleaned(writes: Writes, cleaned: readonly CleanedGroup[]): void {
    for (const { group, rest } of cleaned) {
      if (rest === undefined) this.#groups.remove(writes, group);
      else this.#groups.put(writes, group, rest);
    }
  }

  /** @param bytes by how much the groups change that are indexed, on the disk. */
  async #commit(bytes: number, write: (writes: Writes) => void): Promise<void> {
    const state = { ...this.#state, bytes: this.bytes + bytes };
    await this.#environment.commit((writes) => {
      write(writes);
      this.#putState(writes, state);
    });
    this.#state = state;
  }

  readonly #isDropped = ({ stream, generation }: GroupedRecord): boolean =>
    generation !== (this.head(stream)?.generation ?? 0);

  /** Where to begin for an offset: the places among which it is may begin below it. */
  #startOf(id: number, offset: number): number {
    const [key] = [
      ...this.#places.getKeys({ start: placesKey(id, offset), end: placesKey(id, 0), reverse: true, limit: 1 }),
    ];
    return key === undefined ? 0 : key.readUIntBE(6, 6);
  }

  #putState(writes: Writes, state: State): void {
    this.#environment.putMeta(writes, 'index', JSON.stringify(state));
  }
}

/** What is written into one table. */
interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

function placesOf(id: number, records: readonly PlacedRecord[]): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < records.length; at += PLACES) {
    const key = placesKey(id, (records[at] as PlacedRecord).offset);
    entries.push({ key, value: encodePlaces(records.slice(at, at + PLACES)) });
  }
  return entries;
}

function bytesOf(groups: readonly { readonly bytes: number }[]): number {
  return groups.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Does a step, or a smaller one where the disk is full: removing takes room as well.
 *
 * @param step how much is tried first, a power of eight.
 */
async function withRoom(work: (step: number) => Promise<void>, step: number = STEP): Promise<void> {
  try {
    await work(step);
  } catch (error) {
    if (!isDiskFull(error) || step === 1) throw error;
    await withRoom(work, step / 8);
  }
}

/** Keys come before groups, so that at no time one points to what is not there. */
function segmentsOf(newestAt: number, keys: readonly Buffer[], groups: readonly number[]): Segment[] {
  const segments: Segment[] = [];
  for (let at = 0; at < keys.length; at += STEP)
    segments.push({ newestAt, keys: keys.slice(at, at + STEP), groups: null });
  for (let at = 0; at < groups.length; at += STEP) {
    const [from, to] = [groups[at] as number, groups[Math.min(at + STEP, groups.length) - 1] as number];
    segments.push({ newestAt, keys: [], groups: { from, to } });
  }
  return segments;
}
