/** What of the graph is drawn, as chosen; laid out anew only when nodes or edges come or go, or the choice turns. */
import { computed, signal } from '@preact/signals';
import { backend } from '../live/backend.ts';
import { standingOf } from '../standing.ts';
import { type Layout, layOut, wayName } from './layout.ts';

export const search = signal('');
export const hidesHealthy = signal(false);
/** Values and bindings without a life of their own. */
export const showsValues = signal(false);

export const layout = computed<Layout>(() => {
  const { ids, edges } = backend.shape.value;
  const withValues = showsValues.value;
  const kindOf = (id: string) => backend.nodes.peek(id)?.kind;
  const drawn = ids.filter((id) => withValues || !['value', 'opaque'].includes(kindOf(id) ?? ''));
  const links = edges.map(({ from, to, kind, need }) => ({
    from,
    to,
    isFaint: kind === 'after' || need === 'optional',
  }));
  return layOut(drawn, links, (id) => ['factory', 'scoped'].includes(kindOf(id) ?? ''));
});

/** The longest chain of the boot, as one path. */
export const criticalWay = computed(() => {
  const chain = backend.graph.value?.criticalPath.nodes ?? [];
  const { ways } = layout.value;
  return chain
    .map((from, at) => (at === 0 ? '' : (ways.get(wayName({ from, to: chain[at - 1] as string })) ?? '')))
    .join('');
});

/** From each root cause to everything that is not ready because of it. */
export const troubleWay = computed(() => {
  const causes = backend.rootCauses.value;
  if (causes.size === 0) return '';
  const { ways } = layout.value;
  const held = new Set(causes);
  for (const { id, blockedBy } of backend.nodes.all()) if (blockedBy.some((each) => causes.has(each))) held.add(id);
  return backend.shape.value.edges
    .filter(({ from, to }) => held.has(to) && held.has(from) && !causes.has(from))
    .map((edge) => ways.get(wayName(edge)) ?? '')
    .join('');
});

/** Whether the causes are failures, and not only what a boot waits for. */
export const isTrouble = computed(() =>
  [...backend.rootCauses.value].some((id) => {
    const node = backend.nodes.row(id)?.value;
    return node !== undefined && ['bad', 'warn'].includes(standingOf(node).tone);
  }),
);

/** The lines of one node. */
export function waysOf(id: string): { readonly needs: string; readonly neededBy: string } {
  const { ways } = layout.value;
  const { edges } = backend.shape.value;
  const join = (list: typeof edges) => list.map((edge) => ways.get(wayName(edge)) ?? '').join('');
  return { needs: join(edges.filter(({ from }) => from === id)), neededBy: join(edges.filter(({ to }) => to === id)) };
}

/** The node under the pointer. */
export const pointed = signal<string | null>(null);

/** Whether a node is what the search means. */
export function isMeant(id: string): boolean {
  const wanted = search.value.trim().toLowerCase();
  if (wanted === '') return true;
  const tokens = backend.nodes.peek(id)?.tokens ?? [];
  return [id, ...tokens].some((name) => name.toLowerCase().includes(wanted));
}
