/**
 * JSON arrays as bytes become one without being read: brackets go, and commas stand between.
 *
 * Arrays have at least one entry each, as UTF-8 text without space around it, and there is at least one of them.
 */
import { Buffer } from 'node:buffer';

const [OPEN, COMMA, CLOSE] = [...Buffer.from('[,]')] as [number, number, number];

/** Bytes that the arrays have together. */
export function joinedSize(arrays: readonly Buffer[]): number {
  return arrays.reduce((sum, { length }) => sum + length - 1, 1);
}

/** Writes all of them as one from `start` on; returns where it ends. */
export function joinInto(target: Buffer, start: number, arrays: readonly Buffer[]): number {
  let at = start;
  for (const array of arrays) {
    target[at] = at === start ? OPEN : COMMA;
    at += 1 + array.copy(target, at + 1, 1, array.length - 1);
  }
  target[at] = CLOSE;
  return at + 1;
}

/** All of them as one, copied: what they lie in may be written over. */
export function joinedJson(arrays: readonly Buffer[]): Buffer {
  const all = Buffer.allocUnsafe(joinedSize(arrays));
  joinInto(all, 0, arrays);
  return all;
}
