/** The whole backend at a glance: what needs what, how each stands, and what holds the rest up. */
import { effect } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { backend } from '../live/backend.ts';
import { ServiceDetail } from '../services/service-detail.tsx';
import { go, hrefOf, route } from '../shell/route.ts';
import { Gestures } from './gestures.ts';
import { GraphLegend } from './graph-legend.tsx';
import { GraphNode } from './graph-node.tsx';
import { type Layout, NODE } from './layout.ts';
import {
  criticalWay,
  hidesHealthy,
  isMeant,
  isTrouble,
  layout,
  pointed,
  search,
  showsValues,
  troubleWay,
  waysOf,
} from './picture.ts';
import { brought, fitted, type Size, viewport, zoomed } from './viewport.ts';
import { nextNode, tabStop } from './walk.ts';

const STEP = 1.25;
/** Below this zoom names cannot be read; signs grow instead. */
const FAR = 0.45;

export function GraphView() {
  const canvas = useRef<HTMLDivElement>(null);
  const camera = useCamera(canvas);
  const selected = route.value.id;
  useEffect(() => {
    if (selected !== null) camera.bring(selected);
  }, [selected]);
  return (
    <div class="graph">
      <Toolbar camera={camera} />
      <div
        class="canvas"
        ref={canvas}
        role="group"
        aria-label="Graph of services. Arrow keys go from one to the next, Enter opens, plus and minus zoom, 0 shows all. The same as a table is in the view Services."
        onKeyDown={(event) => onKey(event, camera)}
        onClick={({ target, detail }) => {
          const id = (target as Element).closest<HTMLElement>('.node')?.dataset['id'];
          if (id === undefined) return;
          wantsFocus = detail === 0;
          go('graph', id);
        }}
        onMouseOver={({ target }) => {
          pointed.value = (target as Element).closest<HTMLElement>('.node')?.dataset['id'] ?? null;
        }}
        onMouseLeave={() => {
          pointed.value = null;
        }}
        onFocusIn={({ target }) => {
          const id = (target as HTMLElement).dataset['id'];
          if (id === undefined) return;
          tabStop.value = id;
          if ((target as HTMLElement).matches(':focus-visible')) camera.bring(id);
        }}
      >
        <div class="plane">
          <Lines />
          <Nodes />
        </div>
        <GraphLegend />
      </div>
      {selected !== null && <Panel id={selected} />}
    </div>
  );
}

interface Camera {
  zoom(factor: number): void;
  fit(): void;
  bring(id: string): void;
  focus(id: string): void;
}

/** Moves what is in sight. The viewport is written to the element itself: a drag must not draw a thousand nodes again. */
function useCamera(canvas: { readonly current: HTMLDivElement | null }): Camera {
  const size = (): Size => ({ width: canvas.current?.clientWidth ?? 0, height: canvas.current?.clientHeight ?? 0 });
  /** Without what the panel covers: a side, or the lower part where there is no room aside. */
  const free = (): Size => {
    const { width, height } = size();
    const panel = canvas.current?.parentElement?.querySelector<HTMLElement>('.panel');
    if (panel === null || panel === undefined) return { width, height };
    return panel.offsetWidth < width
      ? { width: width - panel.offsetWidth, height }
      : { width, height: height - panel.offsetHeight };
  };
  const camera: Camera = {
    zoom: (factor) => {
      const { width, height } = size();
      viewport.value = zoomed(viewport.peek(), factor, { x: width / 2, y: height / 2 });
    },
    fit: () => {
      viewport.value = fitted(layout.peek(), size());
    },
    bring: (id) => {
      const place = layout.peek().places.get(id);
      if (place !== undefined) viewport.value = brought(viewport.peek(), { ...place, ...NODE }, free());
    },
    focus: (id) => {
      tabStop.value = id;
      camera.bring(id);
      canvas.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
    },
  };
  useLayoutEffect(() => {
    const element = canvas.current as HTMLDivElement;
    const plane = element.querySelector<HTMLElement>('.plane') as HTMLElement;
    let isMoved = false;
    let shown: Layout | null = null;
    const ends = [
      effect(() => {
        const { x, y, k } = viewport.value;
        plane.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
        element.classList.toggle('far', k < FAR);
      }),
      // A graph that has turned is shown whole again, unless somebody looks at a part of it.
      effect(() => {
        if (shown !== layout.value && !isMoved) camera.fit();
        shown = layout.value;
        if (tabStop.peek() === null || !layout.value.places.has(tabStop.peek() as string)) {
          tabStop.value = layout.value.places.keys().next().value ?? null;
        }
      }),
    ];
    const gestures = new Gestures(element, () => {
      isMoved = true;
    });
    const sized = new ResizeObserver(() => {
      if (!isMoved) camera.fit();
    });
    sized.observe(element);
    return () => {
      sized.disconnect();
      gestures.end();
      for (const end of ends) end();
    };
  }, []);
  return camera;
}

function onKey(event: KeyboardEvent, camera: Camera): void {
  const id = (event.target as HTMLElement).dataset['id'];
  const next = id === undefined ? null : nextNode(layout.peek(), id, event.key);
  if (next !== null) camera.focus(next);
  else if (event.key === '+' || event.key === '=') camera.zoom(STEP);
  else if (event.key === '-') camera.zoom(1 / STEP);
  else if (event.key === '0') camera.fit();
  else if (event.key === 'Escape' && route.peek().id !== null) close(event.currentTarget as HTMLElement);
  else return;
  event.preventDefault();
}

/** Closes the panel, and goes back to the node that it was about. */
function close(graph: Element | null): void {
  const id = route.peek().id ?? '';
  go('graph');
  graph?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
}

function Toolbar({ camera }: { readonly camera: Camera }) {
  return (
    <div class="toolbar">
      <input
        type="search"
        placeholder="Find a service"
        aria-label="Find a service"
        value={search.value}
        onInput={({ currentTarget }) => {
          search.value = currentTarget.value;
        }}
        onKeyDown={(event) => {
          const found = event.key === 'Enter' ? [...layout.peek().places.keys()].find(isMeant) : undefined;
          if (found === undefined) return;
          // The same key must not press what is in focus then.
          event.preventDefault();
          camera.focus(found);
        }}
      />
      <Toggle name="Hide the healthy" of={hidesHealthy} />
      <Toggle name="Values" of={showsValues} />
      <a class="as-list" href={hrefOf('services')}>
        As a table
      </a>
      <span class="zoom">
        <button type="button" aria-label="Zoom out" onClick={() => camera.zoom(1 / STEP)}>
          −
        </button>
        <button type="button" aria-label="Zoom in" onClick={() => camera.zoom(STEP)}>
          +
        </button>
        <button type="button" onClick={() => camera.fit()}>
          Fit
        </button>
      </span>
    </div>
  );
}

function Toggle({ name, of }: { readonly name: string; readonly of: { value: boolean } }) {
  return (
    <label class="toggle">
      <input
        type="checkbox"
        checked={of.value}
        onChange={({ currentTarget }) => {
          of.value = currentTarget.checked;
        }}
      />
      {name}
    </label>
  );
}

function Nodes() {
  return (
    <>
      {[...layout.value.places].map(([id, place]) => (
        <GraphNode key={id} id={id} place={place} />
      ))}
    </>
  );
}

function Lines() {
  const { width, height, top, solid, faint, gateX } = layout.value;
  const gate = backend.graph.value?.gate.state ?? '';
  const isAwaited = backend.isBooting.value && gate !== 'open';
  return (
    <svg
      class="lines"
      aria-hidden="true"
      viewBox={`0 ${top - 40} ${Math.max(1, width)} ${height + 80}`}
      width={Math.max(1, width)}
      height={height + 80}
      style={{ top: `${top - 40}px` }}
    >
      <path class="line" d={solid} />
      <path class="line faint" d={faint} />
      <CriticalLine />
      <TroubleLines />
      <SelectedLines />
      {gateX !== null && (
        <g class={`gate ${isAwaited ? 'awaited' : gate}`}>
          <path d={`M${gateX} ${top - 22}V${top + height + 22}`} />
          <text x={gateX} y={top - 28} text-anchor="middle">
            gate {gate}
          </text>
        </g>
      )}
    </svg>
  );
}

function CriticalLine() {
  return <path class="line critical" d={criticalWay.value} />;
}

function TroubleLines() {
  return <path class={`line ${isTrouble.value ? 'trouble' : 'held'}`} d={troubleWay.value} />;
}

/** Lines of what is pointed at, or else of what is open. */
function SelectedLines() {
  const id = pointed.value ?? route.value.id;
  if (id === null) return null;
  const { needs, neededBy } = waysOf(id);
  return <path class="line selected" d={needs + neededBy} />;
}

/** Who has opened the panel with a key goes on in it; a pointer stays where it is. */
let wantsFocus = false;

function Panel({ id }: { readonly id: string }) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    panel.current?.scrollTo(0, 0);
    if (wantsFocus) panel.current?.focus();
    wantsFocus = false;
  }, [id]);
  return (
    <aside
      class="panel"
      ref={panel}
      tabIndex={-1}
      aria-label={`About ${id}`}
      data-scrolls
      onKeyDown={({ key }) => {
        if (key === 'Escape') close(panel.current?.closest('.graph') ?? null);
      }}
    >
      <button class="close plain" type="button" onClick={() => close(panel.current?.closest('.graph') ?? null)}>
        Close
      </button>
      <ServiceDetail id={id} />
    </aside>
  );
}
