/** All services as a table: those in trouble first, then in the order of their starts. */
import type { DumpNode } from '@muster/contracts';
import { computed, signal } from '@preact/signals';
import { backend } from '../live/backend.ts';
import { StandingMark } from '../parts/glyph.tsx';
import { useWindow } from '../parts/virtual-rows.ts';
import { hrefOf } from '../shell/route.ts';
import { standingOf, type Tone } from '../standing.ts';
import { count, duration, plural } from '../text/amount.ts';
import { whyOf } from './why.ts';

const filter = signal('');
const wanted = signal<'all' | 'trouble' | 'busy'>('all');
const ROW_HEIGHT = 37;

const URGENCY: Readonly<Record<Tone, number>> = { bad: 0, warn: 1, busy: 2, idle: 3, good: 3 };

const rows = computed(() => {
  const text = filter.value.trim().toLowerCase();
  const choice = wanted.value;
  return backend.nodes
    .all()
    .filter(({ kind }) => kind !== 'value' && kind !== 'opaque')
    .filter((node) => {
      const { tone } = standingOf(node);
      if (choice === 'trouble' && tone !== 'bad' && tone !== 'warn') return false;
      if (choice === 'busy' && (tone === 'good' || node.phase === '-')) return false;
      return text === '' || [node.id, ...node.tokens].some((name) => name.toLowerCase().includes(text));
    })
    .sort((a, b) => urgency(a) - urgency(b) || a.rank - b.rank || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
});

function urgency(node: DumpNode): number {
  return URGENCY[standingOf(node).tone];
}

export function ServicesView() {
  const ids = rows.value;
  const { list, first, end } = useWindow<HTMLTableSectionElement>(ids.length, ROW_HEIGHT);
  return (
    <div class="page wide" data-scrolls tabIndex={0} role="region" aria-label="Services">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter"
          aria-label="Filter services"
          value={filter.value}
          onInput={({ currentTarget }) => {
            filter.value = currentTarget.value;
          }}
        />
        <select
          aria-label="Which services"
          value={wanted.value}
          onChange={({ currentTarget }) => {
            wanted.value = currentTarget.value as 'all' | 'trouble' | 'busy';
          }}
        >
          <option value="all">All</option>
          <option value="trouble">In trouble</option>
          <option value="busy">Not up</option>
        </select>
        <span class="soft num">{plural(ids.length, 'row')}</span>
      </div>
      <table class="services" aria-rowcount={ids.length + 1}>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">State</th>
            <th scope="col" class="why-column">
              Why
            </th>
            <th scope="col" class="num">
              Start
            </th>
            <th scope="col" class="num optional">
              Ready at
            </th>
            <th scope="col" class="num optional">
              Restarts
            </th>
          </tr>
        </thead>
        <tbody ref={list}>
          <Spacer rows={first} />
          {ids.slice(first, end).map((id, at) => (
            <Row key={id} id={id} at={first + at} />
          ))}
          <Spacer rows={ids.length - end} />
        </tbody>
      </table>
      {ids.length === 0 && <p class="empty">No service is like that.</p>}
    </div>
  );
}

/** Keeps the room of rows that are out of sight. */
function Spacer({ rows }: { readonly rows: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={6} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}

function Row({ id, at }: { readonly id: string; readonly at: number }) {
  const node = backend.nodes.row(id)?.value;
  const lane = backend.lanes.row(id)?.value;
  if (node === undefined) return null;
  const standing = standingOf(node);
  const ready = node.waitMs === null || node.startMs === null ? null : node.waitMs + node.startMs + (node.checkMs ?? 0);
  return (
    <tr aria-rowindex={at + 2}>
      <th scope="row">
        <a href={hrefOf('services', id)}>{id}</a>
      </th>
      <td>{standing.word === '' ? <span class="soft">{node.kind}</span> : <StandingMark standing={standing} />}</td>
      <td class="why-column">
        <Reason node={node} />
      </td>
      <td class="num">{node.startMs === null ? '' : duration(node.startMs)}</td>
      <td class="num optional">{ready === null ? '' : duration(ready)}</td>
      <td class="num optional">{(lane?.restarts ?? 0) === 0 ? '' : count(lane?.restarts ?? 0)}</td>
    </tr>
  );
}

/** Only where there is something to tell: of what runs well, nothing. */
function Reason({ node }: { readonly node: DumpNode }) {
  const { tone } = standingOf(node);
  if (tone === 'good' || node.phase === '-') return null;
  const { text, causes } = whyOf(node, backend.lanes.peek(node.id));
  const said = causes.length > 0 && tone !== 'bad' ? `waits for ${causes.join(', ')}` : (node.reason ?? text);
  return <span title={said}>{said}</span>;
}
