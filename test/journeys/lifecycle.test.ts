/**
 * The lifecycle's promises on real processes: real signals, real sockets, real time.
 *
 * What takes a minute begins before the first test and goes on beside the others; the last tests look at what became of it.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { muster } from '../../packages/inspect/test/harness.ts';
import { look, Watcher } from '../../packages/inspect/test/looker.ts';
import { Backend, Client, Database, Fixtures } from './backend.ts';
import { RunningProcess } from './process.ts';

const AWAY_MS = 60_000;
/** When what takes a minute must be over, whatever went wrong in it. */
const LONG_MS = AWAY_MS + 25_000;
jest.setTimeout(LONG_MS + 5_000);
/** What a machine that does much else may take to tell us that a process has ended. */
const TOLD_MS = 500;

let fixtures: Fixtures;
const figures: string[] = [];
beforeAll(async () => {
  fixtures = await Fixtures.bundle('stops', 'unowned', 'database', 'backend');
  beginLong();
});
afterAll(async () => {
  // Whatever a failed test has left behind.
  await RunningProcess.endAll();
  await fixtures[Symbol.asyncDispose]();
  process.stdout.write(`${figures.map((figure) => `  measured: ${figure}`).join('\n')}\n`);
});

const stops = (name: string): RunningProcess => new RunningProcess(fixtures.file('stops'), { CASE: name });
const startDatabase = (env: Readonly<Record<string, string>> = {}) => Database.start(fixtures.file('database'), env);
const startBackend = (database: Database, env: Readonly<Record<string, string>> = {}) =>
  new Backend(fixtures.file('backend'), database, env);

/** Which methods of which services were called, in order. */
const calls = ({ output }: RunningProcess): string[] => output.match(/^\w+\.(?:start|stop)$/gm) ?? [];

/** Sends a signal and waits for the end. */
async function endBy(signal: NodeJS.Signals, process: RunningProcess) {
  const at = performance.now();
  process.child.kill(signal);
  const exited = await process.exited;
  return { ...exited, tookMs: performance.now() - at };
}

describe('a service that hangs when it is stopped', () => {
  it('is named, the others are stopped all the same, and the process ends with 75', async () => {
    await using app = stops('one hangs');
    await app.said(/Ready in/);
    const { code, tookMs } = await endBy('SIGTERM', app);
    expect(code).toBe(75);
    expect(calls(app).slice(3)).toEqual(['Web.stop', 'Threads.stop', 'Database.stop']);
    expect(app.output).toMatch(/did not stop in time: Threads\n/);
    expect(tookMs).toBeLessThan(9_000);
  });

  it.each([
    ['all hang', 9_000, 'Five, Four, Three, Two, One'],
    ['all hang, small budget', 4_000, 'Five, Four, Three, Two, One'],
    ['drains and a body hang', 4_000, 'Worker'],
  ])('never keeps the process longer than the budget: %s, %s ms', async (name, budgetMs, hung) => {
    await using app = stops(name);
    await app.said(/Ready in/);
    const { code, tookMs } = await endBy('SIGTERM', app);
    expect(code).toBe(75);
    expect(app.output).toContain(`did not stop in time: ${hung}\n`);
    const started = calls(app).filter((call) => call.endsWith('.start'));
    expect(calls(app).slice(started.length)).toEqual(started.map((call) => call.replace('.start', '.stop')).reverse());
    expect(tookMs).toBeLessThan(budgetMs + TOLD_MS);
    figures.push(`a stop with a budget of ${budgetMs} ms in which ${hung} hung took ${Math.round(tookMs)} ms`);
  });
});

describe('SIGTERM', () => {
  it.each([
    ['a start is under way', /Web\.start/, ['Database.start', 'Web.start', 'Web.stop', 'Database.stop']],
    ['a start is deaf', /Web\.start/, ['Database.start', 'Web.start', 'Web.stop', 'Database.stop']],
    ['a restart pauses', /crashed: .*Again in 30/, ['Database.start', 'Web.start', 'Database.stop', 'Web.stop']],
    [
      'a restart starts',
      /Database\.stop\s+(.*\s+)*Database\.start/,
      ['Database.start', 'Web.start', 'Database.stop', 'Database.start', 'Web.stop', 'Database.stop'],
    ],
  ])('while %s stops what was entered, in order, and ends with 0', async (name, moment, expected) => {
    await using app = stops(name);
    await app.said(moment);
    const { code, tookMs } = await endBy('SIGTERM', app);
    expect([code, calls(app)]).toEqual([0, expected]);
    expect(app.output).toContain('Stopping: SIGTERM');
    expect(tookMs).toBeLessThan(3_000);
  });

  it('during the pause after a failed start calls no second stop() for it, and ends with 0', async () => {
    await using app = stops('a start keeps failing');
    await app.said(/attempt 3: no route to host. Again in/);
    const { code } = await endBy('SIGTERM', app);
    expect(code).toBe(0);
    const tries = [1, 2, 3].flatMap(() => ['Web.start', 'Web.stop']);
    expect(calls(app)).toEqual(['Database.start', ...tries, 'Database.stop']);
    expect(app.output).not.toContain('Above.start');
  });

  it('lets a request that is being answered have its answer, tells the client to go, and ends with 0', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database);
    const client = await Client.of(backend);
    const slow = client.ask('slow', 300);
    const { code, tookMs } = await endBy('SIGTERM', backend);
    expect([code, await slow]).toEqual([0, 'done']);
    expect(await client.closed).toEqual({ code: 4201, reason: 'draining' });
    expect(client.frames.map(({ type }) => type).slice(-3)).toEqual(['drain', 'response', 'bye']);
    // Nobody waits any longer than the request takes.
    expect(tookMs).toBeLessThan(2_000);
  });

  it('interrupts a run that goes on, and shows its terminal before the socket is closed', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database, { STOP_BUDGET_MS: '3000' });
    const client = await Client.of(backend);
    await client.ask('run', { text: 'go on' });
    const { code, tookMs } = await endBy('SIGTERM', backend);
    expect(code).toBe(0);
    const told = client.frames.flatMap((frame) => (frame.type === 'events' ? frame.events : []));
    expect(told.at(-1)).toMatchObject({ event: 'agent_completed', data: { status: 'interrupted' } });
    expect((await client.closed).code).toBe(4201);
    const { order, hung } = await backend.told('stop-completed');
    expect(hung).toEqual([]);
    expect(order.indexOf('Threads')).toBeLessThan(order.indexOf('Database'));
    expect(order.indexOf('AgentSupervisor')).toBeLessThan(order.indexOf('ThreadService'));
    expect(tookMs).toBeLessThan(3_000);
  });

  it('ends in its budget although a client never goes and its request never ends', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database, { STOP_BUDGET_MS: '3000' });
    const client = await Client.of(backend);
    client.request('hang');
    client.socket.pause();
    const { code, tookMs } = await endBy('SIGTERM', backend);
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(3_000);
    client.socket.terminate();
  });

  it.each([
    ['during the boot', 'a start and its stop are deaf', /Web\.start/],
    ['during a pause before a restart', 'a restart pauses, and a stop is deaf', /Again in 30/],
    ['during a stop that hangs', 'all hang', /Ready in/],
  ])('for the second time ends the process at once with 75: %s', async (_, name, moment) => {
    await using app = stops(name);
    await app.said(moment);
    app.child.kill('SIGINT');
    await app.said(/Stopping: SIGINT/);
    const { code, tookMs } = await endBy('SIGTERM', app);
    expect(code).toBe(75);
    expect(tookMs).toBeLessThan(1_000);
    expect(app.output).not.toMatch(/Stopped \d/);
  });

  it('for the second time ends the process at once with 75 during a drain', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database);
    const client = await Client.of(backend);
    await client.ask('run', { text: 'go on' });
    backend.child.kill('SIGTERM');
    await client.next('drain');
    const { code, tookMs } = await endBy('SIGTERM', backend);
    expect(code).toBe(75);
    expect(tookMs).toBeLessThan(1_000);
    expect(backend.events.some(({ type }) => type === 'stop-completed')).toBe(false);
  });
});

describe('a required service that always crashes after its start', () => {
  it('is started again exactly as often as declared; then the app is stopped in order, and the process ends with 70', async () => {
    await using app = stops('always crashes');
    expect(await app.exited).toEqual({ code: 70, signal: null });
    const restarts = [1, 2, 3].flatMap(() => ['Worker.start', 'Worker.stop']);
    expect(calls(app)).toEqual([
      'Database.start',
      'Worker.start',
      'Web.start',
      'Worker.stop',
      ...restarts,
      'Web.stop',
      'Database.stop',
    ]);
    const pauses = [...app.output.matchAll(/Again in (\d+) ms/g)].map(([, ms]) => Number(ms));
    expect(pauses).toHaveLength(3);
    pauses.forEach((ms, i) => expect(ms).toBeLessThanOrEqual([20, 40, 40][i] as number));
    expect(app.output).toContain('Worker is down for good');
  });

  it('ends with 70 in the stop budget although everything hangs', async () => {
    await using app = stops('crashes, and all hang');
    await app.said(/down for good/);
    const at = performance.now();
    expect((await app.exited).code).toBe(70);
    expect(performance.now() - at).toBeLessThan(4_000 + TOLD_MS);
    expect(app.output).toContain('did not stop in time: Web, Database');
  });
});

describe('a service that says that it is unhealthy', () => {
  it('closes the gate in the same tick, and its clients know a moment later', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database, { HEALTH_EVERY_MS: '20', DWELL_MS: '1' });
    const client = await Client.of(backend);
    const gate: number[] = [];
    const frame: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const report = (await client.ask('report')) as { afterMs: number; state: string; at: number };
      expect(report.state).toBe('closed');
      gate.push(report.afterMs);
      const degraded = client.frames.findLastIndex(({ type }) => type === 'degraded');
      expect(client.frames[degraded]).toMatchObject({ services: ['Database'] });
      frame.push((client.at[degraded] as number) - report.at);
      await client.next('recovered');
    }
    // In the same tick, as its state above says; how long that takes is for the machine to say, which may do something else meanwhile.
    expect(middle(gate)).toBeLessThan(10);
    figures.push(
      `from a report to a closed gate: ${middleAndMost(gate)}; to the client's degraded frame: ${middleAndMost(frame)}`,
    );
    expect((await endBy('SIGTERM', backend)).code).toBe(0);
  });
});

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

function middleAndMost(values: readonly number[]): string {
  return `${middle(values).toFixed(2)} ms in the middle, ${Math.max(...values).toFixed(2)} ms at most`;
}

describe('the process', () => {
  it('is left alone by an app that nobody gave it to', async () => {
    await using app = new RunningProcess(fixtures.file('unowned'));
    await app.said(/up again/);
    const told = [...app.output.matchAll(/^\{.*\}$/gm)].map(([line]) => JSON.parse(line) as Record<string, unknown>);
    expect(told.map(({ when }) => when)).toEqual(['before', 'created', 'started', 'stopped', 'escalated', 'failed']);
    for (const { when, ...listeners } of told) expect({ when, ...listeners }).toEqual({ ...told[0], when });
    // Nobody listens to signals, so this ends it as any other process.
    expect(await endBy('SIGTERM', app)).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  it('goes on after a rejection that nobody handled, and is stopped in order with 70 after an exception that nobody caught', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database);
    const client = await Client.of(backend);
    await client.ask('reject');
    expect(await backend.told('fault')).toMatchObject({
      component: 'unhandled rejection',
      error: { message: 'forgotten' },
    });
    expect(await client.ask('query')).toBe('pong');
    await client.ask('throw').catch(() => {});
    expect((await backend.exited).code).toBe(70);
    expect(await backend.told('fault', ({ component }) => component === 'uncaught exception')).toMatchObject({
      error: { message: 'caught by nobody' },
    });
    expect((await client.closed).code).toBe(4201);
    expect((await backend.told('stop-completed')).order).toContain('Database');
  });

  it('goes on when nobody reads what it says any more, and is stopped as ever', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database);
    const client = await Client.of(backend);
    backend.child.stdout?.destroy();
    backend.child.stderr?.destroy();
    // Each connection is told of on stdout.
    for (let i = 0; i < 3; i += 1) expect(await (await Client.of(backend)).ask('query')).toBe('pong');
    expect(await client.ask('query')).toBe('pong');
    expect((await endBy('SIGTERM', backend)).code).toBe(0);
    expect((await client.closed).code).toBe(4201);
  });

  it('that runs out of work has its services stopped before it ends', async () => {
    await using app = stops('nothing to do');
    expect(await app.exited).toEqual({ code: 0, signal: null });
    expect(calls(app)).toEqual(['Database.start', 'Web.start', 'Web.stop', 'Database.stop']);
  });
});

describe('what changes nothing: no gate moves, no service is unhealthy or restarted, the same socket goes on', () => {
  it('one failed check', async () => {
    await using database = await startDatabase();
    await using backend = startBackend(database, { HEALTH_EVERY_MS: '100' });
    const client = await Client.of(backend);
    const from = backend.events.length;
    await client.ask('failNext', 1);
    await client.ask('checks', 4);
    expect(backend.changes(from)).toEqual([]);
    // It is the third in a row that counts.
    await client.ask('failNext', 3);
    await client.next('degraded');
    expect(backend.changes(from)).toEqual(['Database is unhealthy', 'main closed']);
    expect((await endBy('SIGTERM', backend)).code).toBe(0);
  });

  it.each([
    ['between checks', 'block', {}],
    ['between checks that come more often', 'block', { HEALTH_EVERY_MS: '500' }],
    ['in the middle of a check', 'blockNext', { HEALTH_EVERY_MS: '500', HEALTH_FAILURES: '1' }],
  ])('an event loop that is blocked for five seconds %s', async (_, method, env) => {
    await using database = await startDatabase();
    await using backend = startBackend(database, env);
    const client = await Client.of(backend);
    const from = backend.events.length;
    const at = performance.now();
    await client.ask(method, 5_000);
    await client.ask('checks', 2);
    expect(performance.now() - at).toBeGreaterThan(5_000);
    expect(backend.changes(from)).toEqual([]);
    expect(client.types).toEqual(['welcome']);
    expect(await client.ask('query')).toBe('pong');
    expect((await backend.get('/readyz')).status).toBe(200);
  });
});

/** A minute in which the process stands still; resolves to what that changed. */
async function freeze(when: 'idle' | 'asking') {
  const often = { HEALTH_EVERY_MS: '1000', HEALTH_TIMEOUT_MS: '900', HEALTH_FAILURES: '1' };
  await using database = await startDatabase({ DELAY_MS: when === 'asking' ? '500' : '0' });
  // A heartbeat each second, so that one that is judged by time in which nobody ran would be seen to.
  await using backend = startBackend(database, { HEARTBEAT_MS: '1000', ...(when === 'asking' ? often : {}) });
  const client = await Client.of(backend);
  if (when === 'asking') await client.ask('begun');
  const from = backend.events.length;
  backend.child.kill('SIGSTOP');
  await sleep(AWAY_MS);
  backend.child.kill('SIGCONT');
  const at = performance.now();
  const answer = await client.ask('query');
  const answeredAfterMs = performance.now() - at;
  await client.ask('checks', 2);
  return {
    answer,
    answeredAfterMs,
    changes: backend.changes(from),
    lagged: backend.events.slice(from).flatMap((event) => (event.type === 'lagged' ? [event.lagMs] : [])),
    frames: client.types,
    ready: await backend.get('/readyz'),
    exit: (await endBy('SIGTERM', backend)).code,
  };
}

/** What the probes say while it lasts, once per half second. */
async function probe(backend: Backend, isOver: () => boolean) {
  const seen = { livez: new Set<number>(), readyz: new Set<number>() };
  while (!isOver()) {
    seen.livez.add((await backend.get('/livez')).status);
    seen.readyz.add((await backend.get('/readyz')).status);
    await sleep(500);
  }
  return seen;
}

/** What page, metrics and the command line say of the database and of the gate that it closes. */
async function told(backend: Backend) {
  const { address } = await backend.told('inspecting');
  const metrics = (await look(`${address}/metrics`)).body;
  const sample = (name: string): string | undefined =>
    metrics
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  await using page = await Watcher.of(`${address}/api/live`);
  const { gates, graph } = await page.overview();
  const { stdout } = await muster(['explain', address, 'Database']);
  return {
    healthy: sample('muster_service_healthy{service="Database"}'),
    gateOpen: sample('muster_gate_open{gate="main"}'),
    closings: sample('muster_gate_closings_total{gate="main"}'),
    page: gates.find(({ name }) => name === 'main')?.state,
    root: graph.nodes.find(({ id }) => id === 'Database')?.health,
    explained: /running and \w+/.exec(stdout)?.[0],
  };
}

/** A minute without the database; resolves to what was seen of it. */
async function outage(how: 'killed' | 'closed' | 'frozen', shared: boolean) {
  await using database = await startDatabase();
  await using backend = startBackend(database, { SHARED: shared ? '1' : '0' });
  const client = await Client.of(backend);
  const from = backend.events.length;
  await database.goAway(how);
  const goneAt = performance.now();
  const back = sleep(AWAY_MS);
  let isOver = false;
  const seen = probe(backend, () => isOver);
  await backend.told('health-changed', ({ to }) => to === 'unhealthy', from);
  const noticedAfterMs = performance.now() - goneAt;
  if (!shared) await client.next('degraded');
  const during = { readyz: await backend.look('/readyz?verbose'), threads: await degradedBy(backend, 'Threads') };
  const refused = await client.ask('query').catch((error: unknown) => String(error));
  const toldDuring = await told(backend);
  await back;
  isOver = true;
  const probes = await seen;
  await database.comeBack(how);
  const backAt = performance.now();
  if (!shared) await client.next('recovered');
  const answer = await client.ask('query');
  const resumedAfterMs = performance.now() - backAt;
  if (shared) await backend.told('degraded', ({ by }) => by.length === 0, from);
  const after = { readyz: await backend.look('/readyz?verbose'), threads: await degradedBy(backend, 'Threads') };
  const toldAfter = await told(backend);
  const frames = client.types;
  const exit = await endBy('SIGTERM', backend);
  return {
    told: { during: toldDuring, after: toldAfter },
    noticedAfterMs,
    resumedAfterMs,
    probes,
    during,
    refused,
    answer,
    after,
    frames,
    exit: exit.code,
    changes: backend.changes(from).filter((change) => !/stop-started|stopp(ing|ed)$/.test(change)),
    degraded: backend.events.slice(from).flatMap((event) => (event.type === 'degraded' ? [event] : [])),
  };
}

async function degradedBy(backend: Backend, id: string): Promise<unknown> {
  const { body } = await backend.look('/muster/graph.json');
  return (body['nodes'] as { id: string; degradedBy: unknown }[]).find((node) => node.id === id)?.degradedBy;
}

let frozen: ReturnType<typeof freeze>[];
let outages: ReturnType<typeof outage>[];

function beginLong(): void {
  const over = sleep(LONG_MS, undefined, { ref: false }).then(() => {
    throw new Error(`it was not over after ${LONG_MS} ms`);
  });
  const bounded = <T>(long: Promise<T>): Promise<T> => Promise.race([long, over]);
  frozen = [freeze('idle'), freeze('asking')].map(bounded);
  outages = [outage('killed', false), outage('closed', false), outage('frozen', false), outage('killed', true)].map(
    bounded,
  );
  // The test that awaits it tells; until then nobody does.
  for (const each of [...frozen, ...outages]) each.catch(() => {});
}

describe('a process that stood still for a minute', () => {
  it.each([
    [0, 'between checks'],
    [1, 'in the middle of a check of which one failure would count'],
  ])('goes on as if nothing had been (%s: %s)', async (index, _) => {
    const seen = await (frozen[index] as (typeof frozen)[0]);
    expect(seen.changes).toEqual([]);
    expect(seen.lagged).toHaveLength(1);
    expect(seen.lagged[0]).toBeGreaterThan(AWAY_MS - 10_000);
    expect([seen.answer, seen.frames, seen.exit]).toEqual(['pong', ['welcome'], 0]);
    expect(seen.ready).toMatchObject({ status: 200, body: { ready: true } });
    figures.push(`first answer after a minute of SIGSTOP: ${Math.round(seen.answeredAfterMs)} ms`);
  });
});

describe('a database that is away for a minute', () => {
  it.each([
    [0, 'its process was killed'],
    [1, 'it does not listen'],
    [2, 'it accepts and does not answer'],
  ])('closes the gate of what requires it and ends nothing (%s: %s)', async (index, how) => {
    const seen = await (outages[index] as (typeof outages)[0]);
    figures.push(
      `${how}: gate closed after ${Math.round(seen.noticedAfterMs)} ms, a request served ${Math.round(seen.resumedAfterMs)} ms after it was back`,
    );
    expect(seen.during.readyz).toMatchObject({ status: 503, body: { ready: false, blockedBy: ['Database'] } });
    expect(seen.refused).toContain('NOT_SERVING');
    expect([...seen.probes.livez]).toEqual([200]);
    expect([...seen.probes.readyz].sort()).toEqual([200, 503]);
    expect(seen.frames).toEqual(['welcome', 'degraded', 'recovered']);
    expect(seen.resumedAfterMs).toBeLessThan(5_000);
    expect(seen.after.readyz).toMatchObject({ status: 200, body: { ready: true } });
    expect([seen.answer, seen.exit]).toEqual(['pong', 0]);
    const lost = { healthy: '0', gateOpen: '0', page: 'closed', root: 'unhealthy', explained: 'running and unhealthy' };
    const back = { healthy: '1', gateOpen: '1', page: 'open', root: 'healthy', explained: 'running and healthy' };
    expect(seen.told).toEqual({ during: { ...lost, closings: '1' }, after: { ...back, closings: '1' } });
    expect(seen.changes).toEqual([
      'Database is unhealthy',
      'main closed',
      'Database is healthy',
      'main opening',
      'main open',
    ]);
  });

  it('degrades and closes nothing where all replicas share it', async () => {
    const seen = await (outages[3] as (typeof outages)[0]);
    figures.push(
      `a shared one: noticed after ${Math.round(seen.noticedAfterMs)} ms, a request served ${Math.round(seen.resumedAfterMs)} ms after it was back`,
    );
    expect(seen.during).toMatchObject({ readyz: { status: 200, body: { ready: true } }, threads: ['Database'] });
    expect([...seen.probes.livez, ...seen.probes.readyz]).toEqual([200, 200]);
    expect(seen.refused).toContain('INTERNAL');
    expect(seen.degraded).toMatchObject([
      { service: 'Threads', by: ['Database'] },
      { service: 'Threads', by: [] },
    ]);
    expect([seen.answer, seen.frames, seen.exit]).toEqual(['pong', ['welcome'], 0]);
    expect(seen.after).toMatchObject({ readyz: { status: 200 }, threads: [] });
    expect(seen.resumedAfterMs).toBeLessThan(5_000);
  });
});
