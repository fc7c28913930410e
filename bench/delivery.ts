/**
 * What it costs to get an event from its append to a client: the limit is raw `ws` with one JSON text per event, and no log.
 */
import { once } from 'node:events';
import { type AgentEvent } from '@muster/contracts';
import { createApp, EventLog, provide, service, streamOf } from '@muster/core';
import { Authenticator, ConnectionPool, type Session, webSocketFactory, webSocketServer } from '@muster/server';
import { WebSocket, WebSocketServer } from 'ws';
import { compare } from './measure.ts';

const EVENTS = 20_000;
const BATCH = 16;

const event = (n: number): AgentEvent => ({
  id: `r:${n}`,
  event: 'agent_output',
  run: 'r',
  n,
  agent: 'a',
  at: 0,
  data: { delta: 'a few words of an answer ' },
});

@service()
class Anyone implements Authenticator {
  authenticate() {
    return { user: 'ann' };
  }
}

/** Floods one client with events in batches; each contender ends when the client has parsed the last one. */
export async function run(): Promise<object> {
  let session: Session | undefined;
  @webSocketFactory({ path: '/ws' })
  class Front {
    open(opened: Session) {
      session = opened;
      return { methods: {} };
    }
  }
  const server = webSocketServer({ port: 0 });
  await using app = createApp({ services: [Front, ConnectionPool, provide(Authenticator, Anyone)], server });
  await app.start();
  const log = app.get(EventLog);
  const muster = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, 'muster.v1');
  await once(muster, 'open');
  muster.send(
    JSON.stringify({
      type: 'hello',
      client: { id: 'b', name: 'bench', version: '1' },
      auth: { scheme: 'bearer', token: 'x' },
    }),
  );
  await once(muster, 'message');

  const plain = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(plain, 'listening');
  const raw = new WebSocket(`ws://127.0.0.1:${(plain.address() as { port: number }).port}`);
  const [rawServerSide] = (await once(plain, 'connection')) as [WebSocket];

  let thread = 0;
  const results = await compare(
    [
      {
        name: 'raw ws, one JSON text per event',
        prepare: () => async () => {
          const done = received(raw, () => 1);
          for (let n = 1; n <= EVENTS; n += BATCH) {
            for (let i = 0; i < BATCH; i += 1) rawServerSide.send(JSON.stringify(event(n + i)));
            await Promise.resolve();
          }
          await done;
        },
      },
      {
        name: 'muster, append in memory, then show',
        prepare: async () => {
          thread += 1;
          const opened = session as Session;
          await opened.follow(`t${thread}`);
          const stream = streamOf(opened.principal, `t${thread}`);
          return async () => {
            const done = received(muster, (frame) => (frame.type === 'events' ? (frame.events?.length ?? 0) : 0));
            for (let n = 1; n <= EVENTS; n += BATCH)
              await log.append(
                stream,
                Array.from({ length: BATCH }, (_, i) => event(n + i)),
              );
            await done;
          };
        },
      },
    ],
    7,
  );
  muster.close();
  raw.close();
  plain.close();
  return {
    bench: 'delivery',
    events: EVENTS,
    batch: BATCH,
    results: results.map(({ name, medianMs, ratio }) => ({
      name,
      ratioToRawWs: Math.round(ratio * 100) / 100,
      microsecondsPerEvent: Math.round((medianMs * 100_000) / EVENTS) / 100,
    })),
  };
}

/** Resolves when the client has got all events. */
function received(socket: WebSocket, count: (frame: { type?: string; events?: unknown[] }) => number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    const listen = (data: Buffer): void => {
      seen += count(JSON.parse(data.toString('utf8')) as { type?: string; events?: unknown[] });
      if (seen < EVENTS) return;
      socket.off('message', listen);
      resolve();
    };
    socket.on('message', listen);
  });
}
