/**
 * What a boot cannot be shorter than, and by how much each node could have been slower.
 *
 * The critical path method on measured times: a node's own cost, and the longest way to and from it.
 */
import type { GraphNode } from './service-graph.ts';

/** What a node itself costs, in milliseconds. */
export type Costs = (id: string) => number;

/** The chain of nodes whose own costs add up to the most. `order` has each node after all that it needs. */
export function criticalPath(order: readonly GraphNode[], costs: Costs): { nodes: string[]; ms: number } {
  const longest = new Map<string, { ms: number; via: string | undefined }>();
  let end: { id: string; ms: number } | undefined;
  for (const node of order) {
    let via: string | undefined;
    let before = 0;
    for (const need of node.needs) {
      const known = longest.get(need)?.ms ?? 0;
      if (known > before) [before, via] = [known, need];
    }
    const ms = before + costs(node.id);
    longest.set(node.id, { ms, via });
    if (ms > (end?.ms ?? 0)) end = { id: node.id, ms };
  }
  const nodes: string[] = [];
  for (let id = end?.id; id !== undefined; id = longest.get(id)?.via) nodes.push(id);
  return { nodes: nodes.reverse(), ms: end?.ms ?? 0 };
}

/** How much longer each node could take before the whole gets longer than `wholeMs`. */
export function slackOf(order: readonly GraphNode[], costs: Costs, wholeMs: number): Map<string, number> {
  const until = new Map<string, number>();
  for (const node of order) {
    const before = node.needs.reduce((most, need) => Math.max(most, until.get(need) ?? 0), 0);
    until.set(node.id, before + costs(node.id));
  }
  const after = new Map<string, number>();
  for (const node of [...order].reverse()) {
    const longest = node.neededBy.reduce((most, id) => Math.max(most, (after.get(id) ?? 0) + costs(id)), 0);
    after.set(node.id, longest);
  }
  return new Map(
    order.map(({ id }) => [id, Math.max(0, wholeMs - (until.get(id) as number) - (after.get(id) as number))]),
  );
}
