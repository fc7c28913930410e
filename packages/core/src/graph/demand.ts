/**
 * Who the app cannot do without, and for whom its gate closes.
 *
 * A node that nobody needs is wanted by the app itself. From there requirements lead on: what only optional edges lead to
 * is not essential, and what is only reached by edges whose loss is no loss of readiness is not guarded.
 */
import { type Edge, isGating, isRequirement } from '../declare/edge.ts';

interface Linked {
  readonly id: string;
  readonly edges: readonly Edge[];
  readonly neededBy: readonly string[];
  essential: boolean;
  guarded: boolean;
}

/** Sets both marks; linear in nodes and edges. */
export function markDemand(nodes: ReadonlyMap<string, Linked>): void {
  const roots: Linked[] = [];
  for (const node of nodes.values()) if (!isNeeded(node, nodes)) roots.push(node);
  for (const [mark, follows] of [
    ['essential', isRequirement],
    ['guarded', isGating],
  ] as const) {
    const open = [...roots];
    for (const root of roots) root[mark] = true;
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const edge of node.edges) {
        const other = nodes.get(edge.to);
        if (other === undefined || other[mark] || !follows(edge)) continue;
        other[mark] = true;
        open.push(other);
      }
    }
  }
}

function isNeeded({ id, neededBy }: Linked, nodes: ReadonlyMap<string, Linked>): boolean {
  return neededBy.some((dependent) =>
    nodes.get(dependent)?.edges.some((edge) => edge.to === id && edge.kind === 'needs'),
  );
}
