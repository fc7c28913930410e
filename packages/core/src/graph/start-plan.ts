/**
 * In which order things are built and may start, worked out before anything runs.
 *
 * Pure and deterministic: ranks are longest paths, equals are sorted by name, whatever order the services were named in.
 */
import { byText, type GraphNode, type ServiceGraph } from './service-graph.ts';

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
  const open = new Map(graph.nodes.map((node) => [node.id, node.needs.length]));
  let level = graph.nodes.filter((node) => node.needs.length === 0).map((node) => node.id);
  const order: GraphNode[] = [];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const id of level.sort(byText)) {
      const node = graph.node(id) as GraphNode;
      rank.set(id, depth);
      order.push(node);
      for (const dependent of node.neededBy) {
        const left = (open.get(dependent) as number) - 1;
        open.set(dependent, left);
        if (left === 0) next.push(dependent);
      }
    }
    level = next;
  }
  return { order, rank };
}
