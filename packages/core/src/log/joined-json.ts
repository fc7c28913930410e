/**
 * JSON arrays as bytes become one without being read: brackets go, and commas stand between.
 *
 * Arrays have at least one entry each, as UTF-8 text without space around it, and there is at least one of them.
 */
import { Buffer } from 'node:buffer';

export const [OPEN, COMMA, CLOSE] = [...Buffer.from('[,]')] as [number, number, number];

/** What stands between the brackets of an array, or of several that lie one behind the other with commas between. */
export interface Entries {
  readonly source: Buffer;
  /** Of the first byte. */
  readonly from: number;
  /** Behind the last byte. */
  readonly to: number;
}

/** Entries of which more may be found to lie behind them. */
export type Part = { -readonly [K in keyof Entries]: Entries[K] };

/** What stands in an array. */
export function entriesOf(array: Buffer): Entries {
  return { source: array, from: 1, to: array.length - 1 };
}

/** Adds entries to parts; those that lie right behind the last part become part of it. */
export function addEntries(parts: Part[], { source, from, to }: Entries): void {
  const last = parts.at(-1);
  if (last !== undefined && last.source === source && last.to + 1 === from) last.to = to;
  else parts.push({ source, from, to });
}

/** Bytes of the array of all of them. */
export function joinedSize(parts: readonly Entries[]): number {
  return parts.reduce((sum, { from, to }) => sum + to - from + 1, 1);
}

/** Writes the array of all of them from `start` on; returns where it ends. */
export function joinInto(target: Buffer, start: number, parts: readonly Entries[]): number {
  let at = start;
  for (const { source, from, to } of parts) {
    target[at] = at === start ? OPEN : COMMA;
    at += 1 + source.copy(target, at + 1, from, to);
  }
  target[at] = CLOSE;
  return at + 1;
}

/** The array of all of them, copied: what they lie in may be written over. */
export function joined(parts: readonly Entries[]): Buffer {
  const all = Buffer.allocUnsafe(joinedSize(parts));
  joinInto(all, 0, parts);
  return all;
}

/** All arrays as one. */
export function joinedJson(arrays: readonly Buffer[]): Buffer {
  return joined(arrays.map(entriesOf));
}
