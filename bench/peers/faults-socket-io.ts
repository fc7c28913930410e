/**
 * Socket.IO, in the three ways by which its documentation says that events survive a lost connection:
 *
 * `recovery`: connection state recovery with its default times; what the server has sent meanwhile comes with the recovery.
 * `offsets`: as the tutorial ends; the server keeps all events, and one that could not recover is sent what is above the offset
 * that its client has shown.
 * `retries`: acknowledgements with `retries` and `ackTimeout` as documented. Only clients have these options, so here the clients
 * send the events and the server receives them.
 *
 * `pingInterval`, `pingTimeout`, `timeout`, `connectTimeout` and the delays are shorter than the defaults, as they are for all.
 * Only WebSockets are used, so that a connection of the schedule is the same thing for everybody.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { io as connectTo, type Socket } from 'socket.io-client';
import {
  BACKOFF_MS,
  DEAD_MS,
  HANDSHAKE_MS,
  HEARTBEAT_MS,
  MAX_BACKOFF_MS,
  type Numbered,
  trial,
} from '../faults-compared/trial.ts';

const variant = process.argv[3] as 'recovery' | 'offsets' | 'retries';
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  pingInterval: HEARTBEAT_MS,
  pingTimeout: DEAD_MS,
  connectTimeout: HANDSHAKE_MS,
  ...(variant === 'retries'
    ? {}
    : { connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true } }),
});
const kept = new Map<string, Numbered[]>();
const clients = new Map<string, Socket>();
const receivers = new Map<string, (n: number) => void>();

io.on('connection', (socket) => {
  const { client, serverOffset } = socket.handshake.auth as { client: string; serverOffset: number };
  void socket.join(client);
  socket.on('event', ({ n }: Numbered, done: () => void) => {
    receivers.get(client)?.(n);
    done();
  });
  if (variant !== 'offsets' || socket.recovered) return;
  for (const event of kept.get(client) ?? []) if (event.n > serverOffset) socket.emit('event', event);
});

await trial({
  listen: async () => {
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return (http.address() as { port: number }).port;
  },
  join: (client, port, received) => {
    receivers.set(client, received);
    const socket = connectTo(`http://127.0.0.1:${port}`, {
      transports: ['websocket'],
      timeout: HANDSHAKE_MS,
      reconnectionDelay: BACKOFF_MS,
      reconnectionDelayMax: MAX_BACKOFF_MS,
      auth: { client, serverOffset: 0 },
      ...(variant === 'retries' ? { retries: 3, ackTimeout: 10_000 } : {}),
    });
    clients.set(client, socket);
    socket.on('event', ({ n }: Numbered) => {
      (socket.auth as { serverOffset: number }).serverOffset = n;
      received(n);
    });
    return new Promise((resolve) => socket.once('connect', () => resolve()));
  },
  emit: (client, event) => {
    if (variant === 'retries') {
      clients.get(client)?.emit('event', event);
      return;
    }
    if (variant === 'offsets') kept.set(client, [...(kept.get(client) ?? []), event]);
    io.to(client).emit('event', event);
  },
});
