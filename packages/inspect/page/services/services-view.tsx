/** All services as a table: those in trouble first, then in the order of their starts. */
import type { DumpNode } from '@muster/contracts';
import { computed, signal } from '@preact/signals';
import { backend } from '../live/backend.ts';
import { Filter, soughtIn } from '../parts/filter.tsx';
import { StandingMark } from '../parts/glyph.tsx';
import type { Column, Sorting } from '../parts/column-head.tsx';
import { LongTable } from '../parts/long-table.tsx';
import { hrefOf } from '../shell/route.ts';
import { standingOf, type Tone } from '../standing.ts';
import { count, duration, plural } from '../text/amount.ts';
import { whyOf } from './why.ts';

const filter = signal('');
const wanted = signal<'all' | 'trouble' | 'busy'>('all');
/** Those in trouble first, then in the order of their starts, until somebody chooses a column. */
const sorting = signal<Sorting>(null);

const URGENCY: Readonly<Record<Tone, number>> = { bad: 0, warn: 1, busy: 2, idle: 3, good: 3 };

const rows = computed(() => {
  const text = soughtIn(filter);
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
    .sort((a, b) => chosen(a, b) || urgency(a) - urgency(b) || a.rank - b.rank || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
});

/** By the column that was chosen; what has nothing in it comes last in either order. */
function chosen(a: DumpNode, b: DumpNode): number {
  const { by, order } = sorting.value ?? {};
  if (by === undefined) return 0;
  const direction = order === 'ascending' ? 1 : -1;
  if (by === 'Service') return direction * (a.id < b.id ? -1 : 1);
  const [one, other] = [figureOf(a, by), figureOf(b, by)];
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  return direction * (one - other);
}

function figureOf(node: DumpNode, column: string): number | null {
  if (column === 'Start') return node.startMs;
  return column === 'Ready at' ? readyAt(node) : (backend.lanes.row(node.id)?.value.restarts ?? 0);
}

function readyAt({ waitMs, startMs, checkMs }: DumpNode): number | null {
  return waitMs === null || startMs === null ? null : waitMs + startMs + (checkMs ?? 0);
}

function urgency(node: DumpNode): number {
  return URGENCY[standingOf(node).tone];
}

const COLUMNS: readonly Column[] = [
  { title: 'Service', sorts: 'ascending' },
  { title: 'State' },
  { title: 'About', class: 'fills' },
  { title: 'Start', class: 'num', sorts: 'descending' },
  { title: 'Ready at', class: 'num optional', sorts: 'descending' },
  { title: 'Restarts', class: 'num optional', sorts: 'descending' },
];

export function ServicesView() {
  const ids = rows.value;
  return (
    <div class="page" data-scrolls tabIndex={0} role="region" aria-label="Services">
      <div class="toolbar">
        <Filter label="Filter services" text={filter} />
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
      <LongTable
        name="Services"
        columns={COLUMNS}
        sorting={sorting}
        keys={ids}
        row={(id, rowIndex) => <Row key={id} id={id} rowIndex={rowIndex} />}
      />
      {ids.length === 0 && <p class="empty">No service is like that.</p>}
    </div>
  );
}

function Row({ id, rowIndex }: { readonly id: string; readonly rowIndex: number }) {
  const node = backend.nodes.row(id)?.value;
  const lane = backend.lanes.row(id)?.value;
  if (node === undefined) return null;
  const standing = standingOf(node);
  const ready = readyAt(node);
  return (
    <tr aria-rowindex={rowIndex}>
      <th scope="row">
        <a href={hrefOf('services', id)}>{id}</a>
      </th>
      <td>{standing.word === '' ? <span class="soft">{node.kind}</span> : <StandingMark standing={standing} />}</td>
      <td class="fills">
        <About node={node} />
      </td>
      <td class="num">{node.startMs === null ? '' : duration(node.startMs)}</td>
      <td class="num optional">{ready === null ? '' : duration(ready)}</td>
      <td class="num optional">{(lane?.restarts ?? 0) === 0 ? '' : count(lane?.restarts ?? 0)}</td>
    </tr>
  );
}

/** Why it is not up; of what is, how it stands in the graph. */
function About({ node }: { readonly node: DumpNode }) {
  const { tone } = standingOf(node);
  if (tone === 'good' || node.phase === '-') {
    const users = neededBy.value.get(node.id) ?? 0;
    const parts = [
      node.tokens.length > 0 && `provides ${node.tokens.join(', ')}`,
      node.needs.length > 0 && `needs ${node.needs.length}`,
      users > 0 && `needed by ${users}`,
      node.onCriticalPath && 'critical path',
    ];
    return <>{parts.filter((part) => part !== false).join(' · ')}</>;
  }
  const { text, causes } = whyOf(node, backend.lanes.peek(node.id));
  const said = causes.length > 0 && tone !== 'bad' ? `waits for ${causes.join(', ')}` : (node.reason ?? text);
  return <span title={said}>{said}</span>;
}

const neededBy = computed(() => {
  const counts = new Map<string, number>();
  for (const { to } of backend.shape.value.edges) counts.set(to, (counts.get(to) ?? 0) + 1);
  return counts;
});
