/**
 * JSON arrays as bytes become one without being read: brackets go, and commas stand between.
 */

const [OPEN, COMMA, CLOSE] = [...Buffer.from('[,]')] as [number, number, number];

/** @param arrays each of at least one entry, as UTF-8 text without space around it; at least one of them. */
export function joinedJson(arrays: readonly Buffer[]): Buffer {
  if (arrays.length === 1) return arrays[0] as Buffer;
  const all = Buffer.allocUnsafe(arrays.reduce((sum, { length }) => sum + length - 1, 1));
  let at = 0;
  for (const array of arrays) {
    all[at] = at === 0 ? OPEN : COMMA;
    at += 1 + array.copy(all, at + 1, 1, array.length - 1);
  }
  all[at] = CLOSE;
  return all;
}
