/** Pages that look at an app which does not run, on a clock that a test moves. */
import { createApp, type InspectedApp, type RuntimeEvent, type RuntimeEvents, service } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { Backlog } from '../src/backlog.ts';
import type { EventStream } from '../src/listener/event-stream.ts';
import { LiveView } from '../src/live/live-view.ts';
import { Pages } from '../src/live/pages.ts';

/** Between two looks of a page, in milliseconds. */
export const LOOK_MS = 500;

/** A run begins. */
export const begun = (run: string): Extract<RuntimeEvent, { type: 'run-begun' }> => ({
  type: 'run-begun',
  run,
  agent: 'guide',
  user: 'ann',
  thread: 't',
  stream: 's',
  offset: 1,
  parent: null,
  connection: null,
  isResumed: false,
  at: 0,
});

export const backlogOf = (events: RuntimeEvents): Backlog =>
  new Backlog({
    events,
    clock: new FakeClock(),
    isStarting: () => false,
    failed: (error) => {
      throw error;
    },
  });

/** A page that reads or does not. */
export class Page {
  /** What it was sent, by its kind. */
  readonly said: string[] = [];
  readonly data: Record<string, unknown>[] = [];
  keepsUp = true;
  #close = (): void => {};

  send(event: string, json: string): void {
    this.said.push(event);
    this.data.push(JSON.parse(json) as Record<string, unknown>);
  }

  onClose(listener: () => void): void {
    this.#close = listener;
  }

  end(): void {
    this.#close();
  }

  /** As what shows an app takes it. */
  get stream(): EventStream {
    return this as unknown as EventStream;
  }
}

@service()
export class Quick {}

/** @param lookMs what each look at the graph takes; what else is given takes the place of a part of the app. */
export function pagesOf({ lookMs = 0, ...given }: { lookMs?: number } & Partial<InspectedApp> = {}) {
  const clock = new FakeClock();
  const app = createApp({ services: [Quick], clock });
  let looks = 0;
  const { graph = () => app.graph(), ...parts } = given;
  const inspected: InspectedApp = {
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic() + looks * lookMs,
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    },
    events: app.events,
    state: () => 'running',
    gate: () => 'open',
    graph: () => {
      looks += 1;
      return graph();
    },
    server: undefined,
    explain: (name) => app.explain(name),
    find: () => undefined,
    ...parts,
  };
  const view = new LiveView(inspected, false, backlogOf(app.events));
  const pages = new Pages(inspected, view, false);
  const show = (page: Page): void => pages.show(page.stream);
  const emit = (event: RuntimeEvent): void => app.events.emit(event);
  const happen = (): void => emit({ type: 'lagged', lagMs: 1, at: clock.now() });
  return { clock, view, pages, show, emit, happen, looks: () => looks };
}
