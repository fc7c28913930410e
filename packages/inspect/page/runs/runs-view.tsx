/** The newest runs: who runs what for whom, how it went, how long it took, and which tools it used. */
import { computed, signal } from '@preact/signals';
import type { RunLine } from '../../src/live/overview.ts';
import { backend } from '../live/backend.ts';
import { Filter, soughtIn } from '../parts/filter.tsx';
import { StandingMark } from '../parts/glyph.tsx';
import { LongTable } from '../parts/long-table.tsx';
import { Since } from '../parts/since.tsx';
import { hrefOf } from '../shell/route.ts';
import { clockTime, count, duration, plural } from '../text/amount.ts';
import { standingOfRun } from './run-standing.ts';

const filter = signal('');

const found = computed(() => {
  const text = soughtIn(filter);
  const lines = backend.runs.value.filter(({ run, agent, user, thread, state, status }) =>
    [run, agent, user, thread, state, status ?? ''].some((each) => each.toLowerCase().includes(text)),
  );
  return new Map(lines.map((line) => [line.run, line]));
});

const COLUMNS = [
  { title: 'Run' },
  { title: 'State' },
  { title: 'Agent' },
  { title: 'User', class: 'optional' },
  { title: 'Tools', class: 'fills' },
  { title: 'Began', class: 'num optional' },
  { title: 'Took', class: 'num' },
  { title: 'Events', class: 'num optional' },
];

export function RunsView() {
  const lines = found.value;
  return (
    <div class="page" data-scrolls tabIndex={0} role="region" aria-label="Runs">
      <div class="toolbar">
        <Filter label="Filter runs" text={filter} />
        <span class="soft num">{plural(lines.size, 'run')}</span>
      </div>
      <LongTable
        name="Runs"
        columns={COLUMNS}
        keys={[...lines.keys()]}
        row={(run, rowIndex) => <Row key={run} line={lines.get(run) as RunLine} rowIndex={rowIndex} />}
      />
      {lines.size === 0 && (
        <p class="empty">{backend.runs.value.length === 0 ? 'Nothing has run yet.' : 'No run is like that.'}</p>
      )}
    </div>
  );
}

function Row({ line, rowIndex }: { readonly line: RunLine; readonly rowIndex: number }) {
  const { run, agent, user, at, durationMs, events, tools, code } = line;
  return (
    <tr aria-rowindex={rowIndex}>
      <th scope="row">
        <a href={hrefOf('runs', run)}>{run}</a>
      </th>
      <td title={code ?? undefined}>
        <StandingMark standing={standingOfRun(line)} />
      </td>
      <td>{agent}</td>
      <td class="optional">{user}</td>
      <td class="fills">
        {tools.map(({ callId, name, status }, index) => (
          <span key={callId} class={status === 'ok' ? '' : 'bad'}>
            {index > 0 && ', '}
            {status === 'ok' ? name : `${name} (${status})`}
          </span>
        ))}
      </td>
      <td class="num optional">{clockTime(at)}</td>
      <td class="num">{durationMs === null ? <Since at={at} /> : duration(durationMs)}</td>
      <td class="num optional">{count(events)}</td>
    </tr>
  );
}
