/**
 * One flush of a log as it will be: which records, where every touched stream stands after it, and how each call ends.
 *
 * It decides and changes nothing: a log writes the records, and only then makes the rest true. What cannot be written is
 * forgotten with the flush.
 */
import type { Appended, Batch, Since } from './event-log.ts';
import type { Append, Operation } from './append-queue.ts';

/** Limits of one record, in events and bytes; the events of a single append may exceed them. */
export const RECORD = { events: 512, bytes: 64 * 1024 } as const;

/** Where a stream stands. A log may keep more in it. */
export interface Head {
  readonly epoch: string;
  readonly top: number;
}

/** A record of a flush before it is one piece. */
export interface Parts<H extends Head> {
  readonly stream: string;
  /** The stream's head after this record. */
  readonly head: H;
  readonly offset: number;
  readonly count: number;
  /** JSON arrays, which their makers use again when the flush is over. */
  readonly parts: readonly Buffer[];
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
  joined(record: Parts<H>): Buffer;
  /** The records of a stream with events behind an offset; a log that nobody else writes into has no need of it. */
  behind?(stream: string, after: number): readonly Batch[];
}

/** A record that still grows. */
interface Open {
  readonly offset: number;
  readonly parts: Buffer[];
  bytes: number;
  count: number;
}

/** An append that its own check has refused. */
class Refused {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

export class Flush<H extends Head> {
  /** In the order in which they are to be shown. */
  readonly made: Made<H>[] = [];
  /** Where every touched stream stands after the flush. */
  readonly heads = new Map<string, H>();
  /** Streams that were dropped, and the head that each had before. */
  readonly dropped: { readonly stream: string; readonly before: H }[] = [];
  readonly #source: Heads<H>;
  readonly #open = new Map<string, Open>();
  readonly #operations: readonly Operation[];
  /** How each append ends, in the order of the operations. */
  readonly #appended: (Appended | Refused)[] = [];

  constructor(operations: readonly Operation[], source: Heads<H>) {
    this.#source = source;
    this.#operations = operations;
    for (const operation of operations) {
      if (operation.kind === 'append') this.#appended.push(this.#append(operation));
      else this.#drop(operation.stream);
    }
    for (const stream of this.#open.keys()) this.#close(stream);
  }

  /** Tells every caller how its call ended. */
  resolve(): void {
    let at = 0;
    for (const operation of this.#operations) {
      if (operation.kind === 'drop') operation.resolve();
      else {
        const end = this.#appended[at] as Appended | Refused;
        if (end instanceof Refused) operation.reject(end.reason);
        else operation.resolve(end);
        at += 1;
      }
    }
  }

  #head(stream: string): H {
    return this.heads.get(stream) ?? this.#source.of(stream);
  }

  #append({ stream, json, bytes, count, expectedTop, since }: Append): Appended | Refused {
    const head = this.#head(stream);
    if (expectedTop !== undefined && expectedTop !== head.top) return { ok: false, why: 'conflict', top: head.top };
    if (since !== undefined && since.after < head.top) {
      try {
        for (const batch of this.#behind(stream, head.epoch, since)) since.check(batch);
      } catch (reason) {
        return new Refused(reason);
      }
    }
    const top = head.top + count;
    if (count > 0) {
      this.#roomFor(stream, head.top + 1, bytes, count).parts.push(json);
      this.heads.set(stream, this.#source.advanced(head, top));
    }
    return { ok: true, epoch: head.epoch, top };
  }

  /** What the log has behind an offset, then what this flush has made before. */
  #behind(stream: string, epoch: string, { after }: Since): readonly Batch[] {
    if (this.#source.behind === undefined) return [];
    const kept = this.#source.behind(stream, after).filter((batch) => batch.epoch === epoch);
    this.#close(stream);
    const made = this.made.filter((each) => each.stream === stream).map(({ batch }) => batch);
    return [...kept, ...made.filter((batch) => batch.epoch === epoch && batch.offset + batch.count - 1 > after)];
  }

  /** The record that these events go into. */
  #roomFor(stream: string, offset: number, bytes: number, count: number): Open {
    const open = this.#open.get(stream);
    if (open !== undefined) {
      if (open.count + count <= RECORD.events && open.bytes + bytes <= RECORD.bytes) {
        open.count += count;
        open.bytes += bytes;
        return open;
      }
      this.#close(stream);
    }
    const fresh: Open = { offset, parts: [], bytes, count };
    this.#open.set(stream, fresh);
    return fresh;
  }

  #close(stream: string): void {
    const open = this.#open.get(stream);
    if (open === undefined) return;
    this.#open.delete(stream);
    const { offset, count, parts } = open;
    const head = this.#source.advanced(this.#head(stream), offset + count - 1);
    const json = this.#source.joined({ stream, head, offset, count, parts });
    this.made.push({ stream, head, batch: { epoch: head.epoch, offset, count, json } });
  }

  #drop(stream: string): void {
    this.#close(stream);
    const before = this.#head(stream);
    this.dropped.push({ stream, before });
    this.heads.set(stream, this.#source.renewed(before));
  }
}
