/**
 * What a boot cannot be shorter than, and by how much each node could have been slower.
 *
 * The critical path method on measured times: a node's own cost, and the longest way to and from it.
 */
import type { GraphNode } from './service-graph.ts';

/** What a node itself costs, in milliseconds. */
export type Costs = (node: GraphNode) => number;

/** A chain of nodes, the first to start first, and what it takes, in milliseconds. */
export interface LongestPath {
  readonly nodes: readonly string[];
  readonly ms: number;
}

/** The chain of nodes whose own costs add up to the most. `order` has each node after all that it needs. */
export function criticalPath(order: readonly GraphNode[], costs: Costs): LongestPath {
  const longest = new Map<string, number>();
  const vias = new Map<string, string>();
  let end: string | undefined;
  let longestMs = 0;
  for (const node of order) {
    let via: string | undefined;
    let before = 0;
    for (const need of node.needs) {
      const known = longest.get(need) ?? 0;
      if (known > before) [before, via] = [known, need];
    }
    const ms = before + costs(node);
    longest.set(node.id, ms);
    if (via !== undefined) vias.set(node.id, via);
    if (ms > longestMs) [longestMs, end] = [ms, node.id];
  }
  const nodes: string[] = [];
  for (let id = end; id !== undefined; id = vias.get(id)) nodes.push(id);
  return { nodes: nodes.reverse(), ms: longestMs };
}

/** How much longer each node could take before the whole gets longer than `wholeMs`. */
export function slackOf(order: readonly GraphNode[], costs: Costs, wholeMs: number): Map<string, number> {
  const until = new Map<string, number>();
  for (const node of order) {
    const before = node.needs.reduce((most, need) => Math.max(most, until.get(need) ?? 0), 0);
    until.set(node.id, before + costs(node));
  }
  /** From the start of a node to the end of the longest chain that begins with it. */
  const onwards = new Map<string, number>();
  const slack = new Map<string, number>();
  for (const node of [...order].reverse()) {
    const after = node.neededBy.reduce((most, id) => Math.max(most, onwards.get(id) ?? 0), 0);
    onwards.set(node.id, after + costs(node));
    slack.set(node.id, Math.max(0, wholeMs - (until.get(node.id) as number) - after));
  }
  return slack;
}
