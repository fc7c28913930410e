/** A whole app under inspection: its runs with their sockets, its metrics, and one story told everywhere when a dependency is lost. */
import { describe, expect, it, jest } from '@jest/globals';
import { agent, type Agent, type AgentContext, defineTool, type RunInput } from '@muster/agents';
import {
  type CheckContext,
  type Health,
  healthy,
  type Registration,
  service,
  type Service,
  unhealthy,
} from '@muster/core';
import { inspector, type InspectorOptions, type Overview, type RunEvents, traces, pinoReporter } from '@muster/inspect';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import * as v from 'valibot';
import { lastLine, muster } from '../../packages/inspect/test/harness.ts';
import { look, Watcher } from '../../packages/inspect/test/looker.ts';
import { wholeApp } from './whole-app.ts';

jest.setTimeout(60_000);

const HARM = '<img src=x onerror=alert(1)>\u001b[31m\u202e"quoted"';

const search = defineTool({
  name: 'search',
  description: 'Finds what would do harm if it were more than text.',
  input: v.string(),
  run: () => ({ found: HARM }),
});

let release!: () => void;
const released = new Promise<void>((resolve) => {
  release = resolve;
});

@agent({ name: 'helper', description: 'Searches' })
class Helper implements Agent {
  async run({ text }: RunInput, context: AgentContext) {
    await context.tool(search, text);
    if (text === 'wait') await released;
    if (text === 'fail') throw new Error('no');
    return { finalResponse: `answer to ${text}` };
  }
}

let verdict: Health = healthy;

@service({ health: { everyMs: 1_000, failures: 1 } })
class Database implements Service {
  check(_: CheckContext): Health {
    return verdict;
  }
}

async function inspected(looking: InspectorOptions = {}, more: readonly Registration[] = []) {
  const made = inspector({ port: 0, ...looking });
  const app = await wholeApp({ services: [Helper, Database, ...more], app: { inspect: made, gate: { dwellMs: 50 } } });
  return { app, url: await made.begin(), [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

/** The value of one time series; undefined where there is none. */
function sample(text: string, series: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('a run', () => {
  it('is shown event by event, with the sockets that got it, and without its data', async () => {
    await using made = await inspected();
    const { app, url } = made;
    const [one, two] = await Promise.all([app.client('ann'), app.client('ann')]);
    const run = one.run({ text: 'wait', agent: 'helper' });
    const { run: id, thread } = await run.accepted;
    two.subscribe(thread);
    await using watcher = await Watcher.of(`${url}/api/live`);
    const { runs } = await watcher.overview();
    expect(runs[0]).toMatchObject({ run: id, agent: 'helper', user: 'ann', thread, state: 'running', parent: null });
    await using events = await Watcher.of(`${url}/api/runs/${id}`);
    const first = await events.until((said) => (said.event === 'events' ? said.data : undefined));
    expect(first.isOpen).toBe(true);
    expect(first.events.map(({ n, event }) => [n, event]).slice(0, 2)).toEqual([
      [1, 'agent_started'],
      [2, 'agent_thinking'],
    ]);
    release();
    await run.result;
    const lines = new Map<number, RunEvents['events'][number]>();
    const isWhole = (): boolean =>
      lines.size === 5 && [...lines.values()].every(({ sockets }) => sockets.some(({ ackedAt }) => ackedAt !== null));
    await events.until((said) => {
      if (said.event !== 'events') return undefined;
      for (const line of said.data.events) lines.set(line.n, line);
      return isWhole() ? true : undefined;
    });
    const all = [...lines.values()].sort((a, b) => a.n - b.n);
    expect(all.map(({ event, tool }) => [event, tool])).toEqual([
      ['agent_started', null],
      ['agent_thinking', null],
      ['tool_executing', 'search'],
      ['tool_completed', 'search'],
      ['agent_completed', null],
    ]);
    expect(all.every(({ data, bytes }) => data === null && bytes > 10)).toBe(true);
    const offsets = all.map(({ offset }) => offset);
    expect(offsets).toEqual(offsets.map((_, i) => (offsets[0] as number) + i));
    const terminal = all.at(-1);
    expect(terminal?.sockets.length).toBe(2);
    for (const { sentAt, ackedAt } of terminal?.sockets ?? [])
      if (ackedAt !== null) expect(ackedAt).toBeGreaterThanOrEqual(sentAt as number);
    const done = await watcher.change(({ runs: changed }) => changed?.find((each) => each.state === 'completed'));
    expect(done).toMatchObject({ run: id, status: 'success', events: 5, tools: [{ name: 'search', status: 'ok' }] });
    expect(JSON.stringify([watcher.said, events.said])).not.toMatch(/onerror|answer to/);
    expect((await look(`${url}/api/runs/nobody`)).status).toBe(404);
  });

  it('shows its data where that is wanted, as the text that it is', async () => {
    await using made = await inspected({ payloads: true });
    const { app, url } = made;
    const client = await app.client('ann');
    const run = client.run({ text: 'hello', agent: 'helper' });
    await run.result;
    const { run: id } = await run.accepted;
    await using events = await Watcher.of(`${url}/api/runs/${id}`);
    const { events: lines, isOpen } = await events.until((said) => (said.event === 'events' ? said.data : undefined));
    expect(isOpen).toBe(false);
    const result = JSON.parse(lines.find(({ event }) => event === 'tool_completed')?.data as string);
    expect(result).toMatchObject({ result: { found: HARM } });
    const shown = await muster(['events', url, '--run', id]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('<img src=x onerror=alert(1)>');
    expect(shown.stdout).not.toMatch(/[\u001b\u202e]/);
    const printed = shown.stdout.trimEnd().split('\n');
    expect(printed.at(-1)).toMatch(/^✔ {4}5 \+\d+ +agent_completed .* → [0-9a-f]{8} ✔$/);
    const told = lastLine<{ events: { n: number }[] }>(await muster(['events', url, '--run', id, '--json']));
    expect(told.events.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('the lines of a run', () => {
  it('name the connection over which it was asked for', async () => {
    await using made = await inspected();
    const { app } = made;
    const lines: { type: string; run: unknown; connection: unknown }[] = [];
    const report = pinoReporter(
      Object.fromEntries(
        ['debug', 'info', 'warn', 'error'].map((level) => [
          level,
          ({ event, run, connection }: Record<string, unknown>) => lines.push({ type: String(event), run, connection }),
        ]),
      ) as never,
      { level: 'debug' },
    );
    app.app.events.on(report);
    const client = await app.client('ann');
    const { connection } = await client.welcome;
    const run = client.run({ text: 'hello', agent: 'helper' });
    const { run: id } = await run.accepted;
    await run.result;
    for (const type of ['run-begun', 'tool-ended', 'run-ended'])
      expect(lines.filter((line) => line.type === type)).toEqual([{ type, run: id, connection }]);
  });
});

describe('metrics', () => {
  it('count runs, tools, sockets and delivery as they were', async () => {
    await using made = await inspected();
    const { app, url } = made;
    const client = await app.client('ann');
    for (const text of ['one', 'two', 'fail']) await client.run({ text, agent: 'helper' }).result;
    const { body, headers } = await look(`${url}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect({
      success: sample(body, 'muster_run_duration_seconds_count{agent="helper",status="success"}'),
      failed: sample(body, 'muster_run_duration_seconds_count{agent="helper",status="failed"}'),
      tools: sample(body, 'muster_tool_duration_seconds_count{tool="search",status="ok"}'),
      live: sample(body, 'muster_runs'),
      events: sample(body, 'muster_run_events_total'),
      ready: sample(body, 'muster_connections{state="ready"}'),
      users: sample(body, 'muster_users'),
      handshakes: sample(body, 'muster_handshake_duration_seconds_count{outcome="ready"}'),
      gate: sample(body, 'muster_gate_open{gate="main"}'),
      running: sample(body, 'muster_app_state{state="running"}'),
      database: sample(body, 'muster_service_healthy{service="Database"}'),
      faults: sample(body, 'muster_faults_total{component="agent"}'),
    }).toEqual({
      success: 2,
      failed: 1,
      tools: 3,
      live: 0,
      events: 15,
      ready: 1,
      users: 1,
      handshakes: 1,
      gate: 1,
      running: 1,
      database: 1,
      faults: 1,
    });
    const of = (outcome: string): number => sample(body, `muster_delivery_events{outcome="${outcome}"}`) as number;
    expect(of('appended')).toBe(15);
    expect(of('acknowledged') + of('pending') + of('expired')).toBe(15);
    expect(sample(body, 'muster_boot_duration_seconds')).toBeGreaterThan(0);
    expect(sample(body, 'muster_eventloop_lag_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0);
    expect(body).not.toMatch(/ann"|onerror/);
  });
});

describe('a dependency that is lost and comes back', () => {
  it('is the same story on the page, in metrics, traces and probes, and in explain()', async () => {
    verdict = healthy;
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    await using made = await inspected({}, traces({ tracer: provider.getTracer('test') }));
    const { app, url } = made;
    await using watcher = await Watcher.of(`${url}/api/live`);
    await watcher.overview();
    const gate = (state: string): Promise<Overview['gates'][number]> =>
      watcher.change(({ gates }) => gates?.find((each) => each.name === 'main' && each.state === state));
    verdict = unhealthy('the disk is full');
    expect(await gate('closed')).toMatchObject({ blockedBy: ['Database'], closings: 1 });
    const lost = (await look(`${url}/metrics`)).body;
    expect(sample(lost, 'muster_gate_open{gate="main"}')).toBe(0);
    expect(sample(lost, 'muster_gate_closings_total{gate="main"}')).toBe(1);
    expect(sample(lost, 'muster_service_healthy{service="Database"}')).toBe(0);
    const ready = await look(`${url}/readyz?verbose`);
    expect([ready.status, JSON.parse(ready.body)]).toMatchObject([503, { ready: false, blockedBy: ['Database'] }]);
    expect((await look(`${url}/livez`)).status).toBe(200);
    expect(app.app.explain('Database')).toMatch(/running and unhealthy[^]*the disk is full/);
    watcher.said.length = 0;
    verdict = healthy;
    await gate('open');
    const back = (await look(`${url}/metrics`)).body;
    expect(sample(back, 'muster_gate_open{gate="main"}')).toBe(1);
    expect(sample(back, 'muster_service_healthy{service="Database"}')).toBe(1);
    expect((await look(`${url}/readyz`)).status).toBe(200);
    expect(app.app.explain('Database')).toContain('running and healthy');
    const spans = exporter.getFinishedSpans();
    const outage = spans.find(({ name }) => name === 'gate closed');
    expect(outage?.attributes).toEqual({ 'muster.gate': 'main', 'muster.causes': ['Database'] });
    const cause = spans.find(({ name }) => name === 'down Database');
    expect(cause?.parentSpanContext?.spanId).toBe(outage?.spanContext().spanId);
    expect(cause?.status.message).toContain('the disk is full');
  });
});
