/** The boot as it went: a line for each service in the order of their starts, with what it did when. */
import { computed, signal } from '@preact/signals';
import { backend } from '../live/backend.ts';
import { now } from '../live/server-clock.ts';
import { Glyph } from '../parts/glyph.tsx';
import { useWindow } from '../parts/virtual-rows.ts';
import { hrefOf } from '../shell/route.ts';
import { standingOf } from '../standing.ts';
import { duration } from '../text/amount.ts';
import { barsOf, extentOf, inOrder, sumsOf, tickLabel, ticksOf } from './geometry.ts';

const ROW_HEIGHT = 28;
const ZOOMS = [1, 2, 4, 8, 16, 32];
/** A label that would begin beyond this part of the width stands before its bar. */
const LATE = 0.88;
/** Before a bar that begins earlier there is no room for one. */
const EARLY = 0.07;

/** How many ticks the axis has unzoomed, and which part of it the label of the gate takes with one beside it. */
const WIDE = { ticks: 6, label: 0.18 };
const NARROW = { ticks: 3, label: 0.86 };
const isNarrow = matchMedia('(max-width: 640px)');

const zoom = signal(0);
/** Whose numbers are shown. */
const pointed = signal<string | null>(null);

const elapsedMs = computed(() => {
  const { startedAt, endedAt } = backend.boot.value;
  return endedAt ?? (startedAt === null ? 0 : Math.max(0, now.value - startedAt));
});
const extent = computed(() => extentOf(backend.boot.value, backend.lanes.all(), elapsedMs.value));
const order = computed(() => inOrder(backend.lanes.all(), (id) => backend.nodes.peek(id)?.rank ?? 0));

export function TimelineView() {
  const ids = order.value;
  const { list, first, end } = useWindow<HTMLOListElement>(ids.length, ROW_HEIGHT);
  if (ids.length === 0) return <p class="empty">Nothing has started yet.</p>;
  return (
    <div class="timeline">
      <div class="toolbar">
        <Key />
        <Readout />
        <span class="zoom">
          <button type="button" aria-label="Zoom out" disabled={zoom.value === 0} onClick={() => (zoom.value -= 1)}>
            −
          </button>
          <button
            type="button"
            aria-label="Zoom in"
            disabled={zoom.value === ZOOMS.length - 1}
            onClick={() => (zoom.value += 1)}
          >
            +
          </button>
          <button type="button" onClick={() => (zoom.value = 0)}>
            All
          </button>
        </span>
      </div>
      <div class="lanes" data-scrolls tabIndex={0} role="region" aria-label="Timeline of the boot">
        <div class="field" style={{ '--zoom': String(ZOOMS[zoom.value]) }}>
          <Axis />
          <ol ref={list} style={{ height: `${ids.length * ROW_HEIGHT}px` }}>
            {ids.slice(first, end).map((id, at) => (
              <Row key={id} id={id} at={first + at} />
            ))}
          </ol>
        </div>
      </div>
    </div>
  );
}

function Key() {
  return (
    <ul class="key" aria-label="Legend">
      {['waiting', 'starting', 'checking', 'hooks', 'backoff', 'slack', 'critical'].map((kind) => (
        <li key={kind}>
          <i class={`bar ${kind}`} />
          {kind === 'critical' ? 'critical path' : kind}
        </li>
      ))}
    </ul>
  );
}

/** Numbers of the line under the pointer, or in focus; of the whole boot before. Its room is kept. */
function Readout() {
  const id = pointed.value;
  return <p class="readout num">{id === null ? bootNumbers() : `${id}: ${numbersOf(id)}`}</p>;
}

function bootNumbers(): string {
  const graph = backend.graph.value;
  if (graph === null || graph.wallMs === null || graph.parallelEfficiency === null) return '';
  const part = Math.round(graph.parallelEfficiency * 100);
  return `Boot ${duration(graph.wallMs)}, critical path ${duration(graph.idealMs)}, efficiency ${part} %`;
}

function numbersOf(id: string): string {
  const lane = backend.lanes.row(id)?.value;
  const node = backend.nodes.row(id)?.value;
  if (lane === undefined) return '';
  const parts = [...sumsOf(lane, elapsedMs.value)].map(([kind, ms]) => `${kind} ${duration(ms)}`);
  if (node?.onCriticalPath === true) parts.push('on the critical path');
  else if (node !== undefined && node.slackMs !== null) parts.push(`slack ${duration(node.slackMs)}`);
  if (lane.restarts > 0) parts.push(`restarted ${lane.restarts} ×`);
  return parts.join(', ');
}

/** Times along the upper edge, and their lines behind the bars; the gate's stands out. */
function Axis() {
  const whole = extent.value;
  const { gateOpenedAt, endedAt } = backend.boot.value;
  const zoomed = ZOOMS[zoom.value] as number;
  const mark = gateOpenedAt ?? endedAt;
  const hue = gateOpenedAt === null ? 'gate-mark failed' : 'gate-mark';
  const { ticks, label } = isNarrow.matches ? NARROW : WIDE;
  const times = ticksOf(whole, ticks * zoomed);
  const isFree = (ms: number): boolean => mark === null || ms > mark || mark - ms > (label / zoomed) * whole;
  return (
    <>
      <div class="axis" aria-hidden="true">
        <div class="track">
          {times.filter(isFree).map((ms) => (
            <span key={ms} class="tick num" style={{ left: percent(ms / whole) }}>
              {tickLabel(ms)}
            </span>
          ))}
          {mark !== null && (
            <span class={`tick ${hue} num`} style={{ left: percent(mark / whole) }}>
              {gateOpenedAt === null ? 'ended' : 'gate open'} {duration(mark)}
            </span>
          )}
        </div>
      </div>
      <div class="grid" aria-hidden="true">
        {times.map((ms) => (
          <i key={ms} style={{ left: percent(ms / whole) }} />
        ))}
        {mark !== null && <i class={hue} style={{ left: percent(mark / whole) }} />}
      </div>
    </>
  );
}

function Row({ id, at }: { readonly id: string; readonly at: number }) {
  const lane = backend.lanes.row(id)?.value;
  const node = backend.nodes.row(id)?.value;
  if (lane === undefined) return null;
  const isCritical = node?.onCriticalPath === true;
  const point = () => (pointed.value = id);
  return (
    <li class={`lane ${isCritical ? 'critical' : ''}`} style={{ top: `${at * ROW_HEIGHT}px` }}>
      <a href={hrefOf('services', id)} onMouseEnter={point} onFocus={point}>
        <span class="lane-name">
          {node !== undefined && <Glyph standing={standingOf(node)} />}
          <span>{id}</span>
          {lane.restarts > 0 && (
            <small class="warn num" title="Restarts after it had been up">
              ↻ {lane.restarts}
            </small>
          )}
        </span>
        <span class="unseen">{numbersInWords(id)}</span>
        <span class="track">
          <Bars id={id} />
        </span>
      </a>
    </li>
  );
}

/** Without what ticks: what changes all the time cannot be read out. */
function numbersInWords(id: string): string {
  const node = backend.nodes.row(id)?.value;
  if (node === undefined) return '';
  const parts = [
    standingOf(node).word,
    node.waitMs !== null && `waited ${duration(node.waitMs)}`,
    node.startMs !== null && `started in ${duration(node.startMs)}`,
    node.onCriticalPath && 'on the critical path',
  ];
  return parts.filter((part) => typeof part === 'string' && part !== '').join(', ');
}

function Bars({ id }: { readonly id: string }) {
  const lane = backend.lanes.row(id)?.value;
  const node = backend.nodes.row(id)?.value;
  if (lane === undefined) return null;
  const whole = extent.value;
  // Only a line that grows listens to the clock.
  const isOpen = lane.spans.some(({ to }) => to === null);
  const elapsed = isOpen ? elapsedMs.value : 0;
  const bars = barsOf(lane, whole, elapsed);
  const end = bars.at(-1)?.to ?? 0;
  const work = bars.find(({ kind }) => kind !== 'waiting');
  const took = [...sumsOf(lane, elapsed)].reduce((sum, [kind, ms]) => (kind === 'waiting' ? sum : sum + ms), 0);
  const slack = node?.slackMs ?? 0;
  return (
    <>
      {bars.map(({ kind, from, to, isOpen }) => (
        <i
          key={`${kind} ${from}`}
          class={`bar ${kind} ${isOpen ? 'open' : ''}`}
          style={{ left: percent(from), width: percent(to - from) }}
        />
      ))}
      {slack > 0 && work !== undefined && (
        <i class="bar slack" style={{ left: percent(end), width: percent(Math.min(1 - end, slack / whole)) }} />
      )}
      {work !== undefined && (
        <span class={`took num ${end > LATE && work.from < EARLY ? 'inside' : ''}`} style={labelPlace(work.from, end)}>
          {duration(took)}
        </span>
      )}
    </>
  );
}

/** After the bar; where there is no room before it; where there is none either in it. */
function labelPlace(from: number, end: number): { left: string } | { right: string } {
  if (end <= LATE) return { left: percent(end) };
  return { right: percent(1 - (from < EARLY ? end : from)) };
}

function percent(part: number): string {
  return `${Math.round(part * 1e5) / 1e3}%`;
}
