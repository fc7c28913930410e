/** The inspector of a real app on a real port: who may look, and what is to be seen before, during and after the boot. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Lane } from '../src/live/overview.ts';
import {
  type App,
  type AppInspector,
  type AppOptions,
  createApp,
  provide,
  type RuntimeEvent,
  service,
  type Service,
  type StartContext,
  systemRandom,
} from '@muster/core';
import { Authenticator, ConnectionPool, webSocketServer } from '@muster/server';
import { Counter, Registry } from 'prom-client';
import { FakeClock } from '@muster/core/testing';
import { inspector, type InspectorOptions } from '@muster/inspect';
import { look, Watcher } from './looker.ts';

jest.setTimeout(30_000);

const TOKEN = 'sixteen characters or more';

const apps: App[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop()));
});

/** An app with an inspector on a free port; `started` rejects when the boot fails. */
async function inspected(options: AppOptions = {}, looking: InspectorOptions = {}) {
  const made = inspector({ port: 0, ...looking });
  const app = createApp({ ...options, inspect: made });
  apps.push(app);
  const events: RuntimeEvent[] = [];
  app.events.on((event) => void events.push(event));
  const listening = new Promise<string>((resolve) => {
    app.events.on((event) => {
      if (event.type === 'inspecting') resolve(event.address);
    });
  });
  const started = app.start();
  started.catch(() => {});
  return { app, events, started, url: await listening };
}

/** A service that comes up, or fails, when the test says so. */
function held() {
  let up!: () => void;
  let down!: (error: Error) => void;
  const coming = new Promise<void>((resolve, reject) => {
    up = resolve;
    down = reject;
  });
  coming.catch(() => {});
  @service()
  class Database implements Service {
    #ctx: StartContext | undefined;
    async start(ctx: StartContext): Promise<void> {
      this.#ctx = ctx;
      await coming;
    }
    fail(): void {
      this.#ctx?.fail(new Error('the disk is gone; password=correct-horse-battery'));
    }
  }
  return { Database, up, down };
}

@service()
class Quick {}

@service()
class Anybody implements Authenticator {
  authenticate({ token }: { token: string }) {
    return { user: token };
  }
}

describe('who may look', () => {
  it('nobody under a foreign name, of another origin, or with another method, whatever is asked for', async () => {
    const { url, started } = await inspected({ services: [Quick] });
    await started;
    const { port } = new URL(url);
    const strangers: Record<string, string>[] = [
      { host: 'evil.example' },
      { host: `evil.example:${port}` },
      { host: `127.0.0.1.evil.example:${port}` },
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:1` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const path of [
      '/',
      '/api/live',
      '/muster/graph.json',
      '/muster/graph.txt',
      '/livez',
      '/readyz?verbose',
      '/page.js',
    ])
      for (const headers of strangers) {
        const { status, body } = await look(url + path, headers);
        expect({ path, headers, status }).toEqual({ path, headers, status: 403 });
        expect(body).not.toMatch(/Quick|running|muster\.graph/);
      }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
      expect((await look(`${url}/muster/graph.json`, {}, method)).status).toBe(405);
    expect((await look(`${url}/muster/graph.json`, { origin: url, host: `localhost:${port}` })).status).toBe(403);
    for (const headers of [
      {},
      { origin: url },
      { host: `localhost:${port}` },
      { host: '127.0.0.1' },
      { host: '[::1]:80' },
    ])
      expect((await look(`${url}/muster/graph.json`, headers)).status).toBe(200);
    // A link in somebody's documentation opens the page, which holds nothing yet.
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect([(await look(url, link)).status, (await look(`${url}/muster/graph.txt`, link)).status]).toEqual([200, 403]);
  });

  it.each(['/nothing', '//', '//nothing', '/%', '/api/runs/%E0', '/api/runs/none', '/api/runs/a/b', '/?/metrics'])(
    'whatever %s is, it is no fault of the app',
    async (path) => {
      const { url, events } = await inspected({ services: [Quick] });
      const { status } = await look(url + path);
      expect(status).toBe(path === '/?/metrics' ? 200 : 404);
      expect(events.filter(({ type }) => type === 'fault')).toEqual([]);
    },
  );

  it('only who has the token, where there is one; a browser shows it once', async () => {
    const { url, started } = await inspected({ services: [Quick] }, { token: TOKEN });
    await started;
    const data = ['/muster/graph.json', '/muster/graph.txt', '/metrics', '/api/live'];
    const wrong: Record<string, string>[] = [
      {},
      { authorization: 'Bearer no' },
      { authorization: `Basic ${TOKEN}` },
      { cookie: `muster_inspect=${TOKEN.replaceAll(' ', '-')}` },
    ];
    for (const path of data)
      for (const headers of wrong) {
        const { status, body, headers: answered } = await look(url + path, headers);
        expect({ path, headers, status }).toEqual({ path, headers, status: 401 });
        expect(answered['www-authenticate']).toBe('Bearer');
        expect(body).not.toMatch(/Quick|sixteen/);
      }
    const bearer = { authorization: `Bearer ${TOKEN}` };
    expect((await look(`${url}/muster/graph.txt`, bearer)).body).toContain('Quick');
    const opened = await look(`${url}/?token=${encodeURIComponent(TOKEN)}`);
    expect([opened.status, opened.headers.location]).toEqual([303, '/']);
    const cookie = (opened.headers['set-cookie'] as string[])[0] as string;
    expect(cookie).toMatch(/^muster_inspect=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    expect((await look(`${url}/muster/graph.txt`, { cookie: cookie.split(';')[0] as string })).status).toBe(200);
    expect((await look(`${url}/?token=guess`)).headers['set-cookie']).toBeUndefined();
    // Probes need none, and name nobody without it.
    expect(JSON.parse((await look(`${url}/readyz?verbose`)).body)).toEqual({ ready: true, gate: 'open' });
    expect((await look(`${url}/readyz?verbose`, bearer)).body).toContain('Quick');
  });

  it('an address that others can reach needs a token, and a token some length', () => {
    expect(() => inspector({ host: '0.0.0.0' })).toThrow(expect.objectContaining({ code: 'INSPECT_UNGUARDED' }));
    expect(() => inspector({ token: 'short' })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    expect(() => inspector({ port: 70_000 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    expect(() => inspector({ holdAfterFailureMs: -1 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    expect(() => inspector({ host: '0.0.0.0', token: TOKEN })).not.toThrow();
  });

  it('every answer lets nothing run, be kept or be embedded', async () => {
    const { url } = await inspected({ services: [Quick] });
    for (const path of ['/', '/muster/graph.json', '/nothing', '/livez']) {
      const { headers } = await look(url + path);
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
      );
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('what is to be seen', () => {
  it('a boot while it hangs, as it goes on, and the app that it makes', async () => {
    const { Database, up } = held();
    @service({ dependsOn: [Database] })
    class Orders {
      constructor(readonly database: InstanceType<typeof Database>) {}
    }
    const { url, started } = await inspected({ services: [Orders, Database] });
    await using watcher = await Watcher.of(`${url}/api/live`);
    const first = await watcher.overview();
    expect(first.head).toMatchObject({ state: 'starting', pid: process.pid, trouble: null, id: null });
    expect(first.graph.gate).toEqual({ state: 'closed', blockedBy: ['Database'] });
    expect(first.lanes.find(({ id }) => id === 'Orders')?.spans).toEqual([
      { kind: 'waiting', from: expect.any(Number), to: null },
    ]);
    expect(first.lanes.find(({ id }) => id === 'Database')?.spans.at(-1)).toMatchObject({ kind: 'starting', to: null });
    expect(JSON.parse((await look(`${url}/startupz`)).body)).toEqual({ started: false, state: 'starting' });
    up();
    await started;
    await watcher.change(({ head }) => (head?.state === 'running' ? true : undefined));
    const lanes = watcher.said.flatMap((said) => (said.event === 'change' ? (said.data.lanes ?? []) : []));
    const orders = lanes.findLast(({ id }) => id === 'Orders');
    expect(orders?.spans[0]).toMatchObject({ kind: 'waiting', to: expect.any(Number) });
    expect(orders?.history.map(({ text }) => text)).toEqual(['waiting', 'starting', 'running']);
    const nodes = watcher.said.flatMap((said) => (said.event === 'change' ? (said.data.nodes?.list ?? []) : []));
    expect(nodes.findLast(({ id }) => id === 'Database')).toMatchObject({ phase: 'running', health: 'unchecked' });
    const gates = watcher.said.flatMap((said) => (said.event === 'change' ? (said.data.gates ?? []) : []));
    expect(gates.at(-1)).toMatchObject({ name: 'main', state: 'open', blockedBy: [], closings: 0 });
  });

  it('only what has changed, to all who look, and nothing while nothing happens', async () => {
    const { Database, up } = held();
    // A pause before the restart that can be seen.
    const random = { next: () => 0.999, uuid: () => systemRandom.uuid() };
    const { url, started, app } = await inspected({ services: [Database, Quick], random });
    up();
    await started;
    await using one = await Watcher.of(`${url}/api/live`);
    await using two = await Watcher.of(`${url}/api/live`);
    await Promise.all([one.overview(), two.overview()]);
    app.get(Database).fail();
    const closed = await Promise.all(
      [one, two].map((watcher) => watcher.change(({ gates }) => gates?.find(({ state }) => state === 'closed'))),
    );
    for (const gate of closed) expect(gate).toMatchObject({ blockedBy: ['Database'], closings: 1 });
    const changed = one.said.flatMap((said) => (said.event === 'change' ? (said.data.nodes?.list ?? []) : []));
    // What Database takes to come back is no time of the boot: all others are as they were.
    expect(new Set(changed.map(({ id }) => id))).toEqual(new Set(['Database']));
    const lane = one.said
      .flatMap((said) => (said.event === 'change' ? (said.data.lanes ?? []) : []))
      .findLast(({ id }) => id === 'Database');
    expect(lane).toMatchObject({ restarts: 1, lastError: { message: 'the disk is gone; password=[redacted]' } });
    const { nextAttemptAt, lastError } = lane as Lane;
    expect(nextAttemptAt).toBe((lastError as NonNullable<Lane['lastError']>).at + 999);
    // Once it is tried again nothing is planned.
    app.restart('Database');
    await one.change(({ lanes }) => lanes?.find(({ id, nextAttemptAt: at }) => id === 'Database' && at === null));
    expect(JSON.stringify(one.said)).not.toContain('correct-horse');
  });

  it('how often a service was started again, whether it crashed or was told to, and what the boot took all the same', async () => {
    const { Database, up } = held();
    const clock = new FakeClock();
    const { url, started, app } = await inspected({ services: [Database, Quick], clock });
    await clock.advance(300);
    up();
    await started;
    const times = (await look(`${url}/metrics`)).body.match(/^muster_(service_boot|boot_critical).*$/gm);
    expect(times).toContain('muster_service_boot_seconds{service="Database",part="start"} 0.3');
    app.get(Database).fail();
    await clock.advance(60_000);
    app.restart('Database');
    await clock.advance(1);
    const { body } = await look(`${url}/metrics`);
    expect(body).toContain('muster_service_restarts_total{service="Database"} 2');
    expect(body.match(/^muster_(service_boot|boot_critical).*$/gm)).toEqual(times);
    await using watcher = await Watcher.of(`${url}/api/live`);
    expect((await watcher.overview()).lanes.find(({ id }) => id === 'Database')).toMatchObject({ restarts: 2 });
  });

  it('the metrics that the documentation lists, and no others; in a registry that is as it was afterwards', async () => {
    const registry = new Registry();
    const own = new Counter({ name: 'own_total', help: 'of the application', registers: [registry] });
    own.inc();
    const services = [Quick, ConnectionPool, provide(Authenticator, Anybody)];
    const { started, app } = await inspected({ services, server: webSocketServer({ port: 0 }) }, { registry });
    await started;
    const docs = readFileSync(new URL('../../../docs/inspect.md', import.meta.url), 'utf8');
    const listed = new Set(docs.match(/`(?:muster|process|nodejs)_\w+`/g)?.map((name) => name.slice(1, -1)));
    const names = registry.getMetricsAsArray().map(({ name }) => name);
    expect(new Set(names)).toEqual(new Set([...listed, 'own_total']));
    expect(() => createApp({ services: [Quick], inspect: inspector({ port: 0, registry }) })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('registry') }),
    );
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(names);
    await app.stop();
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(['own_total']);
  });

  it('why a boot has failed, for as long as it is held for whoever looks', async () => {
    const { Database, down } = held();
    const failing = await inspected({ services: [Database], boot: { budgetMs: 300 } }, { holdAfterFailureMs: 60_000 });
    await using watcher = await Watcher.of(`${failing.url}/api/live`);
    down(new Error('nobody listens on port 5432'));
    const trouble = await watcher.until(({ event, data }) =>
      event === 'events' ? undefined : (data.head?.trouble ?? undefined),
    );
    expect(trouble).toMatchObject({ code: 'BOOT_FAILED', message: expect.stringContaining('5432') });
    const later = await look(`${failing.url}/muster/graph.json`);
    expect(JSON.parse(later.body)).toMatchObject({ state: 'failed' });
    // A stop ends the hold, and the page with it.
    await Promise.all([failing.app.stop(), expect(failing.started).rejects.toMatchObject({ code: 'BOOT_FAILED' })]);
    await watcher.ended;
    await expect(look(`${failing.url}/livez`)).rejects.toThrow('ECONNREFUSED');
  });

  it('names at a probe, as they are, without making the graph for each', async () => {
    const { Database, up } = held();
    const made = inspector({ port: 0 });
    let graphs = 0;
    const counting: AppInspector = {
      attach: (seen) =>
        made.attach({
          ...seen,
          graph: () => {
            graphs += 1;
            return seen.graph();
          },
        }),
      begin: () => made.begin(),
      failed: () => made.failed(),
      close: () => made.close(),
    };
    const clock = new FakeClock();
    const app = createApp({ services: [Database, Quick], inspect: counting, clock });
    apps.push(app);
    up();
    await app.start();
    const url = await made.begin();
    const named = async (): Promise<unknown> => JSON.parse((await look(`${url}/readyz?verbose`)).body);
    const well = { ready: true, services: { Database: 'running, unchecked', Quick: 'running, unchecked' } };
    expect(await named()).toMatchObject(well);
    graphs = 0;
    for (let i = 0; i < 20; i += 1) expect(await named()).toMatchObject(well);
    expect(graphs).toBe(0);
    await clock.advance(1_000);
    expect(await named()).toMatchObject(well);
    expect(graphs).toBe(1);
    app.get(Database).fail();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await named()).toMatchObject({ ready: false, blockedBy: ['Database'] });
    expect(graphs).toBe(2);
  });

  it('the last of a stop', async () => {
    const { app, url, started } = await inspected({ services: [Quick] });
    await started;
    await using watcher = await Watcher.of(`${url}/api/live`);
    await watcher.overview();
    await app.stop('enough');
    await watcher.ended;
    const heads = watcher.said.flatMap((said) => (said.event === 'change' ? (said.data.head ?? []) : []));
    expect(heads.at(-1)).toMatchObject({ state: 'stopped', trouble: { message: 'The app stops: enough.' } });
  });

  it('nothing where the port is taken: the app goes on, and says so', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => {
      other.once('listening', resolve);
    });
    const { port } = other.address() as AddressInfo;
    const app = createApp({ services: [Quick], inspect: inspector({ port }) });
    const faults: unknown[] = [];
    app.events.on((event) => {
      if (event.type === 'fault') faults.push(event.error);
    });
    await app.start();
    await app.stop();
    other.close();
    expect(faults).toEqual([expect.objectContaining({ code: 'INSPECT_PORT' })]);
  });

  it('an app has one inspector, from before its start on', async () => {
    const app = createApp({ services: [Quick] });
    app.inspect(inspector({ port: 0 }));
    expect(() => app.inspect(inspector({ port: 0 }))).toThrow(expect.objectContaining({ code: 'APP_STATE' }));
    await app.start();
    await app.stop();
    const late = createApp();
    await late.start();
    expect(() => late.inspect(inspector({ port: 0 }))).toThrow(expect.objectContaining({ code: 'APP_STATE' }));
    await late.stop();
  });
});
