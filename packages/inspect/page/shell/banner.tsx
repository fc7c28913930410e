/**
 * What nobody may overlook: why the boot failed or the app stops, what a boot waits for, why a gate is closed.
 *
 * What passes by itself lies over the view, so that nothing moves when it comes and goes.
 */
import { backend, type GraphTop } from '../live/backend.ts';
import { link } from '../live/feed.ts';
import { now } from '../live/server-clock.ts';
import { Glyph } from '../parts/glyph.tsx';
import { ServiceLink } from '../parts/service-link.tsx';
import { elapsed, plural } from '../text/amount.ts';

/** Boots that are quicker than this need no banner. */
const CALM_MS = 1_500;
/** More causes than these are counted. */
const NAMED = 6;

export function Banner() {
  if (link.value.state === 'locked') return <Locked />;
  const trouble = backend.head.value?.trouble ?? null;
  if (trouble !== null) {
    return (
      <section class="banner bad" role="alert" aria-label="Trouble">
        <Glyph standing={{ sign: 'cross', tone: 'bad' }} />
        <div tabIndex={0}>
          <p class="text">
            <code>{trouble.code}</code> {trouble.message}
          </p>
          {trouble.hint !== null && <p class="hint">→ {trouble.hint}</p>}
        </div>
      </section>
    );
  }
  const problems = backend.graph.value?.problems ?? [];
  if (problems.length > 0) return <Unsound problems={problems} />;
  return backend.isBooting.value ? <Waiting /> : <Closed />;
}

/** The page itself holds nothing, so whoever may not look sees how to. */
function Locked() {
  return (
    <section class="banner bad" role="alert" aria-label="Locked">
      <Glyph standing={{ sign: 'octagon', tone: 'bad' }} />
      <div>
        <p class="text">This inspector asks for its token.</p>
        <p class="hint">→ Open this page once as /?token=…; the browser keeps what it needs.</p>
      </div>
    </section>
  );
}

/** What is wrong with the graph itself, so that nothing starts. */
function Unsound({ problems }: { readonly problems: GraphTop['problems'] }) {
  return (
    <section class="banner bad" aria-label="Problems of the graph">
      <Glyph standing={{ sign: 'cross', tone: 'bad' }} />
      <ul tabIndex={0}>
        {problems.map(({ code, message, hint }, at) => (
          <li key={at}>
            <p class="text">
              <code>{code}</code> {message}
            </p>
            <p class="hint">→ {hint}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Waiting() {
  const { startedAt } = backend.boot.value;
  const causes = backend.graph.value?.gate.blockedBy ?? [];
  const took = startedAt === null ? 0 : now.value - startedAt;
  if (took < CALM_MS) return null;
  return (
    <section class="banner passing busy" aria-label="The boot">
      <Glyph standing={{ sign: 'half', tone: 'busy' }} />
      <div>
        <p class="text">
          Starting for <span class="num">{elapsed(took)}</span>
          {causes.length > 0 && ', waiting for'}
        </p>
        <Causes ids={causes} />
      </div>
    </section>
  );
}

function Closed() {
  const state = backend.graph.value?.state;
  const closed = backend.gates.value.find((gate) => gate.state === 'closed');
  if (state !== 'running' || closed === undefined || closed.blockedBy.length === 0) return null;
  return (
    <section class="banner bad" aria-label="A closed gate">
      <Glyph standing={{ sign: 'octagon', tone: 'bad' }} />
      <div>
        <p class="text">
          Gate <b>{closed.name}</b> is closed
          {closed.since !== null && (
            <>
              {' '}
              for <span class="num">{elapsed(now.value - closed.since)}</span>
            </>
          )}
          , because of
        </p>
        <Causes ids={closed.blockedBy} />
      </div>
    </section>
  );
}

/** Each root cause with what it says of itself. */
function Causes({ ids }: { readonly ids: readonly string[] }) {
  return (
    <ul class="causes">
      {ids.slice(0, NAMED).map((id) => (
        <Cause key={id} id={id} />
      ))}
      {ids.length > NAMED && <li>and {plural(ids.length - NAMED, 'other')}</li>}
    </ul>
  );
}

function Cause({ id }: { readonly id: string }) {
  const node = backend.nodes.row(id)?.value;
  const said = node?.reason ?? node?.progress ?? null;
  return (
    <li>
      <ServiceLink id={id} />
      {said !== null && <span class="said">{said}</span>}
    </li>
  );
}
