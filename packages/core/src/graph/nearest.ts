/** Finds the names that someone may have meant. */

/** Up to three of `known` within a third of the length of `wanted` in edits, or beginning with it; the nearest first. */
export function nearest(wanted: string, known: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(wanted.length / 3));
  return known
    .map((name) => ({ name, distance: distanceOf(wanted, name, limit) }))
    .filter(({ name, distance }) => distance <= limit && name !== wanted)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** A name that begins with what was wanted is as near as can be. */
function distanceOf(wanted: string, name: string, limit: number): number {
  return name.startsWith(wanted) ? 0 : editDistance(wanted.toLowerCase(), name.toLowerCase(), limit);
}

/** Levenshtein's distance; more than `limit` when it is above it. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
