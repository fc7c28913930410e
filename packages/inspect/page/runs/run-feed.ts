/** Follows the events of one run as long as somebody looks at it; a line that comes again replaces the one before. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { RunEventLine, RunEvents } from '../../src/live/overview.ts';
import { readMessage } from '../text/visible.ts';

export interface RunFeed {
  /** In the order of the run. */
  readonly events: ReadonlySignal<readonly RunEventLine[]>;
  readonly isOpen: ReadonlySignal<boolean>;
  end(): void;
}

export function merged(known: readonly RunEventLine[], more: readonly RunEventLine[]): RunEventLine[] {
  const byNumber = new Map(known.map((line) => [line.n, line]));
  for (const line of more) byNumber.set(line.n, line);
  return [...byNumber.values()].sort((a, b) => a.n - b.n);
}

export function followRun(run: string, instance: string | null): RunFeed {
  const events = signal<readonly RunEventLine[]>([]);
  const isOpen = signal(true);
  const query = instance === null ? '' : `?instance=${encodeURIComponent(instance)}`;
  const source = new EventSource(`/api/runs/${encodeURIComponent(run)}${query}`);
  source.addEventListener('events', ({ data }: MessageEvent<string>) => {
    const told = readMessage<RunEvents>(data);
    events.value = merged(events.peek(), told.events);
    isOpen.value = told.isOpen;
  });
  // Later than its terminal: until then its last events are acknowledged.
  source.addEventListener('end', () => source.close());
  source.addEventListener('error', () => {
    // Refused: nobody knows this run any more. A connection that broke comes back by itself.
    if (source.readyState === EventSource.CLOSED) isOpen.value = false;
  });
  return { events, isOpen, end: () => source.close() };
}
