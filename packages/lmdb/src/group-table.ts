/**
 * The table of groups: every byte of an event lies here, once, from its flush until it is forgotten.
 *
 * Groups are written at one end and removed at the other, so that the room of those that go is one piece. LMDB goes through
 * its list of free pieces at every commit: events that are moved about leave more of them with every megabyte.
 */
import { decodeGroup, type GroupedRecord, type Groups, numberKey, type Place } from './codec.ts';
import type { Environment, Table, Writes } from './environment.ts';

/** Of LMDB, at the least; it has as much as a page of the machine. */
const PAGE_BYTES = 4_096;
/** What LMDB keeps beside a value. */
const NODE_BYTES = 24;

/** A space, with which no JSON begins here. */
const BLANK = 0x20;

export interface CleanedGroup {
  readonly group: number;
  /** What it takes on the disk. */
  readonly bytes: number;
  readonly rest: Buffer | undefined;
}

export class GroupTable {
  readonly #table: Table;

  constructor(environment: Environment) {
    this.#table = environment.table('groups');
  }

  put(writes: Writes, group: number, bytes: Buffer): void {
    writes.put(this.#table, numberKey(group), bytes);
  }

  /** All groups behind one, in order. */
  *behind(group: number): Generator<{ readonly group: number; readonly bytes: Buffer }> {
    for (const { key, value } of this.#table.getRange({ start: numberKey(group + 1) }))
      yield { group: key.readUIntBE(0, 6), bytes: value };
  }

  remove(writes: Writes, group: number): void {
    writes.remove(this.#table, numberKey(group));
  }

  /** Those of a range that are there, and what they take on the disk. */
  sizes({ from, to }: Groups): { readonly group: number; readonly bytes: number }[] {
    return [...this.#table.getRange({ start: numberKey(from), end: numberKey(to + 1) })].map(({ key, value }) => ({
      group: key.readUIntBE(0, 6),
      bytes: onDisk(value.length),
    }));
  }

  /**
   * Groups without what is gone from them: only those that change by it, and only those that are there.
   *
   * @returns `rest` is undefined when nothing else is in a group; else what is gone is blank in it, and all lies where it did.
   */
  without(isGone: (record: GroupedRecord) => boolean, groups: Iterable<number>): CleanedGroup[] {
    const cleaned: CleanedGroup[] = [];
    for (const group of groups) {
      const bytes = this.#table.get(numberKey(group));
      const records = bytes === undefined ? [] : decodeGroup(bytes);
      const gone = records.filter(isGone);
      const isEmpty = gone.length === records.length;
      if (bytes === undefined || (!isEmpty && gone.every(({ json }) => json[0] === BLANK))) continue;
      for (const { json } of gone) json.fill(BLANK);
      cleaned.push({ group, bytes: onDisk(bytes.length), rest: isEmpty ? undefined : bytes });
    }
    return cleaned;
  }

  /** Reads records one after the other; neighbours in a group cost one look at it. */
  reader(): (place: Place) => Buffer {
    let last: { readonly group: number; readonly bytes: Buffer } | undefined;
    return ({ group, at, length }) => {
      if (last?.group !== group) {
        const bytes = this.#table.get(numberKey(group));
        if (bytes === undefined) throw new Error(`Group ${group} is not there.`);
        last = { group, bytes };
      }
      return last.bytes.subarray(at, at + length);
    };
  }
}

/** What a group takes on the disk: small ones share a page, large ones have pages of their own. */
export function onDisk(bytes: number): number {
  const size = bytes + NODE_BYTES;
  return size < PAGE_BYTES / 2 ? size + 16 : Math.ceil(size / PAGE_BYTES) * PAGE_BYTES;
}
