/**
 * The server of the benches of connections, in a process of its own: raw `ws`, or Muster with gate, authenticator and session.
 *
 * Raw `ws` reads a `hello` and answers with a `welcome` of about the same size, without a look at what is in it.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp, provide } from '@muster/core';
import { Authenticator, ConnectionPool, webSocketFactory, webSocketServer } from '@muster/server';
import { WebSocketServer } from 'ws';
import { Anyone, CROWD } from '../anyone.ts';
import type { Contender, Question, Usage } from './protocol.ts';

/** A server that listens. */
interface Listening {
  readonly url: string;
  /** How many connections it has. */
  readonly size: () => number;
}

const [contender] = process.argv.slice(2) as [Contender];
const { url, size } = contender === 'raw' ? await raw() : await muster();
process.on('message', ({ connections }: Question) => void answer(connections));
process.send?.({ url });

async function answer(connections: number): Promise<void> {
  while (size() !== connections) await sleep(2);
  await collect();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ cpuUs: user + system, rssBytes: rss, heapBytes: heapUsed } satisfies Usage);
}

/** More than once: what one collection frees lets the next one give pages back. */
async function collect(): Promise<void> {
  for (let i = 0; i < 5 && globalThis.gc !== undefined; i += 1) {
    globalThis.gc();
    await sleep(50);
  }
}

async function raw(): Promise<Listening> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.once('message', (data: Buffer) => {
      const { auth } = JSON.parse(data.toString('utf8')) as { auth: { token: string } };
      const welcome = { type: 'welcome', connection: randomUUID(), session: randomUUID(), user: auth.token };
      socket.send(JSON.stringify({ ...welcome, heartbeatMs: 15_000, durability: 'memory', streams: {} }));
    });
  });
  const { port } = server.address() as { port: number };
  return { url: `ws://127.0.0.1:${port}/ws`, size: () => server.clients.size };
}

async function muster(): Promise<Listening> {
  @webSocketFactory({ path: '/ws' })
  class Front {
    open() {
      return { methods: {} };
    }
  }

  const server = webSocketServer({ port: 0, limits: CROWD });
  const app = createApp({ services: [Front, ConnectionPool, provide(Authenticator, Anyone)], server });
  await app.start();
  const pool = app.get(ConnectionPool);
  return { url: `${server.url.replace('http', 'ws')}/ws`, size: () => pool.size };
}
