/**
 * Who the app cannot do without, and for whom its gate closes.
 *
 * A node that nobody needs is wanted by the app itself. From there requirements lead on: what only optional edges lead to
 * is not essential, and what is only reached by edges whose loss is no loss of readiness is not guarded.
 */
import { type Edge, isGating, isRequirement } from '../declare/edge.ts';

interface Linked {
  readonly edges: readonly Edge[];
  /** The other sides of the edges, each at the place of its edge. */
  readonly others: readonly Linked[];
  readonly isNeeded: boolean;
  demand: number;
}

/** How much a node is wanted: what is guarded is essential as well. */
export const DEMAND = { none: 0, essential: 1, guarded: 2 } as const;

/** Sets the demand of all; linear in nodes and edges. */
export function markDemand(nodes: readonly Linked[]): void {
  const roots = nodes.filter((node) => !node.isNeeded);
  spread(roots, DEMAND.essential, isRequirement);
  spread(roots, DEMAND.guarded, isGating);
}

function spread(roots: readonly Linked[], demand: number, follows: (edge: Edge) => boolean): void {
  const open = [...roots];
  for (const root of roots) root.demand = demand;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const { edges, others } = node;
    for (let place = 0; place < edges.length; place += 1) {
      const other = others[place] as Linked;
      if (other.demand >= demand || !follows(edges[place] as Edge)) continue;
      other.demand = demand;
      open.push(other);
    }
  }
}
