/** The whole backend at a glance: what needs what, how each stands, and what holds the rest up. */
import { useEffect, useRef } from 'preact/hooks';
import { route } from '../shell/route.ts';
import { type Camera, useCamera } from './camera.ts';
import { GraphLegend } from './graph-legend.tsx';
import { GraphLines } from './graph-lines.tsx';
import { GraphNode } from './graph-node.tsx';
import { closePanel, GraphPanel, openPanel } from './graph-panel.tsx';
import { GraphToolbar, STEP } from './graph-toolbar.tsx';
import { layout, pointed } from './picture.ts';
import { nextNode, tabStop } from './walk.ts';

export function GraphView() {
  const canvas = useRef<HTMLDivElement>(null);
  const camera = useCamera(canvas);
  const selected = route.value.id;
  useEffect(() => {
    if (selected !== null) camera.bring(selected);
  }, [selected]);
  return (
    <div class="graph">
      <GraphToolbar camera={camera} />
      <div
        class="canvas"
        ref={canvas}
        role="group"
        aria-label="Graph of services. Arrow keys go from one to the next, Enter opens, plus and minus zoom, 0 shows all. The same as a table is in the view Services."
        onKeyDown={(event) => onKey(event, camera)}
        onClick={({ target, detail }) => {
          const id = (target as Element).closest<HTMLElement>('.node')?.dataset['id'];
          if (id !== undefined) openPanel(id, detail === 0);
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
          <GraphLines />
          <Nodes />
        </div>
        <GraphLegend />
      </div>
      {selected !== null && <GraphPanel id={selected} />}
    </div>
  );
}

function onKey(event: KeyboardEvent, camera: Camera): void {
  const id = (event.target as HTMLElement).dataset['id'];
  const next = id === undefined ? null : nextNode(layout.peek(), id, event.key);
  if (next !== null) camera.focus(next);
  else if (event.key === '+' || event.key === '=') camera.zoom(STEP);
  else if (event.key === '-') camera.zoom(1 / STEP);
  else if (event.key === '0') camera.fit();
  else if (event.key === 'Escape' && route.peek().id !== null) closePanel(event.currentTarget as HTMLElement);
  else return;
  event.preventDefault();
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
