/** What is left of connections and requests that are over: nothing that grows with their number. */
import { describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { EventLog } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { ConnectionPool, type Handler, webSocketServer } from '@muster/server';
import { WebSocket } from 'ws';
import { RawClient, serve } from './harness.ts';
import { gc, usedMemory } from './memory.ts';

const ROUNDS = 50;
const AT_ONCE = 20;
const HOUR_MS = 3_600_000;
/** Characters of an answer that its session keeps. */
const ANSWER = 20_000;

/** What of these can still be reached by somebody. */
async function alive(refs: readonly WeakRef<object>[]): Promise<number> {
  // In the tick that looks at a reference its object is kept.
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  return refs.filter((ref) => ref.deref() !== undefined).length;
}

/** Ways in which a connection comes to its end, in every state that a client can leave it in. */
const endings: readonly ((url: string, user: string) => Promise<void>)[] = [
  async (url, user) => {
    const client = await RawClient.welcomed(url, user, { subscribe: ['t', 'u'] });
    client.request('wide');
    await client.next('response');
    await client.close();
  },
  async (url, user) => cut(await RawClient.welcomed(url, user, { subscribe: ['t'] })),
  // A request is being handled, and another one waits.
  async (url, user) => {
    const client = await RawClient.welcomed(url, user);
    client.request('untilGone');
    client.request('echo', 1);
    await client.roundTrip();
    await cut(client);
  },
  async (url) => {
    const stranger = new RawClient(url);
    await stranger.opened();
    await cut(stranger);
  },
  // In the middle of the handshake.
  async (url, user) => {
    const client = new RawClient(url);
    await client.opened();
    client.hello(`token:${user}`, { subscribe: ['t'] });
    await cut(client);
  },
  // Its session goes on elsewhere, and is left there.
  async (url, user) => {
    const old = await RawClient.welcomed(url, user);
    const fresh = await RawClient.welcomed(url, user, { session: old.welcome.session });
    await old.closed;
    await fresh.close();
  },
  async (url) => {
    const refused = new RawClient(url);
    await refused.opened();
    refused.hello('expired');
    await refused.closed;
  },
];

async function cut(client: RawClient): Promise<void> {
  client.socket.terminate();
  await client.closed;
}

/** A server of our own, whose sockets are counted, and remembered as long as anybody else holds them. */
async function countedPort() {
  const http = createServer();
  const port = { http, sockets: 0, all: [] as WeakRef<object>[], [Symbol.asyncDispose]: async () => void http.close() };
  http.on('connection', (socket) => {
    port.sockets += 1;
    port.all.push(new WeakRef(socket));
    socket.once('close', () => (port.sockets -= 1));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return port;
}

describe('a thousand connections that are over', () => {
  it('leave no socket, no timer, no listener, no record of themselves, and after an hour none of their sessions', async () => {
    const clock = new FakeClock();
    await using port = await countedPort();
    const { http } = port;
    const handlers: WeakRef<object>[] = [];
    let wide = 0;
    const made = webSocketServer({ attachTo: http, limits: { unauthenticatedPerAddress: AT_ONCE } });
    await using server = await serve(
      ({ signal }) => {
        const handler: Handler = {
          methods: {
            echo: (data) => data,
            wide: () => {
              wide += 1;
              return 'x'.repeat(ANSWER);
            },
            untilGone: () => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
          },
        };
        handlers.push(new WeakRef(handler));
        return handler;
      },
      { app: { clock, server: made } },
    );
    await server.started;
    const url = made.url.replace('http', 'ws');
    // A log that takes its time, so that clients also go while the server looks where their streams stand.
    const log = server.app.get(EventLog);
    const info = log.info.bind(log);
    log.info = async (stream) => {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return info(stream);
    };
    const before = clock.pending;
    const listeners = listenersOf(http);
    const moves = (to: string): number =>
      server.recorded.moves('connection').filter((move) => move.endsWith(to)).length;
    const quiet = async (): Promise<void> => {
      while (port.sockets > 0 || moves(':closed') < moves(':accepted'))
        await new Promise((resolve) => setImmediate(resolve));
    };
    const round = async (n: number): Promise<void> => {
      const users = Array.from({ length: AT_ONCE }, (_, i) => `user ${n} ${i}`);
      await Promise.all(users.map((user, i) => endings[(n + i) % endings.length]?.(url, user)));
      await quiet();
    };
    for (let n = 0; n < ROUNDS; n += 1) await round(n);
    expect(moves(':closed')).toBeGreaterThanOrEqual(ROUNDS * AT_ONCE);
    expect(server.app.get(ConnectionPool)).toMatchObject({ size: 0, users: 0 });
    expect(clock.pending).toBe(before);
    expect(listenersOf(http)).toEqual(listeners);
    expect(await made.delivery()).toEqual({ appended: 0, acknowledged: 0, pending: 0, expired: 0 });
    server.sessions.length = 0;
    // A connection holds its socket, and its requests hold the handler: whoever held either would hold these.
    expect(port.all.length).toBeGreaterThanOrEqual(ROUNDS * AT_ONCE);
    expect(await alive(port.all)).toBe(0);
    expect(handlers.length).toBeGreaterThan((ROUNDS * AT_ONCE) / 2);
    expect(await alive(handlers)).toBe(0);
    // A session is kept for whoever comes back, with what it was answered; then it goes when somebody comes.
    const kept = await usedMemory();
    await clock.advance(HOUR_MS);
    await (await RawClient.welcomed(url, 'one more')).close();
    await quiet();
    expect(kept - (await usedMemory())).toBeGreaterThan(0.9 * wide * ANSWER);
  }, 60_000);
});

function listenersOf(http: NodeJS.EventEmitter): Record<string, number> {
  const all = [...http.eventNames().map((name) => ['http', name, http] as const), ...processEvents()];
  return Object.fromEntries(
    all.map(([whose, name, emitter]) => [`${whose} ${String(name)}`, emitter.listenerCount(name)]),
  );
}

const processEvents = () =>
  process.eventNames().map((name) => ['process', name, process as NodeJS.EventEmitter] as const);

describe('a hundred thousand requests', () => {
  const CONNECTIONS = 4;
  const REQUESTS = 100_000;
  /** So many of a connection are under way at once. */
  const IN_FLIGHT = 250;
  /** What the heap may grow by from the first half to the second. One answer that stays for each would be 20 MiB. */
  const MOST_BYTES = 2 ** 20;
  const LIMITS = { requestsPerSecond: 1e9, framesPerSecond: 1e9, bytesPerSecond: 1e12 };

  it('leave the heap as it was after the first half of them', async () => {
    let executed = 0;
    await using server = await serve(() => ({ methods: { count: () => (executed += 1) } }), {
      server: { limits: LIMITS },
    });
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => RawClient.welcomed(server.url)));
    /** Without the frames: a client that kept them would grow itself. */
    const ask = (client: RawClient, count: number): Promise<void> =>
      new Promise((resolve) => {
        let asked = 0;
        let answered = 0;
        const next = (): void => {
          asked += 1;
          client.request('count');
        };
        client.socket.removeAllListeners('message').on('message', (data: Buffer) => {
          if (!data.includes('"ok":true')) return;
          answered += 1;
          if (asked < count) next();
          else if (answered === count) resolve();
        });
        for (let i = 0; i < IN_FLIGHT; i += 1) next();
      });
    const heapAfter = async (count: number): Promise<number> => {
      await Promise.all(clients.map((client) => ask(client, count / CONNECTIONS)));
      return usedMemory();
    };
    const half = await heapAfter(REQUESTS / 2);
    const all = await heapAfter(REQUESTS / 2);
    expect(executed).toBe(REQUESTS);
    expect(all - half).toBeLessThan(MOST_BYTES);
    expect(clients.map(({ socket }) => socket.readyState)).toEqual(clients.map(() => WebSocket.OPEN));
    await Promise.all(clients.map((client) => client.close()));
  }, 60_000);
});
