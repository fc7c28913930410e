/**
 * Finds the circles of a graph: one shortest whole path for each knot of nodes that need each other.
 *
 * Iterative, so a chain of ten thousand is no deeper than a chain of two; linear but for the paths themselves.
 */

interface Linked {
  readonly id: string;
  readonly needs: readonly string[];
}

/** One closed path per knot, beginning and ending with its smallest id; sorted by it. */
export function findCycles(nodes: readonly Linked[]): string[][] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return knots(nodes, byId)
    .map((knot) => shortestCircle(knot, byId))
    .filter((path) => path !== undefined);
}

/** Tarjan's strongly connected components, those of one node only where it needs itself. */
function knots(nodes: readonly Linked[], byId: ReadonlyMap<string, Linked>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const found: string[][] = [];
  const enter = (id: string): void => {
    index.set(id, index.size);
    low.set(id, index.get(id) as number);
    stack.push(id);
    onStack.add(id);
  };
  for (const root of nodes) {
    if (index.has(root.id)) continue;
    const walk = [{ id: root.id, next: 0 }];
    enter(root.id);
    for (let frame = walk.at(-1); frame !== undefined; frame = walk.at(-1)) {
      const needs = byId.get(frame.id)?.needs ?? [];
      const child = needs[frame.next];
      if (child !== undefined) {
        frame.next += 1;
        if (!byId.has(child)) continue;
        if (!index.has(child)) {
          enter(child);
          walk.push({ id: child, next: 0 });
        } else if (onStack.has(child)) {
          low.set(frame.id, Math.min(low.get(frame.id) as number, index.get(child) as number));
        }
        continue;
      }
      walk.pop();
      const parent = walk.at(-1);
      if (parent) low.set(parent.id, Math.min(low.get(parent.id) as number, low.get(frame.id) as number));
      if (low.get(frame.id) === index.get(frame.id)) {
        const knot: string[] = [];
        for (let id = stack.pop(); id !== undefined; id = id === frame.id ? undefined : stack.pop()) {
          onStack.delete(id);
          knot.push(id);
        }
        if (knot.length > 1 || needs.includes(frame.id)) found.push(knot.sort());
      }
    }
  }
  return found.sort((a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1));
}

/** Breadth first from the smallest id back to itself, within the knot. */
function shortestCircle(knot: readonly string[], byId: ReadonlyMap<string, Linked>): string[] | undefined {
  const start = knot[0] as string;
  const inside = new Set(knot);
  const cameFrom = new Map<string, string>();
  let level = [start];
  while (level.length > 0) {
    const next: string[] = [];
    for (const id of level) {
      for (const need of byId.get(id)?.needs ?? []) {
        if (need === start) return pathTo(id, start, cameFrom);
        if (inside.has(need) && !cameFrom.has(need)) {
          cameFrom.set(need, id);
          next.push(need);
        }
      }
    }
    level = next;
  }
  return undefined;
}

function pathTo(last: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path = [start];
  for (let id = last; id !== start; id = cameFrom.get(id) as string) path.push(id);
  return [...path, start].reverse();
}
