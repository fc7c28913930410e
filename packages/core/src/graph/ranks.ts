/**
 * How deep each node stands: how many nodes are before it on the longest path to it.
 */

interface Ranked {
  readonly others: readonly unknown[];
  readonly dependents: readonly Ranked[];
  rank: number;
}

/** Sets all ranks, layer by layer; linear. Nodes of a circle and those behind one keep what they had, and it is false. */
export function rankAll(nodes: readonly Ranked[]): boolean {
  /** How many a node still waits for; one that waits for a single other is free when that is. */
  const open = new Map<Ranked, number>();
  let level: Ranked[] = [];
  for (const node of nodes) {
    if (node.others.length === 0) level.push(node);
    else if (node.others.length > 1) open.set(node, node.others.length);
  }
  let ranked = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: Ranked[] = [];
    for (const node of level) {
      node.rank = depth;
      for (const dependent of node.dependents) {
        const left = (open.get(dependent) ?? 1) - 1;
        if (left === 0) next.push(dependent);
        else open.set(dependent, left);
      }
    }
    ranked += level.length;
    level = next;
  }
  return ranked === nodes.length;
}
