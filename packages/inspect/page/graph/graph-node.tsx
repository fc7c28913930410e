/** One service in the graph: name, sign, what it does right now. Drawn again only when something of that turns. */
import type { DumpNode } from '@muster/contracts';
import { backend } from '../live/backend.ts';
import { Glyph } from '../parts/glyph.tsx';
import { Since } from '../parts/since.tsx';
import { useStable } from '../parts/use-stable.ts';
import { route } from '../shell/route.ts';
import { type Standing, standingOf } from '../standing.ts';
import { duration } from '../text/amount.ts';
import type { Place } from './layout.ts';
import { hidesHealthy, isMeant, search } from './picture.ts';
import { tabStop } from './walk.ts';

/** Names of more letters than these are set smaller. */
const LONG = 16;

export function GraphNode({ id, place }: { readonly id: string; readonly place: Place }) {
  const face = useStable(() => faceOf(id));
  if (face.node === null) return null;
  const { standing, said, badge, took, since, isCritical } = face;
  const classes = [
    'node',
    standing.tone,
    face.node,
    id.length > LONG && 'long',
    face.isRoot && 'root',
    isCritical && 'critical',
    face.isPale && 'pale',
  ];
  return (
    <button
      type="button"
      class={classes.filter(Boolean).join(' ')}
      style={{ left: `${place.x}px`, top: `${place.y}px` }}
      data-id={id}
      tabIndex={face.isTabStop ? 0 : -1}
      aria-pressed={face.isSelected}
      title={`${face.title}: ${said}`}
    >
      {badge !== null && <span class="badge">{badge}</span>}
      <Glyph standing={standing} />
      <span class="name">{id}</span>
      <span class="said">{said}</span>
      <span class="took num">{since === null ? took : <Since at={since} />}</span>
      {isCritical && <span class="unseen">on the critical path</span>}
    </button>
  );
}

interface Face {
  /** Its kind; `null` when it has just gone. */
  readonly node: DumpNode['kind'] | null;
  readonly standing: Standing;
  readonly title: string;
  readonly said: string;
  readonly badge: string | null;
  /** How long its start took. */
  readonly took: string;
  /** Since when it is at what it does; `null` when it is not at anything. */
  readonly since: number | null;
  readonly isCritical: boolean;
  readonly isRoot: boolean;
  readonly isSelected: boolean;
  readonly isTabStop: boolean;
  readonly isPale: boolean;
}

function faceOf(id: string): Face {
  const node = backend.nodes.row(id)?.value ?? null;
  const standing = standingOf(node ?? { phase: '-', health: '-' });
  const isRoot = backend.rootCauses.value.has(id) && standing.tone !== 'good';
  const isCalm = !isRoot && (standing.tone === 'good' || node?.phase === '-');
  const isUp = standing.tone === 'good' && node !== null && node.startMs !== null;
  return {
    node: node?.kind ?? null,
    standing,
    title: node === null || node.tokens.length === 0 ? id : `${id} (${node.tokens.join(', ')})`,
    said: node === null ? '' : saidOf(node, standing),
    badge: isRoot ? badgeOf(standing) : null,
    took: isUp ? duration(node.startMs ?? 0) : '',
    since: isUp || node === null ? null : busySince(node),
    isCritical: node?.onCriticalPath ?? false,
    isRoot,
    isSelected: route.value.id === id,
    isTabStop: tabStop.value === id,
    isPale: (search.value !== '' && !isMeant(id)) || (hidesHealthy.value && isCalm),
  };
}

/** What holds others up is a cause when it is in trouble, and is waited for as long as it may still come. */
function badgeOf({ tone }: Standing): string {
  return tone === 'bad' || tone === 'warn' ? 'root cause' : 'awaited';
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

/** Of what starts or is tried again; waiting is no work. */
function busySince({ id, phase }: DumpNode): number | null {
  if (phase !== 'starting' && phase !== 'backoff' && phase !== 'running') return null;
  const open = backend.lanes.row(id)?.value.spans.at(-1);
  const { startedAt } = backend.boot.value;
  return open === undefined || open.to !== null || startedAt === null ? null : startedAt + open.from;
}
