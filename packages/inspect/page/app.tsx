/** The whole page: header, banner, and the view that the address names. */
import { useEffect, useRef } from 'preact/hooks';
import { backend } from './live/backend.ts';
import { link } from './live/feed.ts';
import { ConnectionsView } from './connections/connections-view.tsx';
import { GatesView } from './gates/gates-view.tsx';
import { GraphView } from './graph/graph-view.tsx';
import { NewsView } from './news/news-view.tsx';
import { RunDetail } from './runs/run-detail.tsx';
import { RunsView } from './runs/runs-view.tsx';
import { ServicePage } from './services/service-page.tsx';
import { ServicesView } from './services/services-view.tsx';
import { Announcer } from './shell/announcer.tsx';
import { Banner } from './shell/banner.tsx';
import { Header, TITLES } from './shell/header.tsx';
import { type Route, route } from './shell/route.ts';
import { TimelineView } from './timeline/timeline-view.tsx';

export function App() {
  const main = useRef<HTMLElement>(null);
  const isKnown = backend.graph.value !== null;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault(); // the address belongs to the views
          main.current?.focus();
        }}
      >
        Skip to the view
      </a>
      <Header />
      <Title />
      <main id="main" ref={main} tabIndex={-1} class={isKnown && link.value.state !== 'live' ? 'stale' : ''}>
        <Banner />
        {isKnown ? <Shown {...route.value} /> : <p class="empty">Waiting for the instance …</p>}
      </main>
      <Announcer />
    </>
  );
}

/** The name of the view for those who jump from heading to heading, and for the browser's tab. */
function Title() {
  const { view, id } = route.value;
  const state = backend.graph.value?.state ?? '';
  const title = id === null ? TITLES[view] : id;
  useEffect(() => {
    document.title = `${title} · Muster${state === '' || state === 'running' ? '' : ` (${state})`}`;
  }, [title, state]);
  return <h2 class="unseen">{TITLES[view]}</h2>;
}

function Shown({ view, id }: Route) {
  switch (view) {
    case 'graph':
      return <GraphView />;
    case 'timeline':
      return <TimelineView />;
    case 'services':
      return id === null ? <ServicesView /> : <ServicePage key={id} id={id} />;
    case 'gates':
      return <GatesView />;
    case 'connections':
      return <ConnectionsView />;
    case 'runs':
      return id === null ? <RunsView /> : <RunDetail key={id} run={id} />;
    case 'news':
      return <NewsView />;
  }
}
