/**
 * How deep each node stands: how many nodes are before it on the longest path to it.
 */
import type { GraphNode } from './graph-node.ts';

/** Sets all ranks, layer by layer; linear. Nodes of a circle and those behind one keep what they had, and it is false. */
export function rankAll(nodes: readonly GraphNode[]): boolean {
  let level: GraphNode[] = [];
  for (const node of nodes) {
    node.left = node.edges.length;
    if (node.left === 0) level.push(node);
  }
  let ranked = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: GraphNode[] = [];
    for (const node of level) {
      node.rank = depth;
      for (const dependent of node.dependents) {
        dependent.left -= 1;
        if (dependent.left === 0) next.push(dependent);
      }
    }
    ranked += level.length;
    level = next;
  }
  return ranked === nodes.length;
}
