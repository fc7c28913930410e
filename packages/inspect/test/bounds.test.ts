/** What the inspector keeps is bounded, and so is what it does: each bound at its edge. */
import { describe, expect, it } from '@jest/globals';
import { createApp, type InspectedApp, type RuntimeEvent, RuntimeEvents, Runtime } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import type { Attributes } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  NodeTracerProvider,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { Registry } from 'prom-client';
import { Lanes } from '../src/live/lanes.ts';
import { News } from '../src/live/news.ts';
import { Runs } from '../src/live/runs.ts';
import { BoundedLabels } from '../src/metrics/bounded-labels.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { Tracing } from '../src/traces/tracing.ts';
import { backlogOf, begun, LOOK_MS, Page, pagesOf, Quick } from './pages.ts';

type Of<T extends RuntimeEvent['type']> = Extract<RuntimeEvent, { type: T }>;

const ended = (run: string, offset = 2): Of<'run-ended'> => ({
  type: 'run-ended',
  run,
  connection: null,
  agent: 'guide',
  status: 'success',
  by: 'agent',
  code: null,
  events: 2,
  offset,
  durationMs: 1,
  appendMs: 1,
  at: 1,
});
const left = (run: string): Of<'run-left'> => ({ type: 'run-left', run, agent: 'guide', at: 1 });
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

describe('what is kept', () => {
  it('of runs are all that go on, and 200 that have ended', () => {
    const runs = new Runs();
    for (const run of many(300)) runs.take(begun(run));
    expect([runs.open, runs.lines.length]).toEqual([300, 300]);
    for (const run of many(299)) runs.take(run === '7' ? left(run) : ended(run));
    expect(runs.open).toBe(1);
    for (const run of many(300)) runs.take(begun(`later ${run}`));
    for (const run of many(300)) runs.take(ended(`later ${run}`));
    runs.take(begun('last'));
    expect(runs.find('299')?.line.state).toBe('running');
    expect(runs.lines[0]?.run).toBe('last');
    // One is forgotten for each that begins.
    for (const run of many(400)) {
      runs.take(begun(`more ${run}`));
      runs.take(ended(`more ${run}`));
    }
    expect(runs.lines.length).toBeLessThanOrEqual(200 + 300 + 2);
    expect(runs.find('0')).toBeUndefined();
    expect(runs.find('299')).toBeDefined();
  });

  it('of a run are its first hundred calls of tools', () => {
    const runs = new Runs();
    runs.take(begun('r'));
    const call = { connection: null, tool: 'search', status: 'ok', durationMs: 1, at: 1 };
    for (const callId of many(150)) runs.take({ type: 'tool-ended', run: 'r', callId, ...call });
    const tools = runs.find('r')?.line.tools;
    expect([tools?.length, tools?.at(-1)?.callId]).toEqual([100, '99']);
  });

  it('of news are the latest 300', () => {
    const news = new News();
    for (const run of many(2_000)) news.take(begun(run));
    const lines = news.since(0);
    expect([lines.length, lines[0]?.n, lines.at(-1)?.n]).toEqual([300, 1_701, 2_000]);
    expect(news.since(1_998).map(({ n }) => n)).toEqual([1_999, 2_000]);
  });

  it('of a service that fails for ever are its latest 20 lines and 40 pieces of time', () => {
    const lanes = new Lanes();
    lanes.begin(['Database'], 0);
    const moved = (from: string, to: string, at: number): RuntimeEvent => ({
      type: 'moved',
      machine: 'service',
      subject: 'Database',
      from,
      event: 'e',
      to,
      at,
    });
    for (let n = 0; n < 500; n += 1) {
      lanes.take(moved('backoff', 'starting', 2 * n));
      lanes.take(moved('starting', 'backoff', 2 * n + 1));
    }
    const { history, spans } = lanes.lane('Database', undefined);
    expect([history.length, spans.length, spans.at(-1)?.to]).toEqual([20, 40, null]);
  });

  it('of names of series are a hundred for each label', () => {
    const labels = new BoundedLabels();
    for (const name of many(100)) expect(labels.of('agent', name)).toBe(name);
    expect(labels.of('agent', 'one more')).toBe('other');
    expect(labels.of('agent', '7')).toBe('7');
    expect(labels.of('tool', 'one more')).toBe('one more');
    expect(labels.of('tool', 'x'.repeat(81))).toBe('other');
  });
});

describe('a page', () => {
  it('that does not keep up is told nothing, and all of it when it does again', async () => {
    const { clock, show, happen } = pagesOf();
    const [quick, slow] = [new Page(), new Page()];
    show(quick);
    show(slow);
    slow.keepsUp = false;
    for (let n = 0; n < 3; n += 1) {
      happen();
      await clock.advance(LOOK_MS);
    }
    expect([quick.said, slow.said]).toEqual([['overview', 'change', 'change', 'change'], ['overview']]);
    slow.keepsUp = true;
    happen();
    await clock.advance(LOOK_MS);
    expect(slow.said).toEqual(['overview', 'overview']);
    expect(quick.said.every((event, at) => (event === 'overview') === (at === 0))).toBe(true);
  });

  it('is told every five seconds that all is as it was, and nobody looks when it has gone', async () => {
    const { clock, show, looks } = pagesOf();
    const page = new Page();
    show(page);
    await clock.advance(9 * LOOK_MS);
    const before = page.said.filter((event) => event === 'change').length;
    await clock.advance(LOOK_MS);
    expect(page.said.filter((event) => event === 'change').length).toBe(before + 1);
    page.end();
    await clock.advance(LOOK_MS);
    const looked = looks();
    await clock.advance(60_000);
    expect([looks(), clock.pending]).toEqual([looked, 0]);
  });

  it('of an app at which a look takes long is told less often', async () => {
    const { clock, show, happen, looks } = pagesOf({ lookMs: 100 });
    show(new Page());
    const first = looks();
    happen();
    await clock.advance(2_400);
    expect(looks()).toBe(first);
    await clock.advance(200);
    expect(looks()).toBeGreaterThan(first);
  });
});

/** Metrics and traces that hear what a test emits. @param starting called before a span is started. */
function watching(
  starting: (name: string, attributes?: Attributes) => void = () => {},
  sampler: Sampler = new AlwaysOnSampler(),
) {
  const state = { is: 'running' };
  const clock = new FakeClock();
  const app = createApp({ services: [Quick], clock });
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer('test');
  const startSpan = tracer.startSpan.bind(tracer);
  tracer.startSpan = (name, options, around) => {
    starting(name, options?.attributes);
    return startSpan(name, options, around);
  };
  const runtime = {
    graph: () => app.graph(),
    get state() {
      return state.is;
    },
  } as Runtime;
  const events = new RuntimeEvents();
  const tracing = new Tracing(events, runtime, clock, { tracer });
  const metrics = new Metrics(
    { events, server: undefined, graph: () => app.graph() } as InspectedApp,
    new Registry(),
    backlogOf(events),
  );
  const span = (name: string) => exporter.getFinishedSpans().find((each) => each.name === name);
  const spans = (name: string) => exporter.getFinishedSpans().filter((each) => each.name === name).length;
  return { clock, events, tracing, metrics, span, spans, state };
}

describe('a run that is carried here no more', () => {
  it('counts no more, and its span has its end', async () => {
    const { events, metrics, span } = watching();
    events.emit(begun('r'));
    expect(await metrics.text()).toMatch(/^muster_runs 1$/m);
    events.emit(left('r'));
    expect(await metrics.text()).toMatch(/^muster_runs 0$/m);
    expect(span('run guide')?.attributes['muster.run.status']).toBe('left');
  });
});

describe('a delivery', () => {
  it('is that of the terminal and not of what came before it, and is given up after a minute', async () => {
    const { clock, events, tracing, span } = watching();
    events.emit(begun('r'));
    events.emit(ended('r', 7));
    tracing.acknowledged('s', 6);
    tracing.acknowledged('another', 7);
    // From when its end was looked at.
    await clock.advance(62_999);
    expect(span('deliver')).toBeUndefined();
    await clock.advance(1);
    expect(span('deliver')?.attributes).toEqual({ 'muster.delivered': false });
  });

  it('is looked at without delay when thousands of acknowledgements wait for that', async () => {
    const { clock, events, tracing, span } = watching();
    events.emit(begun('r'));
    events.emit(ended('r', 7));
    for (let i = 1; i < 4_096; i += 1) tracing.acknowledged('another', i);
    // A minute from now, where that of the test above has three seconds more.
    await clock.advance(60_000);
    expect(span('deliver')?.attributes).toEqual({ 'muster.delivered': false });
  });

  it('is told three seconds after the end at the latest where it was soon, with the times at which things were', async () => {
    const { clock, events, tracing, span, spans } = watching();
    const at = 1_700_000_000_000;
    events.emit({ ...begun('r'), at });
    await clock.advance(1_000);
    events.emit({ ...ended('r', 7), at: at + 4 });
    tracing.acknowledged('s', 7);
    await clock.advance(2_999);
    expect(spans('deliver')).toBe(0);
    await clock.advance(1);
    expect(['run guide', 'deliver'].map(spans)).toEqual([1, 1]);
    expect([span('run guide')?.startTime, span('run guide')?.endTime]).toEqual([
      [at / 1_000, 0],
      [at / 1_000, 4_000_000],
    ]);
    expect(span('run guide')?.events).toMatchObject([
      { name: 'append', time: [at / 1_000, 3_000_000], attributes: { 'muster.append_ms': 1 } },
    ]);
  });

  it('of many comes some at a time, so that nothing is too much for who exports them, and nobody waits long', async () => {
    const { clock, events, tracing, spans } = watching();
    for (const run of many(600)) {
      events.emit(begun(run));
      events.emit(ended(run, 7));
    }
    tracing.acknowledged('s', 7);
    expect(spans('deliver')).toBe(0);
    const told: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      clock.fireNext();
      told.push(spans('deliver'));
    }
    expect(told).toEqual([75, 141, 199, 250]);
    await clock.advance(5_000);
    expect(['run guide', 'deliver'].map(spans)).toEqual([600, 600]);
  });

  it('that comes to nothing holds up no other, however many there are', async () => {
    const { clock, events, tracing, spans } = watching();
    for (const run of many(2_000)) {
      events.emit(begun(run));
      events.emit(ended(run));
    }
    await clock.advance(59_999);
    expect([spans('run guide'), spans('deliver')]).toEqual([2_000, 0]);
    events.emit({ ...begun('last'), stream: 'other' });
    events.emit(ended('last'));
    tracing.acknowledged('other', 2);
    await clock.advance(3_200);
    expect([spans('run guide'), spans('deliver')]).toEqual([2_001, 2_001]);
  });

  it('is told of the others where the tracer throws at one, which is a fault', async () => {
    const faults: unknown[] = [];
    const { clock, events, tracing, spans } = watching((name, attributes) => {
      if (name.startsWith('run') && attributes?.['muster.run'] === '1') throw new Error('no span');
    });
    events.on((event) => {
      if (event.type === 'fault') faults.push(event.error);
    });
    for (const run of many(3)) {
      events.emit(begun(run));
      events.emit(ended(run));
    }
    tracing.acknowledged('s', 2);
    await clock.advance(10_000);
    expect([spans('run guide'), spans('deliver'), faults]).toEqual([2, 2, [new Error('no span')]]);
  });

  it('is not waited for of a run that nobody samples, and nothing of it is told', async () => {
    const started: string[] = [];
    const { clock, events, tracing } = watching((name) => started.push(name), new AlwaysOffSampler());
    events.emit(begun('r'));
    events.emit(ended('r'));
    await clock.advance(10_000);
    tracing.acknowledged('s', 2);
    tracing.stop();
    // Whether it is sampled only the tracer knows.
    expect(started).toEqual(['run guide']);
  });

  it('comes after a run that was begun once more, whose first span has its end', async () => {
    const { clock, events, tracing, span, spans } = watching();
    events.emit(begun('r'));
    events.emit({ ...begun('r'), isResumed: true });
    expect(span('run guide')?.attributes['muster.run.status']).toBe('left');
    events.emit(ended('r'));
    tracing.acknowledged('s', 2);
    await clock.advance(3_000);
    expect(['run guide', 'deliver'].map(spans)).toEqual([2, 1]);
  });

  it('that is told of when the app has stopped is told at once', () => {
    const { events, tracing, spans, state } = watching();
    state.is = 'starting';
    events.emit(begun('r'));
    tracing.stop();
    events.emit(begun('q'));
    events.emit(ended('q'));
    expect(['run guide', 'deliver'].map(spans)).toEqual([2, 1]);
  });

  it('is waited for of ten thousand at the same time, and each has its span', () => {
    const { events, tracing, spans } = watching();
    for (const run of many(10_001)) {
      events.emit(begun(run));
      events.emit(ended(run));
    }
    tracing.stop();
    expect([spans('run guide'), spans('deliver')]).toEqual([10_001, 10_000]);
  });

  it('is not waited for when the app stops', () => {
    const { events, tracing, span } = watching();
    events.emit(begun('r'));
    events.emit(ended('r'));
    tracing.stop();
    expect(span('deliver')?.attributes).toEqual({ 'muster.delivered': false });
  });
});
