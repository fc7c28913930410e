/** Every gate: open or closed, since when, why, and how often it has closed; on other instances as well. */
import type { GateLine } from '../../src/live/overview.ts';
import { backend } from '../live/backend.ts';
import { StandingMark } from '../parts/glyph.tsx';
import { ServiceLink } from '../parts/service-link.tsx';
import { Since } from '../parts/since.tsx';
import { standingOf, standingOfGate } from '../standing.ts';
import { clockTime, count, duration } from '../text/amount.ts';
import { InstancesTable } from './instances-table.tsx';

export function GatesView() {
  const gates = backend.gates.value;
  return (
    <div class="page" data-scrolls tabIndex={0} role="region" aria-label="Gates">
      {gates.length === 0 && <p class="empty">This app has no gate: nothing here is served to clients.</p>}
      <div class="cards">
        {gates.map((gate) => (
          <GateCard key={gate.name} gate={gate} />
        ))}
      </div>
      <InstancesTable />
    </div>
  );
}

function GateCard({ gate: { name, state, since, blockedBy, closings } }: { readonly gate: GateLine }) {
  const { gateOpenedAt } = backend.boot.value;
  return (
    <article class="card">
      <header>
        <h3>{name}</h3>
        <StandingMark standing={standingOfGate(state, backend.isBooting.value)} />
      </header>
      <dl class="facts">
        {since !== null && (
          <div>
            <dt>{state === 'open' ? 'Open for' : 'Since'}</dt>
            <dd>
              <Since at={since} /> <span class="soft num">({clockTime(since)})</span>
            </dd>
          </div>
        )}
        {gateOpenedAt !== null && (
          <div>
            <dt>First opened after</dt>
            <dd class="num">{duration(gateOpenedAt)}</dd>
          </div>
        )}
        <div>
          <dt>Closed again</dt>
          <dd class="num">{closings === 0 ? 'never' : `${count(closings)} ×`}</dd>
        </div>
      </dl>
      {blockedBy.length > 0 && (
        <section>
          <h4>Because of</h4>
          <ul class="reasons">
            {blockedBy.map((id) => (
              <Reason key={id} id={id} />
            ))}
          </ul>
        </section>
      )}
    </article>
  );
}

function Reason({ id }: { readonly id: string }) {
  const node = backend.nodes.row(id)?.value;
  const hint = backend.lanes.row(id)?.value.lastError?.hint ?? null;
  return (
    <li>
      <ServiceLink id={id} />
      {node !== undefined && <span class="text">{node.reason ?? node.progress ?? standingOf(node).word}</span>}
      {hint !== null && <span class="text advice">→ {hint}</span>}
    </li>
  );
}
