/**
 * Who the app cannot do without, and for whom its gate closes.
 *
 * A node that nobody needs is wanted by the app itself. From there requirements lead on: what only optional edges lead to
 * is not essential, and what is only reached by edges whose loss is no loss of readiness is not guarded.
 */
import { type Edge, isGating, isRequirement } from '../declare/edge.ts';
import type { NodeKind } from './provider.ts';

interface Linked {
  readonly id: string;
  readonly kind: NodeKind;
  readonly edges: ReadonlyMap<string, Edge>;
  readonly neededBy: ReadonlySet<string>;
}

/** Linear in nodes and edges. */
export function demandOf(nodes: readonly Linked[]): { essential: Set<string>; guarded: Set<string> } {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const isNeeded = ({ id, neededBy }: Linked): boolean =>
    [...neededBy].some((dependent) => byId.get(dependent)?.edges.get(id)?.kind === 'needs');
  const roots = nodes.filter((node) => !isNeeded(node)).map((node) => node.id);
  return { essential: reach(roots, byId, isRequirement), guarded: reach(roots, byId, isGating) };
}

function reach(
  roots: readonly string[],
  byId: ReadonlyMap<string, Linked>,
  follows: (edge: Edge) => boolean,
): Set<string> {
  const seen = new Set(roots);
  const open = [...roots];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const edge of byId.get(id)?.edges.values() ?? []) {
      if (!seen.has(edge.to) && follows(edge)) {
        seen.add(edge.to);
        open.push(edge.to);
      }
    }
  }
  return seen;
}
