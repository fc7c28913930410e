/**
 * One flush of a log as it will be: which records, where every touched stream stands after it, and how each call ends.
 *
 * It decides and changes nothing: a log writes the records, and only then makes the rest true. What cannot be written is
 * forgotten with the flush.
 */
import type { Appended, Batch, Since } from './event-log.ts';
import { type Append, conclude, type Operation, Refusal } from './append-queue.ts';
import { addEntries, type Entries, type Part } from './joined-json.ts';

/** Limits of one record, in events and bytes; the events of a single append may exceed them. */
export const RECORD = { events: 512, bytes: 64 * 1024 } as const;

/** Where a stream stands. A log may keep more in it. */
export interface Head {
  readonly epoch: string;
  readonly top: number;
}

/** A record of a flush before it is one piece. */
export interface UnjoinedRecord<H extends Head> {
  readonly stream: string;
  /** The stream's head after this record. */
  readonly head: H;
  readonly offset: number;
  readonly count: number;
  /** Its events; where they lie is used again when the flush is over. */
  readonly parts: readonly Entries[];
}

/** A record of a flush. */
export interface Made<H extends Head> {
  readonly stream: string;
  /** The stream's head after this record. */
  readonly head: H;
  readonly batch: Batch;
}

export interface Heads<H extends Head> {
  /** Where a stream stands; of one that is not known, where it would begin. */
  of(stream: string): H;
  /** The head after an append. */
  advanced(head: H, top: number): H;
  /** The head of a stream that has been dropped. */
  renewed(head: H): H;
  /** The bytes of a record, copied: an array of all events of its parts. */
  joined(record: UnjoinedRecord<H>): Buffer;
  /** The records of a stream with events behind an offset; a log that nobody else writes into has no need of it. */
  behind?(stream: string, after: number): readonly Batch[];
}

/** A stream that a flush touches: where it stands by now, and the record that still grows. */
interface Touched<H extends Head> {
  head: H;
  hasMoved: boolean;
  /** Of the record's first event. */
  offset: number;
  parts: Part[];
  bytes: number;
  count: number;
}

const NONE: readonly never[] = [];

export class Flush<H extends Head> {
  /** In the order in which they are to be shown. */
  readonly made: Made<H>[] = [];
  readonly #streams = new Map<string, Touched<H>>();
  /** Streams that were dropped, and the head that each had before. */
  readonly dropped: { readonly stream: string; readonly before: H }[] = [];
  readonly #source: Heads<H>;
  readonly #operations: readonly Operation[];
  /** How each append ends, in the order of the operations. */
  readonly #appended: (Appended | Refusal)[] = [];

  constructor(operations: readonly Operation[], source: Heads<H>) {
    this.#source = source;
    this.#operations = operations;
    for (const operation of operations) {
      if (operation.kind === 'append') this.#appended.push(this.#append(operation));
      else this.#drop(operation.stream);
    }
    for (const [stream, touched] of this.#streams) this.#close(stream, touched);
  }

  /** Tells where every stream stands after the flush that has come elsewhere by it. */
  eachHead(tell: (stream: string, head: H) => void): void {
    for (const [stream, { head, hasMoved }] of this.#streams) if (hasMoved) tell(stream, head);
  }

  /** Where a stream stands after the flush that has touched it. */
  head(stream: string): H {
    return (this.#streams.get(stream) as Touched<H>).head;
  }

  /** Tells every caller how its call ended. */
  resolve(): void {
    let at = 0;
    for (const operation of this.#operations) {
      if (operation.kind === 'drop') operation.resolve();
      else {
        conclude(operation, this.#appended[at] as Appended | Refusal);
        at += 1;
      }
    }
  }

  #touched(stream: string): Touched<H> {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const touched = { head: this.#source.of(stream), hasMoved: false, offset: 0, parts: [], bytes: 0, count: 0 };
    this.#streams.set(stream, touched);
    return touched;
  }

  #append(append: Append): Appended | Refusal {
    const { stream, bytes, count, expectedTop, since } = append;
    const touched = this.#touched(stream);
    const { epoch, top } = touched.head;
    if (expectedTop !== undefined && expectedTop !== top) return { ok: false, why: 'conflict', top };
    if (since !== undefined && since.after < top) {
      try {
        for (const batch of this.#behind(stream, touched, since)) since.check(batch);
      } catch (reason) {
        return new Refusal(reason);
      }
    }
    if (count > 0) {
      this.#makeRoom(stream, touched, bytes, count);
      addEntries(touched.parts, append);
      touched.bytes += bytes;
      touched.count += count;
      touched.head = this.#source.advanced(touched.head, top + count);
      touched.hasMoved = true;
    }
    return { ok: true, epoch, top: top + count };
  }

  /** What the log has behind an offset, then what this flush has made before. */
  #behind(stream: string, touched: Touched<H>, { after }: Since): readonly Batch[] {
    if (this.#source.behind === undefined) return NONE;
    const { epoch } = touched.head;
    const kept = this.#source.behind(stream, after).filter((batch) => batch.epoch === epoch);
    this.#close(stream, touched);
    const made = this.made.filter((each) => each.stream === stream).map(({ batch }) => batch);
    return [...kept, ...made.filter((batch) => batch.epoch === epoch && batch.offset + batch.count - 1 > after)];
  }

  /** Begins a record where none grows, or where that one has no room for these. */
  #makeRoom(stream: string, touched: Touched<H>, bytes: number, count: number): void {
    if (touched.count > 0) {
      if (touched.count + count <= RECORD.events && touched.bytes + bytes <= RECORD.bytes) return;
      this.#close(stream, touched);
    }
    touched.offset = touched.head.top + 1;
  }

  #close(stream: string, touched: Touched<H>): void {
    const { head, offset, parts, count } = touched;
    if (count === 0) return;
    const json = this.#source.joined({ stream, head, offset, count, parts });
    this.made.push({ stream, head, batch: { epoch: head.epoch, offset, count, json } });
    touched.parts = [];
    touched.bytes = 0;
    touched.count = 0;
  }

  #drop(stream: string): void {
    const touched = this.#touched(stream);
    this.#close(stream, touched);
    this.dropped.push({ stream, before: touched.head });
    touched.head = this.#source.renewed(touched.head);
    touched.hasMoved = true;
  }
}
