/**
 * Who the app cannot do without, and for whom its gate closes.
 *
 * A node that nobody needs is wanted by the app itself. From there requirements lead on: what only optional edges lead to
 * is not essential, and what is only reached by edges whose loss is no loss of readiness is not guarded.
 */
import { type EdgeTerms, isGating, isRequirement } from '../declare/edge.ts';
import type { GraphNode } from './graph-node.ts';

/** How much a node is wanted: what is guarded is essential as well. */
export const DEMAND = { none: 0, essential: 1, guarded: 2 } as const;

/** Sets the demand of all; linear in nodes and edges. */
export function markDemand(nodes: readonly GraphNode[]): void {
  const roots = nodes.filter((node) => !node.isNeeded);
  spread(roots, DEMAND.essential, isRequirement);
  spread(roots, DEMAND.guarded, isGating);
}

function spread(roots: readonly GraphNode[], demand: number, follows: (terms: EdgeTerms) => boolean): void {
  const open = [...roots];
  for (const root of roots) root.demand = demand;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const { other, terms } of node.edges) {
      if (other.demand >= demand || !follows(terms)) continue;
      other.demand = demand;
      open.push(other);
    }
  }
}
