/** The tools of a run on the time of the run: what worked at the same time, and what took long. */
import type { RunEventLine, ToolLine } from '../../src/live/overview.ts';
import { now } from '../live/server-clock.ts';
import { duration } from '../text/amount.ts';
import { toolCalls } from './tool-calls.ts';

interface Props {
  readonly events: readonly RunEventLine[];
  readonly tools: readonly ToolLine[];
}

export function ToolWaterfall({ events, tools }: Props) {
  const calls = toolCalls(events, tools);
  const [first, last] = [events[0], events.at(-1)];
  if (calls.length === 0 || first === undefined || last === undefined) return null;
  const isOpen = calls.some(({ to }) => to === null);
  const end = Math.max(last.at, isOpen ? now.value : 0);
  const whole = Math.max(1, end - first.at);
  const part = (ms: number): string => `${(ms / whole) * 100}%`;
  return (
    <section class="waterfall">
      <h3 class="section">Tools</h3>
      <ol>
        {calls.map(({ name, from, to, status }, at) => {
          const isBad = status !== null && status !== 'ok';
          const took = (to ?? end) - from;
          return (
            <li key={at}>
              <span class="lane-name">{name}</span>
              <span class="track">
                <i
                  class={`bar ${isBad ? 'bad' : 'starting'}`}
                  style={{ left: part(from - first.at), width: part(took) }}
                />
              </span>
              <span class={`num ${isBad ? 'bad' : 'soft'}`}>
                {isBad && `${status} `}
                {duration(took)}
                {to === null && ' …'}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
