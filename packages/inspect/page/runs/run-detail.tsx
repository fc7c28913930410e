/** One run: what it is, which tools worked when, every event as it happens, and which socket got it when. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { RunEventLine, RunLine } from '../../src/live/overview.ts';
import { backend } from '../live/backend.ts';
import { shown } from '../live/feed.ts';
import { StandingMark } from '../parts/glyph.tsx';
import { LongTable } from '../parts/long-table.tsx';
import { Since } from '../parts/since.tsx';
import { hrefOf } from '../shell/route.ts';
import { bytes, clockTime, duration } from '../text/amount.ts';
import { deliveryOf } from './delivery.ts';
import { EventPanel } from './event-panel.tsx';
import { followRun } from './run-feed.ts';
import { standingOfRun } from './run-standing.ts';
import { ToolWaterfall } from './tool-waterfall.tsx';

const COLUMNS = [
  { title: 'n' },
  { title: 'After', class: 'num' },
  { title: 'Event' },
  { title: 'Data', class: 'fills' },
  { title: 'Size', class: 'num optional' },
  { title: 'Delivery', class: 'num optional' },
];

export function RunDetail({ run }: { readonly run: string }) {
  const instance = shown.value;
  const feed = useMemo(() => followRun(run, instance), [run, instance]);
  useEffect(() => () => feed.end(), [feed]);
  const chosen = useSignal<Choice | null>(null);
  const page = useRef<HTMLDivElement>(null);
  const line = backend.runs.value.find((each) => each.run === run);
  const events = feed.events.value;
  const event = events.find(({ n }) => n === chosen.value?.n);
  return (
    <div class="split">
      <div class="page" ref={page} data-scrolls tabIndex={0} role="region" aria-label={`Run ${run}`}>
        <p class="crumbs">
          <a href={hrefOf('runs')}>Runs</a>
        </p>
        <Head run={run} line={line} />
        <ToolWaterfall events={events} tools={line?.tools ?? []} />
        <h3 class="section">Events</h3>
        {events.length === 0 ? (
          <p class="empty">{feed.isOpen.value ? 'No event has come yet.' : 'Its events are not kept any more.'}</p>
        ) : (
          <Events events={events} chosen={chosen} />
        )}
      </div>
      {event !== undefined && (
        <EventPanel
          event={event}
          takesFocus={chosen.value?.byKey ?? false}
          onClose={() => {
            page.current?.querySelector<HTMLElement>('.chosen .row-button')?.focus();
            chosen.value = null;
          }}
        />
      )}
    </div>
  );
}

/** The event that is shown in full, and whether a key has chosen it. */
interface Choice {
  readonly n: number;
  readonly byKey: boolean;
}

function Head({ run, line }: { readonly run: string; readonly line: RunLine | undefined }) {
  const children = backend.runs.value.filter(({ parent }) => parent === run);
  if (line === undefined) return <h3 class="title">{run}</h3>;
  const { agent, user, thread, parent, at, durationMs, code } = line;
  return (
    <div class="run-head">
      <h3 class="title">{run}</h3>
      <p class="now">
        <StandingMark standing={standingOfRun(line)} />
        {code !== null && <code>{code}</code>}
      </p>
      <dl class="strip">
        <div>
          <dt>Agent</dt>
          <dd>{agent}</dd>
        </div>
        <div>
          <dt>User</dt>
          <dd>{user}</dd>
        </div>
        <div>
          <dt>Thread</dt>
          <dd>{thread}</dd>
        </div>
        <div>
          <dt>Began</dt>
          <dd class="num">{clockTime(at)}</dd>
        </div>
        <div>
          <dt>Took</dt>
          <dd class="num">{durationMs === null ? <Since at={at} /> : duration(durationMs)}</dd>
        </div>
        {parent !== null && (
          <div>
            <dt>Asked for by</dt>
            <dd>
              <a href={hrefOf('runs', parent)}>{parent}</a>
            </dd>
          </div>
        )}
        {children.length > 0 && (
          <div>
            <dt>Asked for</dt>
            <dd>
              {children.map(({ run: child }, index) => (
                <span key={child}>
                  {index > 0 && ', '}
                  <a href={hrefOf('runs', child)}>{child}</a>
                </span>
              ))}
            </dd>
          </div>
        )}
      </dl>
    </div>
  );
}

function Events({
  events,
  chosen,
}: {
  readonly events: readonly RunEventLine[];
  readonly chosen: Signal<Choice | null>;
}) {
  const byNumber = new Map(events.map((line) => [String(line.n), line]));
  const begin = events[0]?.at ?? 0;
  return (
    <LongTable
      name="Events"
      class="events"
      columns={COLUMNS}
      keys={[...byNumber.keys()]}
      row={(key, rowIndex) => {
        const line = byNumber.get(key) as RunEventLine;
        const { n, at, event, tool, data, bytes: size } = line;
        return (
          <tr key={key} aria-rowindex={rowIndex} class={chosen.value?.n === n ? 'chosen' : ''}>
            <th scope="row" class="num">
              <button
                class="row-button"
                type="button"
                aria-pressed={chosen.value?.n === n}
                onClick={({ detail }) => (chosen.value = { n, byKey: detail === 0 })}
              >
                {n}
              </button>
            </th>
            <td class="num">{duration(at - begin)}</td>
            <td>
              {event}
              {tool !== null && <span class="soft"> {tool}</span>}
            </td>
            <td class="fills">{data === null ? 'hidden' : <code>{data}</code>}</td>
            <td class="num optional">{bytes(size)}</td>
            <td class="num optional">{deliveryOf(line)}</td>
          </tr>
        );
      }}
    />
  );
}
