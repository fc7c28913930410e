/**
 * Arrays of JSON, written one behind the other as if they were one: what is appended one event at a time and waits together
 * is a few large pieces of bytes, and not a small one for each.
 */
import { Buffer } from 'node:buffer';
import { COMMA, type Entries } from './joined-json.ts';

/** The first piece is small, since there may be thousands of tapes with nothing but a few words on each. */
const BYTES = { first: 1_024, most: 64 * 1_024, grown: 4 } as const;

export class JsonTape implements Entries {
  /** Where the entries lie that were written last. */
  source = Buffer.alloc(0);
  from = 0;
  to = 0;
  /** Of the bracket behind them, over which the next ones are written. */
  #end = 0;

  /**
   * Writes an array behind those before it. What they have been found to be stays as it is, also in pieces that are full.
   *
   * @param bytes of the text as UTF-8.
   */
  write(array: string, bytes: number): void {
    if (this.#end + bytes > this.source.length) this.#begin(bytes);
    const at = this.#end;
    this.source.write(array, at, bytes, bytes === array.length ? 'latin1' : 'utf8');
    if (at > 0) this.source[at] = COMMA;
    this.#end = at + bytes - 1;
    this.from = at + 1;
    this.to = this.#end;
  }

  #begin(bytes: number): void {
    const grown = Math.min(BYTES.most, Math.max(BYTES.first, this.source.length * BYTES.grown));
    this.source = bytes > grown ? Buffer.allocUnsafeSlow(bytes) : Buffer.allocUnsafe(grown);
    this.#end = 0;
  }
}
