/**
 * What a boot cannot be shorter than, and by how much each node could have been slower.
 *
 * The critical path method on measured times: a node's own cost, and the longest way to and from it.
 */
import type { GraphNode } from './graph-node.ts';

/** What a node itself costs, in milliseconds. */
export type Costs = (node: GraphNode) => number;

/** A chain of nodes, the first to start first, and what it takes, in milliseconds. */
export interface LongestPath {
  readonly nodes: readonly string[];
  readonly ms: number;
}

/** The chain of nodes whose own costs add up to the most. `order` has each node after all that it needs. */
export function criticalPath(order: readonly GraphNode[], costs: Costs): LongestPath {
  const until = endsOf(order, costs);
  let end: GraphNode | undefined;
  for (const node of order) if (until.of(node) > (end === undefined ? 0 : until.of(end))) end = node;
  const nodes: string[] = [];
  for (let node = end; node !== undefined; node = lastNeed(node, until)) nodes.push(node.id);
  return { nodes: nodes.reverse(), ms: end === undefined ? 0 : until.of(end) };
}

/** How much longer each node could take before the whole gets longer than `wholeMs`. */
export function slackOf(order: readonly GraphNode[], costs: Costs, wholeMs: number): Map<string, number> {
  const until = endsOf(order, costs);
  /** From the start of a node to the end of the longest chain that begins with it. */
  const onwards = new Times(order);
  const slack = new Map<string, number>();
  for (const node of [...order].reverse()) {
    let after = 0;
    for (const dependent of node.dependents) after = Math.max(after, onwards.of(dependent));
    onwards.set(node, after + costs(node));
    slack.set(node.id, Math.max(0, wholeMs - until.of(node) - after));
  }
  return slack;
}

/** When each node is over where nothing waits for anything but what it needs. */
function endsOf(order: readonly GraphNode[], costs: Costs): Times {
  const until = new Times(order);
  for (const node of order) {
    let before = 0;
    for (const { other } of node.edges) before = Math.max(before, until.of(other));
    until.set(node, before + costs(node));
  }
  return until;
}

/** Of what a node needs, that for which it has to wait the longest; the first of equals, and nothing where it need not wait. */
function lastNeed(node: GraphNode, until: Times): GraphNode | undefined {
  let last: GraphNode | undefined;
  for (const { other } of node.edges) {
    if (until.of(other) > (last === undefined ? 0 : until.of(last))) last = other;
  }
  return last;
}

/** A time for each node, 0 before it is set; in milliseconds. */
class Times {
  readonly #times: Float64Array;

  constructor(nodes: readonly GraphNode[]) {
    this.#times = new Float64Array(nodes.reduce((most, { index }) => Math.max(most, index), -1) + 1);
  }

  /** What has no place in the order takes no time. */
  of({ index }: GraphNode): number {
    return this.#times[index] ?? 0;
  }

  set({ index }: GraphNode, ms: number): void {
    this.#times[index] = ms;
  }
}
