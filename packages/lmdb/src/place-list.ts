/**
 * Where many records lie, of many streams, as numbers in columns: tens of thousands come and go in a second, and as objects
 * they would outlive what the garbage collector takes for young, each of them.
 */
import type { PlacedRecord } from './codec.ts';

/** Numbers of one record: offset, count, group, at, length. */
const COLUMNS = 5;
const FIRST_ROWS = 1_024;
const NONE = -1;

/** The records of one stream, by their rows. */
interface Chain {
  readonly first: number;
  last: number;
}

export class PlaceList {
  #numbers = new Float64Array(FIRST_ROWS * COLUMNS);
  /** Of each row that of the next record of its stream. */
  #next = new Int32Array(FIRST_ROWS);
  #used = 0;
  readonly #chains = new Map<string, Chain>();

  add(stream: string, { offset, count, group, at, length }: PlacedRecord): void {
    const row = this.#used;
    if (row === this.#next.length) this.#grow();
    this.#used += 1;
    const numbers = this.#numbers;
    const from = row * COLUMNS;
    numbers[from] = offset;
    numbers[from + 1] = count;
    numbers[from + 2] = group;
    numbers[from + 3] = at;
    numbers[from + 4] = length;
    this.#next[row] = NONE;
    const chain = this.#chains.get(stream);
    if (chain === undefined) this.#chains.set(stream, { first: row, last: row });
    else {
      this.#next[chain.last] = row;
      chain.last = row;
    }
  }

  /** The records of a stream, in the order in which they were added. */
  of(stream: string): PlacedRecord[] {
    const chain = this.#chains.get(stream);
    const records: PlacedRecord[] = [];
    for (let row = chain?.first ?? NONE; row !== NONE; row = this.#next[row] as number) records.push(this.#read(row));
    return records;
  }

  /** Offset of the first record of a stream; undefined where there is none. */
  firstOf(stream: string): number | undefined {
    const chain = this.#chains.get(stream);
    return chain === undefined ? undefined : this.#numbers[chain.first * COLUMNS];
  }

  get streams(): Iterable<string> {
    return this.#chains.keys();
  }

  /** The rows of a stream are free again when all are. */
  forget(stream: string): void {
    this.#chains.delete(stream);
  }

  clear(): void {
    this.#chains.clear();
    this.#used = 0;
  }

  #read(row: number): PlacedRecord {
    const from = row * COLUMNS;
    const column = (nth: number): number => this.#numbers[from + nth] as number;
    return { offset: column(0), count: column(1), group: column(2), at: column(3), length: column(4) };
  }

  #grow(): void {
    const numbers = new Float64Array(this.#numbers.length * 2);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const next = new Int32Array(this.#next.length * 2);
    next.set(this.#next);
    this.#next = next;
  }
}
