/**
 * Raw `ws`, with what its README says about broken connections: pings of the server, and a timeout for them at the client.
 * Reconnecting is a loop, because `ws` has none.
 */
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { BACKOFF_MS, DEAD_MS, HANDSHAKE_MS, HEARTBEAT_MS, MAX_BACKOFF_MS, type Numbered, trial } from './trial.ts';

const sockets = new Map<string, WebSocket>();
const joined = new Map<string, () => void>();

async function listen(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    let isAlive = true;
    // By the README a pong has until the next ping. Half of this would cut connections that are only slow.
    const pings = setInterval(() => {
      if (!isAlive) return socket.terminate();
      isAlive = false;
      socket.ping();
    }, DEAD_MS);
    socket.on('pong', () => (isAlive = true));
    socket.on('error', () => {});
    socket.on('close', () => clearInterval(pings));
    socket.on('message', (data: Buffer) => {
      const client = data.toString('utf8');
      sockets.set(client, socket);
      joined.get(client)?.();
    });
  });
  return (server.address() as { port: number }).port;
}

function keepConnected(client: string, port: number, received: (n: number) => void, attempt = 0): void {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { handshakeTimeout: HANDSHAKE_MS });
  let attempts = attempt;
  let dead: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(dead);
    dead = setTimeout(() => socket.terminate(), HEARTBEAT_MS + DEAD_MS);
  };
  socket.on('open', () => {
    attempts = 0;
    heard();
    socket.send(client);
  });
  socket.on('ping', heard);
  socket.on('message', (data: Buffer) => received((JSON.parse(data.toString('utf8')) as Numbered).n));
  socket.on('error', () => {});
  socket.on('close', () => {
    clearTimeout(dead);
    const delayMs = Math.random() * Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** attempts);
    setTimeout(() => keepConnected(client, port, received, attempts + 1), delayMs);
  });
}

await trial({
  listen,
  join: (client, port, received) => {
    const first = new Promise<void>((resolve) => joined.set(client, resolve));
    keepConnected(client, port, received);
    return first;
  },
  emit: (client, event) => {
    const socket = sockets.get(client);
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
  },
});
