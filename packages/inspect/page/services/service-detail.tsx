/** All that is known of one service: why it is up or not, what to do, its times, whom it needs, and what has happened to it. */
import type { DumpEdge, DumpNode } from '@muster/contracts';
import { useComputed } from '@preact/signals';
import type { Lane } from '../../src/live/overview.ts';
import { backend } from '../live/backend.ts';
import { StandingMark } from '../parts/glyph.tsx';
import { ServiceLink, ServiceLinks } from '../parts/service-link.tsx';
import { Since, Until } from '../parts/since.tsx';
import { standingOf } from '../standing.ts';
import { clockTime, count, duration } from '../text/amount.ts';
import { nounOf, whyOf } from './why.ts';

export function ServiceDetail({ id }: { readonly id: string }) {
  // A row may come after this was opened by its address.
  void backend.shape.value;
  const node = backend.nodes.row(id)?.value;
  const lane = backend.lanes.row(id)?.value;
  const isRoot = useComputed(() => backend.rootCauses.value.has(id)).value;
  if (node === undefined) return <p class="empty">There is no service called {id} here.</p>;
  const standing = standingOf(node);
  return (
    <article class="detail">
      <h3>{id}</h3>
      <p class="soft">
        {nounOf(node)}
        {node.tokens.length > 0 && ` that provides ${node.tokens.join(', ')}`}
        {node.shared && ', shared by all instances'}
        {!node.essential && ', wanted as optional only'}
      </p>
      <p class="now">
        {standing.word !== '' && <StandingMark standing={standing} />}
        {isRoot && standing.tone !== 'good' && <span class="tag bad">root cause</span>}
        {node.onCriticalPath && <span class="tag critical">critical path</span>}
      </p>
      <WhyBlock node={node} lane={lane} />
      <LastError lane={lane} hasAdvice={['bad', 'warn'].includes(standing.tone)} />
      <Times node={node} lane={lane} />
      <Neighbours id={id} />
      <History lane={lane} />
      {node.declaredAt !== null && (
        <section>
          <h4>Declared at</h4>
          <p>
            <code>{node.declaredAt}</code>
          </p>
        </section>
      )}
    </article>
  );
}

function WhyBlock({ node, lane }: { readonly node: DumpNode; readonly lane: Lane | undefined }) {
  const { text, causes, advice } = whyOf(node, lane);
  return (
    <section class="why">
      <p class="text">{text}</p>
      {causes.length > 0 && (
        <p>
          Held up by <ServiceLinks ids={causes} />
        </p>
      )}
      {node.degradedBy.length > 0 && (
        <p>
          Does without <ServiceLinks ids={node.degradedBy} />
        </p>
      )}
      {node.differsFrom !== undefined && <p>Configured otherwise on {node.differsFrom.join(', ')}.</p>}
      {advice !== null && <p class="advice">→ {advice}</p>}
    </section>
  );
}

/** Its hint stands above already while it matters. */
function LastError({ lane, hasAdvice }: { readonly lane: Lane | undefined; readonly hasAdvice: boolean }) {
  const error = lane?.lastError ?? null;
  if (error === null) return null;
  return (
    <section class="last-error">
      <h4>Last error, {clockTime(error.at)}</h4>
      <p class="text">
        <code>{error.code}</code> {error.message}
      </p>
      {error.hint !== null && !hasAdvice && <p class="advice">→ {error.hint}</p>}
    </section>
  );
}

function Times({ node, lane }: { readonly node: DumpNode; readonly lane: Lane | undefined }) {
  const { deepCheck } = node;
  const rows: [string, preact.ComponentChildren][] = [];
  const add = (name: string, ms: number | null) => {
    if (ms !== null) rows.push([name, duration(ms)]);
  };
  add('Waited', node.waitMs);
  add('Started in', node.startMs);
  add('First check', node.checkMs === 0 && node.health === 'unchecked' ? null : node.checkMs);
  add('Hooks', node.hookMs);
  add('Slack', node.onCriticalPath ? null : node.slackMs);
  if (node.attempts > 1) rows.push(['Attempts', count(node.attempts)]);
  if ((lane?.restarts ?? 0) > 0) rows.push(['Restarts', count(lane?.restarts ?? 0)]);
  if (node.healthAgeMs !== null) rows.push(['Last verdict', `${duration(node.healthAgeMs)} ago`]);
  if (deepCheck !== undefined) {
    const went = deepCheck.reason === null ? `passed in ${duration(deepCheck.tookMs)}` : `failed: ${deepCheck.reason}`;
    rows.push(['Deep check', `${went}, ${duration(deepCheck.ageMs)} ago`]);
  }
  const open = lane?.spans.at(-1);
  const { startedAt } = backend.boot.value;
  if (open !== undefined && open.to === null && startedAt !== null) {
    rows.push([
      `${open.kind[0]?.toUpperCase()}${open.kind.slice(1)} for`,
      <Since key="now" at={startedAt + open.from} />,
    ]);
  }
  if (lane !== undefined && lane.nextAttemptAt !== null)
    rows.push(['Tried again in', <Until key="again" at={lane.nextAttemptAt} />]);
  if (node.job !== null) {
    rows.push(['Last job', `${node.job.kind} because of ${node.job.cause}, ${node.job.result ?? 'still going on'}`]);
  }
  if (rows.length === 0) return null;
  return (
    <section>
      <h4>Times</h4>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Neighbours({ id }: { readonly id: string }) {
  const edges = backend.edges.value;
  const below = edges.filter(({ from }) => from === id);
  const above = edges.filter(({ to }) => to === id);
  return (
    <>
      <EdgeList title="Needs" edges={below} idOf={({ to }) => to} />
      <EdgeList title="Needed by" edges={above} idOf={({ from }) => from} />
    </>
  );
}

interface EdgeListProps {
  readonly title: string;
  readonly edges: readonly DumpEdge[];
  readonly idOf: (edge: DumpEdge) => string;
}

function EdgeList({ title, edges, idOf }: EdgeListProps) {
  if (edges.length === 0) return null;
  return (
    <section>
      <h4>
        {title} <span class="soft num">{edges.length}</span>
      </h4>
      <ul class="edges">
        {edges.map((edge) => (
          <li key={idOf(edge)}>
            <ServiceLink id={idOf(edge)} />
            <span class="soft">{termsOf(edge)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function termsOf({ kind, need, until, onLoss, source, releasedAtMs }: DumpEdge): string {
  const said = [
    kind === 'after' && 'order only',
    need === 'optional' && 'can do without',
    kind !== 'after' && until !== 'healthy' && `until ${until}`,
    kind !== 'after' && onLoss !== 'gate' && `on loss ${onLoss}`,
    source === 'observed' && 'observed',
    releasedAtMs !== null && `at ${duration(releasedAtMs)}`,
  ];
  return said.filter((each) => each !== false).join(' · ');
}

function History({ lane }: { readonly lane: Lane | undefined }) {
  if (lane === undefined || lane.history.length === 0) return null;
  return (
    <section>
      <h4>What happened</h4>
      <ol class="history">
        {[...lane.history].reverse().map(({ at, text, isTrouble }, index) => (
          <li key={lane.history.length - index} class={isTrouble ? 'bad' : ''}>
            <time class="num">{clockTime(at, true)}</time>
            <span class="text">{text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
