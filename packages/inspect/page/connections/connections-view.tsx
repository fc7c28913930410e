/** Who is connected, in which states, what the newest do, and whether every event has arrived. */
import { useComputed } from '@preact/signals';
import type { ConnectionLine } from '../../src/live/overview.ts';
import { backend } from '../live/backend.ts';
import { LongTable } from '../parts/long-table.tsx';
import { Since } from '../parts/since.tsx';
import { count } from '../text/amount.ts';
import { STATES } from './connection-states.ts';
import { DeliveryAccount } from './delivery-account.tsx';
import { ShareBar } from './share-bar.tsx';

const COLUMNS = [
  { title: 'Connection' },
  { title: 'User' },
  { title: 'State', class: 'fills' },
  { title: 'For', class: 'num' },
  { title: 'Pending', class: 'num' },
];

export function ConnectionsView() {
  const { total, users, byState, latest } = backend.connections.value;
  const known = STATES.map(([name]) => name);
  const shares = [
    ...STATES,
    ...Object.keys(byState)
      .filter((name) => !known.includes(name))
      .map((name) => [name, 'hue-idle'] as const),
  ]
    .map(([name, hue]) => ({ name, hue, value: byState[name] ?? 0 }))
    .filter(({ value }) => value > 0);
  return (
    <div class="page" data-scrolls tabIndex={0} role="region" aria-label="Connections">
      <div class="cards">
        <section class="card">
          <header>
            <h3>Connections</h3>
            <span class="soft num">of {count(users)} users</span>
          </header>
          <p class="sum num">
            <b>{count(total)}</b> <span>open</span>
          </p>
          {shares.length > 0 && <ShareBar shares={shares} />}
        </section>
        <DeliveryAccount />
      </div>
      <h3 class="section">The newest {latest.length > 0 && count(latest.length)}</h3>
      {latest.length === 0 ? <p class="empty">Nobody is connected.</p> : <Latest />}
    </div>
  );
}

function Latest() {
  const byId = useComputed(() => new Map(backend.connections.value.latest.map((line) => [line.id, line]))).value;
  return (
    <LongTable
      name="The newest connections"
      columns={COLUMNS}
      keys={[...byId.keys()]}
      row={(id, rowIndex) => <Row key={id} line={byId.get(id) as ConnectionLine} rowIndex={rowIndex} />}
    />
  );
}

function Row({
  line: { id, user, state, since, unacknowledged },
  rowIndex,
}: {
  readonly line: ConnectionLine;
  readonly rowIndex: number;
}) {
  const hue = STATES.find(([name]) => name === state)?.[1] ?? 'hue-idle';
  return (
    <tr aria-rowindex={rowIndex}>
      <th scope="row">
        <code>{id}</code>
      </th>
      <td>{user ?? <span class="soft">not known yet</span>}</td>
      <td class="fills">
        <i class={`swatch ${hue}`} />
        {state}
      </td>
      <td class="num">
        <Since at={since} />
      </td>
      <td class="num">{unacknowledged === 0 ? '' : count(unacknowledged)}</td>
    </tr>
  );
}
