/**
 * In which order things are built and may start, worked out before anything runs.
 *
 * Pure and deterministic: ranks are longest paths, equals are sorted by name, whatever order the services were named in.
 */
import type { GraphNode } from './graph-node.ts';
import type { ServiceGraph } from './service-graph.ts';

/** The order of a sound graph. */
export interface StartPlan {
  /** Every node after all that it needs; by rank, then by name. */
  readonly order: readonly GraphNode[];
}

/** Plans the start. Nodes of a circle have no place in any order and are left out. */
export function planStart({ nodes }: ServiceGraph): StartPlan {
  // The nodes are sorted by name, so each rank is as well once they are dealt out.
  const ranks: GraphNode[][] = [];
  for (const node of nodes) if (node.rank >= 0) (ranks[node.rank] ??= []).push(node);
  return { order: ranks.flat() };
}
