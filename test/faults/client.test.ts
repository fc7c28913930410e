/** The client over real sockets through a network that cuts, resets, falls silent, stalls and crawls, from seeds. */
import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from '@muster/client';
import { WebSocket, WebSocketServer } from 'ws';
import { events, FakeServer, FakeSocket } from '../../packages/client/test/fake-server.ts';
import { faultsFrom } from './fault.ts';
import { FaultyProxy } from './proxy.ts';

const EVENTS = 300;
const OPTIONS = {
  handshakeBytes: 900,
  mostBytes: 6_000,
  bytesPerSecond: [100_000, 500_000],
  mostStallMs: 60,
  connections: 6,
} as const;
/** The server pings twice as often as it promises. */
const HEARTBEAT_MS = 40;

/** The fake server behind real sockets; it pings, and closes what the network has closed. */
async function listen() {
  const model = new FakeServer();
  model.heartbeatMs = HEARTBEAT_MS;
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    const end = new FakeSocket(model, '', '');
    model.sockets.push(end);
    end.onmessage = (message) => socket.send((message as { data: string }).data);
    const pings = setInterval(() => end.say({ type: 'ping', positions: {} }), HEARTBEAT_MS / 2);
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => model.handle(end, JSON.parse(data.toString('utf8'))));
    socket.on('close', () => {
      clearInterval(pings);
      end.isClosed = true;
    });
  });
  return {
    model,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a client behind a bad network', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))(
    'of seed %d sees each event once and in order, and has an answer to each request',
    async (seed) => {
      await using server = await listen();
      await using proxy = await FaultyProxy.listen({ port: server.port, faults: faultsFrom(seed, OPTIONS) });
      const log = server.model.log('t');
      const more = (): void => server.model.append('t', ...events('r', log.events.length + 1, log.events.length + 10));
      const seen: string[] = [];
      let complete!: () => void;
      const all = new Promise<void>((resolve) => {
        complete = resolve;
      });
      server.model.execute = ({ method }) => method;
      more();
      const client = await connect({
        url: `ws://127.0.0.1:${proxy.port}/ws`,
        token: 'secret',
        WebSocket: WebSocket as never,
        subscribe: ['t'],
        backoffMs: 2,
        maxBackoffMs: 20,
        handshakeMs: 100,
        onEvent: ({ id }) => {
          seen.push(id);
          if (seen.length === EVENTS) complete();
          else if (seen.length === log.events.length) more();
        },
      });
      const answers = Array.from({ length: 20 }, (_, i) => client.request(`method-${i}`, { text: 'x'.repeat(i * 20) }));
      expect(await Promise.all(answers)).toEqual(answers.map((_, i) => `method-${i}`));
      await all;
      await client.close();
      expect(seen).toEqual(log.events.map(({ id }) => id));
      expect(server.model.executed.size).toBe(20);
      await (
        await proxy.connection(0)
      ).struck;
    },
  );
});
