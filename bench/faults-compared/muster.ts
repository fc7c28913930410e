/**
 * Muster: events go into the log, clients follow their stream from their cursor.
 */
import type { AgentEvent } from '@muster/contracts';
import { connect } from '@muster/client';
import { createApp, EventLog, principalOf, provide, streamOf } from '@muster/core';
import { Authenticator, ConnectionPool, webSocketFactory, webSocketServer } from '@muster/server';
import { WebSocket } from 'ws';
import { Anyone } from '../anyone.ts';
import { BACKOFF_MS, HANDSHAKE_MS, HEARTBEAT_MS, MAX_BACKOFF_MS, trial } from './trial.ts';

const STREAM = 'events';

@webSocketFactory({ path: '/ws' })
class Front {
  open() {
    return { methods: {} };
  }
}

const limits = { heartbeatMs: HEARTBEAT_MS, handshakeMs: HANDSHAKE_MS };
const server = webSocketServer({ port: 0, limits });
const app = createApp({ services: [Front, ConnectionPool, provide(Authenticator, Anyone)], server });

await trial({
  listen: async () => {
    await app.start();
    return Number(new URL(server.url).port);
  },
  join: async (client, port, received) => {
    await connect({
      url: `ws://127.0.0.1:${port}/ws`,
      token: client,
      WebSocket: WebSocket as never,
      subscribe: [STREAM],
      backoffMs: BACKOFF_MS,
      maxBackoffMs: MAX_BACKOFF_MS,
      handshakeMs: HANDSHAKE_MS,
      onEvent: ({ n }) => received(n),
    });
  },
  emit: (client, { n, text }) => {
    const event: AgentEvent = {
      id: `r:${n}`,
      event: 'agent_output',
      run: 'r',
      n,
      agent: 'bench',
      at: Date.now(),
      data: { delta: text },
    };
    void app.get(EventLog).append(streamOf(principalOf(client), STREAM), [event]);
  },
});
