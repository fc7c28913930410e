/**
 * Gives every node its column: one more than the longest chain of what it needs, so that time flows from left to right.
 *
 * What stands behind the gate comes after all that stands before it. A circle does not hang it: the edge that closes one is left out.
 */

/** `from` needs `to`. */
export interface Link {
  readonly from: string;
  readonly to: string;
}

export interface Layering {
  readonly columnOf: ReadonlyMap<string, number>;
  readonly columns: number;
  /** The first column behind the gate; `null` when nothing is there. */
  readonly gateBefore: number | null;
}

export function layering(ids: readonly string[], links: readonly Link[], isBehind: (id: string) => boolean): Layering {
  const needs = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { from, to } of links) if (needs.has(to)) needs.get(from)?.push(to);
  const order = needsFirst(ids, needs);
  const place = new Map<string, number>();
  const behind = new Set<string>();
  for (const id of order) if (isBehind(id) || (needs.get(id) as string[]).some((to) => behind.has(to))) behind.add(id);
  let gateBefore = 0;
  for (const id of order) {
    if (behind.has(id)) continue;
    place.set(id, after(needs.get(id) as string[], place));
    gateBefore = Math.max(gateBefore, (place.get(id) as number) + 1);
  }
  let columns = gateBefore;
  for (const id of order) {
    if (!behind.has(id)) continue;
    place.set(id, Math.max(gateBefore, after(needs.get(id) as string[], place)));
    columns = Math.max(columns, (place.get(id) as number) + 1);
  }
  return { columnOf: place, columns, gateBefore: behind.size > 0 ? gateBefore : null };
}

function after(needs: readonly string[], place: ReadonlyMap<string, number>): number {
  return needs.reduce((column, to) => Math.max(column, (place.get(to) ?? -1) + 1), 0);
}

/** What is needed before what needs it; iterative, because chains may be as long as they like. */
function needsFirst(ids: readonly string[], needs: ReadonlyMap<string, readonly string[]>): string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  for (const root of ids) {
    const path: { id: string; next: number }[] = [];
    const enter = (id: string): void => {
      if (seen.has(id)) return;
      seen.add(id);
      path.push({ id, next: 0 });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = needs.get(top.id)?.[top.next++];
      if (to !== undefined) enter(to);
      else order.push((path.pop() as { id: string }).id);
    }
  }
  return order;
}
