/** The deep check of a whole backend: each link of the chain is cut in turn, and mended. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { AgentRegistry } from '@muster/agents';
import { connect } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { type App, EventLog, HealthMonitor, principalOf, RuntimeEvents } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { ConnectionPool } from '@muster/server';
import { WebSocket } from 'ws';
import { UserEmitter } from '../packages/agents/src/runs/user-emitter.ts';
import { echoApp } from './fixtures/echo-app.ts';

const clocks: [App, FakeClock][] = [];
afterEach(async () => {
  for (const [app, clock] of clocks.splice(0)) {
    const stopping = app.stop();
    await clock.advance(9_000);
    await stopping;
  }
});

async function started() {
  const clock = new FakeClock();
  const { app, server } = echoApp({ app: { clock, services: [HealthMonitor] } });
  clocks.push([app, clock]);
  await app.start();
  return { app, clock, url: `${server.url.replace('http', 'ws')}/ws` };
}

/** Puts another method in the place of one; the returned function puts it back. */
function replace<T extends object, K extends keyof T>(target: T, name: K, by: T[K]): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value: by, configurable: true, writable: true });
  return () => {
    if (own === undefined) delete target[name];
    else Object.defineProperty(target, name, own);
  };
}

/** Lets the interval pass in which a deep check is due, with all that it takes. */
async function interval(clock: FakeClock): Promise<void> {
  await clock.advance(30_000);
  await clock.advance(10_100);
}

const refused = (): Promise<never> => Promise.reject(new Error('the disk is full'));

describe('the deep check of a backend', () => {
  it.each<[link: string, service: string, cut: (app: App) => () => void]>([
    ['the pool counts nobody', 'ConnectionPool', (app) => replace(app.get(ConnectionPool), 'add', () => () => {})],
    [
      'the pool never forgets',
      'ConnectionPool',
      (app) => {
        const pool = app.get(ConnectionPool);
        const add = pool.add.bind(pool);
        return replace(pool, 'add', (connection) => {
          add(connection);
          return () => {};
        });
      },
    ],
    [
      'the registry has lost its agents',
      'RunProbe',
      (app) => replace(app.get(AgentRegistry), 'probeAgent', undefined as never),
    ],
    [
      'the monitor hears nothing',
      'HealthMonitor',
      (app) => {
        const monitor = app.get(HealthMonitor);
        monitor.stop();
        return () => monitor.start();
      },
    ],
    [
      'the emitter sends nothing',
      'RunProbe',
      () =>
        replace(UserEmitter.prototype, 'append', (events) => {
          events();
          return Promise.resolve({ ok: true, epoch: 'e', top: 1 });
        }),
    ],
    ['the emitter never ends', 'RunProbe', () => replace(UserEmitter.prototype, 'append', () => new Promise(() => {}))],
    ['the log refuses', 'RunProbe', (app) => replace(app.get(EventLog), 'append', refused)],
    [
      'the log shows nothing',
      'RunProbe',
      (app) => replace(app.get(EventLog), 'subscribe', () => ({ close: () => {} })),
    ],
    [
      'the log keeps nothing',
      'RunProbe',
      (app) => {
        const log = app.get(EventLog);
        const read = log.read.bind(log);
        return replace(log, 'read', async (stream, range) => ({
          ...(await read(stream, range)),
          batches: [],
        }));
      },
    ],
  ])('is red within one interval when %s, and green when that is mended', async (_, service, cut) => {
    const { app, clock } = await started();
    await clock.advance(0);
    await clock.advance(100);
    expect([
      app.gate.state,
      app
        .graph()
        .toJSON()
        .nodes.map(({ reason }) => reason)
        .filter(Boolean),
    ]).toEqual(['open', []]);
    expect(app.graph().node(service).deepCheck).toMatchObject({ reason: null });
    const mend = cut(app);
    await interval(clock);
    expect([app.gate.state, app.gate.blockedBy]).toEqual(['closed', [service]]);
    expect(app.graph().node(service).reason).toMatch(/^deep check: /);
    mend();
    await interval(clock);
    expect(app.gate.state).toBe('open');
  });

  it('lets a backend boot whose chain is cut from the beginning', async () => {
    const mend = replace(UserEmitter.prototype, 'append', refused as never);
    try {
      const { app, clock } = await started();
      expect([app.state, app.gate.state]).toEqual(['running', 'open']);
      await clock.advance(100);
      expect(app.gate.state).toBe('closed');
    } finally {
      mend();
    }
  });

  it('is seen by no user: no event, no agent, no name, nothing in the log afterwards', async () => {
    const { app, clock, url } = await started();
    const moves: string[] = [];
    app.get(RuntimeEvents).on((event) => {
      if (event.type === 'moved' && (event.machine === 'run' || event.machine === 'tool')) moves.push(event.subject);
    });
    const events: AgentEvent[] = [];
    const client = await connect({
      url,
      token: 'token:ann',
      WebSocket: WebSocket as never,
      onEvent: (event) => void events.push(event),
    });
    const streams = new Set<string>();
    const log = app.get(EventLog);
    const append = log.append.bind(log);
    const restore = replace(log, 'append', (stream, ...rest) => {
      streams.add(stream);
      return append(stream, ...rest);
    });
    await clock.advance(100);
    restore();
    expect(app.graph().node('RunProbe').deepCheck).toMatchObject({ reason: null });
    expect(streams.size).toBe(1);
    for (const stream of streams) expect((await log.read(stream, { after: 0 })).batches).toEqual([]);
    expect([events, moves]).toEqual([[], []]);
    expect(
      app
        .get(AgentRegistry)
        .list()
        .map(({ name }) => name),
    ).toEqual(['echo']);
    const asked = client.run({ text: 'hi', agent: '~probe', thread: 't' });
    await expect(asked.accepted).rejects.toMatchObject({ details: { code: 'AGENT_UNKNOWN' } });
    await client.close();
  });

  it('lets nobody connect as its user', async () => {
    const { url } = await started();
    const connecting = connect({ url, token: 'token:~probe', WebSocket: WebSocket as never });
    await expect(connecting).rejects.toMatchObject({ details: { code: 4002, reason: 'forbidden' } });
    expect(principalOf('~probe').user).toBe('~probe');
  });
});
