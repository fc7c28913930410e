/** What is always in sight: which instance, how it is, and whether the page still hears it. */
import { useEffect, useRef } from 'preact/hooks';
import { backend } from '../live/backend.ts';
import { follow, link, shown } from '../live/feed.ts';
import { now } from '../live/server-clock.ts';
import { Glyph } from '../parts/glyph.tsx';
import { Since } from '../parts/since.tsx';
import { type Sign, standingOfGate, toneOfApp, type Tone } from '../standing.ts';
import { clockTime, count, duration, elapsed } from '../text/amount.ts';
import { hrefOf, route, type View, VIEWS } from './route.ts';
import { theme, toggleTheme } from './theme.ts';

export function Header() {
  return (
    <header class="top">
      <div class="masthead">
        <a class="brand" href={hrefOf('graph')}>
          <img src="icon.svg" alt="" width="22" height="22" />
          <h1>Muster</h1>
        </a>
        <Identity />
        <LinkState />
        <button class="plain theme" type="button" onClick={toggleTheme}>
          {theme.value === 'dark' ? 'Light' : 'Dark'}
        </button>
      </div>
      <Figures />
      <Tabs />
    </header>
  );
}

export const TITLES: Readonly<Record<View, string>> = {
  graph: 'Graph',
  timeline: 'Timeline',
  services: 'Services',
  gates: 'Gates',
  connections: 'Connections',
  runs: 'Runs',
  news: 'News',
};

function Tabs() {
  const tabs = useRef<HTMLElement>(null);
  const { view } = route.value;
  useEffect(() => {
    // Where they do not all fit, the one that is shown is brought in sight.
    const tab = tabs.current?.querySelector<HTMLElement>('[aria-current]');
    if (tabs.current === null || tab === null || tab === undefined) return;
    tabs.current.scrollLeft = tab.offsetLeft - (tabs.current.clientWidth - tab.offsetWidth) / 2;
  }, [view]);
  return (
    <nav class="tabs" aria-label="Views" ref={tabs}>
      {VIEWS.map((each) => (
        <a key={each} href={hrefOf(each)} aria-current={view === each ? 'page' : undefined}>
          {TITLES[each]}
        </a>
      ))}
    </nav>
  );
}

function Identity() {
  const head = backend.head.value;
  const instances = backend.instances.value;
  if (head === null) return <span class="identity" />;
  const parts = [head.version, head.address, `pid ${head.pid}`, `Node ${head.node.replace(/^v/, '')}`];
  return (
    <span class="identity">
      {instances.length > 1 && (
        <select
          aria-label="Instance"
          value={shown.value ?? instances.find(({ isSelf }) => isSelf)?.id ?? ''}
          onChange={({ currentTarget }) => {
            const chosen = instances.find(({ id }) => id === currentTarget.value);
            if (chosen !== undefined) follow(chosen.isSelf ? null : chosen.id);
          }}
        >
          {instances.map(({ id, unhealthy }) => (
            <option key={id} value={id}>
              {unhealthy.length > 0 ? `${id} (${unhealthy.length} unhealthy)` : id}
            </option>
          ))}
        </select>
      )}
      {instances.length <= 1 && head.id !== null && <b>{head.id}</b>}
      <span class="soft">{parts.filter((part) => part !== null).join(' · ')}</span>
    </span>
  );
}

/** Ticks with `now`, though what counts is the clock here. */
function LinkState() {
  const state = link.value;
  if (state.state === 'lost') {
    return (
      <p class="link lost">
        <Glyph standing={{ sign: 'cross', tone: 'bad' }} />
        Disconnected since {clockTime(state.since)}
        <span class="detail"> · shown as it was then, trying again</span>
      </p>
    );
  }
  return (
    <p class="link">
      <Glyph standing={state.state === 'live' ? { sign: 'disc', tone: 'good' } : { sign: 'half', tone: 'busy' }} />
      {state.state === 'live' ? 'Live' : 'Connecting'}
    </p>
  );
}

interface FigureProps {
  readonly name: string;
  readonly href: string;
  readonly tone?: Tone;
  readonly sign?: Sign;
  readonly children: preact.ComponentChildren;
}

function Figure({ name, href, tone, sign, children }: FigureProps) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd class={tone}>
        <a href={href}>
          {tone !== undefined && sign !== undefined && <Glyph standing={{ tone, sign }} />}
          <span>{children}</span>
        </a>
      </dd>
    </div>
  );
}

const SIGN_OF_TONE: Readonly<Record<Tone, Sign>> = {
  good: 'disc',
  busy: 'half',
  idle: 'point',
  warn: 'triangle',
  bad: 'octagon',
};

function Figures() {
  const graph = backend.graph.value;
  if (graph === null) return <dl class="figures" />;
  const { total, up, bad, warn, failed } = backend.census.value;
  const tone = toneOfApp(graph.state);
  return (
    <dl class="figures">
      <Figure name="App" href={hrefOf('graph')} tone={tone} sign={SIGN_OF_TONE[tone]}>
        {graph.state}
      </Figure>
      <GateFigure />
      <Figure name="Services" href={hrefOf('services')}>
        <span class="num">
          {count(up)}
          <small> / {count(total)} up</small>
        </span>
        {warn > 0 && <em class="warn"> {count(warn)} degraded</em>}
        {failed > 0 && <em class="bad"> {count(failed)} failed</em>}
        {bad > failed && <em class="bad"> {count(bad - failed)} unhealthy</em>}
      </Figure>
      <Figure name="Connections" href={hrefOf('connections')}>
        <span class="num">{count(backend.connections.value.total)}</span>
      </Figure>
      <Figure name="Live runs" href={hrefOf('runs')}>
        <span class="num">{count(backend.liveRuns.value)}</span>
      </Figure>
      <BootFigure />
    </dl>
  );
}

function GateFigure() {
  const gates = backend.gates.value;
  const open = gates.filter(({ state }) => state === 'open').length;
  const shownGate = gates.find(({ state }) => state !== 'open') ?? gates[0];
  const state = shownGate?.state ?? backend.graph.value?.gate.state ?? '';
  const { tone, sign } = standingOfGate(state, backend.isBooting.value);
  return (
    <Figure name={gates.length > 1 ? 'Gates' : 'Gate'} href={hrefOf('gates')} tone={tone} sign={sign}>
      {gates.length > 1 ? `${open} of ${gates.length} open` : state}
      {shownGate !== undefined && state === 'closed' && shownGate.since !== null && (
        <small>
          {' '}
          <Since at={shownGate.since} />
        </small>
      )}
    </Figure>
  );
}

function BootFigure() {
  const { startedAt, endedAt } = backend.boot.value;
  const time = endedAt !== null ? duration(endedAt) : startedAt === null ? '–' : elapsed(now.value - startedAt);
  return (
    <Figure name="Boot" href={hrefOf('timeline')}>
      <span class="num">{time}</span>
    </Figure>
  );
}
