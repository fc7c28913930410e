/** One service in the graph: name, sign, what it does right now. Drawn again only when it changes itself. */
import type { DumpNode } from '@muster/contracts';
import { useComputed } from '@preact/signals';
import { backend } from '../live/backend.ts';
import { Glyph } from '../parts/glyph.tsx';
import { Since } from '../parts/since.tsx';
import { route } from '../shell/route.ts';
import { type Standing, standingOf } from '../standing.ts';
import { duration } from '../text/amount.ts';
import type { Place } from './layout.ts';
import { hidesHealthy, isMeant, search } from './picture.ts';
import { tabStop } from './walk.ts';

export function GraphNode({ id, place }: { readonly id: string; readonly place: Place }) {
  const row = backend.nodes.row(id);
  const isRoot = useComputed(() => backend.rootCauses.value.has(id)).value;
  const isSelected = useComputed(() => route.value.id === id).value;
  const isTabStop = useComputed(() => tabStop.value === id).value;
  const isPale = useComputed(() => search.value !== '' && !isMeant(id)).value;
  const hides = hidesHealthy.value;
  if (row === undefined) return null;
  const node = row.value;
  const standing = standingOf(node);
  const isCalm = !isRoot && (standing.tone === 'good' || node.phase === '-');
  const said = isRoot && standing.tone !== 'good' ? `root cause · ${saidOf(node, standing)}` : saidOf(node, standing);
  const classes = [
    'node',
    standing.tone,
    node.kind,
    isRoot && 'root',
    node.onCriticalPath && 'critical',
    (isPale || (hides && isCalm)) && 'pale',
  ];
  return (
    <button
      type="button"
      class={classes.filter(Boolean).join(' ')}
      style={{ left: `${place.x}px`, top: `${place.y}px` }}
      data-id={id}
      tabIndex={isTabStop ? 0 : -1}
      aria-pressed={isSelected}
      title={node.tokens.length > 0 ? `${id} (${node.tokens.join(', ')})` : id}
      aria-label={`${id}, ${said}${node.onCriticalPath ? ', on the critical path' : ''}`}
    >
      <Glyph standing={standing} />
      <span class="name">{id}</span>
      <span class="said">{said}</span>
      <span class="took num">
        <Took node={node} standing={standing} />
      </span>
    </button>
  );
}

/** What it does, in few words. */
function saidOf(node: DumpNode, { word }: Standing): string {
  const others = node.blockedBy.filter((id) => id !== node.id);
  if (node.phase === 'waiting' && others.length > 0) {
    return `waits for ${others[0]}${others.length > 1 ? ` +${others.length - 1}` : ''}`;
  }
  if (node.phase === 'starting' && node.progress !== null) return node.progress;
  if (node.kind === 'service') return word;
  const kind = node.kind === 'scoped' ? 'made per use' : node.kind;
  return word === '' ? kind : `${kind} · ${word}`;
}

/** How long its start took, or takes by now. */
function Took({ node, standing }: { readonly node: DumpNode; readonly standing: Standing }) {
  if (node.startMs !== null && standing.tone !== 'busy' && standing.tone !== 'bad')
    return <>{duration(node.startMs)}</>;
  const open = backend.lanes.row(node.id)?.value.spans.at(-1);
  const { startedAt } = backend.boot.value;
  if (open === undefined || open.to !== null || startedAt === null || node.phase === 'waiting') return null;
  return <Since at={startedAt + open.from} />;
}
