/**
 * How deep each node stands: how many nodes are before it on the longest path to it.
 */

interface Ranked {
  readonly others: readonly unknown[];
  readonly dependents: readonly Ranked[];
  rank: number;
  /** How many of the others have no rank yet. */
  unranked: number;
}

/** Sets all ranks, layer by layer; linear. Nodes of a circle and those behind one keep what they had, and it is false. */
export function rankAll(nodes: readonly Ranked[]): boolean {
  let level: Ranked[] = [];
  for (const node of nodes) {
    node.unranked = node.others.length;
    if (node.unranked === 0) level.push(node);
  }
  let ranked = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: Ranked[] = [];
    for (const node of level) {
      node.rank = depth;
      for (const dependent of node.dependents) {
        dependent.unranked -= 1;
        if (dependent.unranked === 0) next.push(dependent);
      }
    }
    ranked += level.length;
    level = next;
  }
  return ranked === nodes.length;
}
