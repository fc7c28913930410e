/**
 * In which order things are built and may start, worked out before anything runs.
 *
 * Pure and deterministic: ranks are longest paths, equals are sorted by name, whatever order the services were named in.
 */
import { type GraphNode, type ServiceGraph } from './service-graph.ts';

/** The order of a sound graph. */
export interface StartPlan {
  /** Every node after all that it needs; by rank, then by name. */
  readonly order: readonly GraphNode[];
  /** How many nodes stand before a node on the longest path to it; 0 for one that needs nothing. */
  readonly rank: ReadonlyMap<string, number>;
}

/** Plans the start. Nodes of a circle have no place in any order and are left out. */
export function planStart(graph: ServiceGraph): StartPlan {
  const rank = new Map<string, number>();
  const open = new Map<string, number>();
  let level: GraphNode[] = [];
  for (const node of graph.nodes) {
    if (node.needs.length === 0) level.push(node);
    else open.set(node.id, node.needs.length);
  }
  let depth = 0;
  for (; level.length > 0; depth += 1) {
    const next: GraphNode[] = [];
    for (const node of level) {
      rank.set(node.id, depth);
      for (const id of node.neededBy) {
        const left = (open.get(id) as number) - 1;
        open.set(id, left);
        if (left === 0) next.push(graph.node(id) as GraphNode);
      }
    }
    level = next;
  }
  // The nodes are sorted by name, so each rank is as well once they are dealt out.
  const ranks = Array.from({ length: depth }, (): GraphNode[] => []);
  for (const node of graph.nodes) ranks[rank.get(node.id) ?? depth]?.push(node);
  return { order: ranks.flat(), rank };
}
