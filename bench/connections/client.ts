/**
 * The clients of the benches of connections, all in one process: they say `hello`, wait for `welcome`, and go or stay.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Task } from './protocol.ts';

/** So many users there are; a user has few sessions at a time. */
const USERS = 1_000;
/** Loopback addresses of the clients: one has too few ports for everybody. Elsewhere than on Linux there is only one. */
const ADDRESSES = process.platform === 'linux' ? ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'] : ['127.0.0.1'];

const [url] = process.argv.slice(2) as [string];
const held: WebSocket[] = [];
let opened = 0;

process.on('message', (task: Task) => {
  void perform(task).then(() => process.send?.('done'));
});
process.send?.('here');

async function perform({ handshakes = 0, hold = 0, concurrency }: Task): Promise<void> {
  let left = handshakes + hold;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const socket = await welcome();
      if (hold > 0) {
        held.push(socket);
        continue;
      }
      socket.close(1_000);
      await once(socket, 'close');
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** A connection that is welcome; it answers pings from then on. */
async function welcome(): Promise<WebSocket> {
  opened += 1;
  const n = opened;
  const localAddress = ADDRESSES[n % ADDRESSES.length] as string;
  const socket = new WebSocket(url, 'muster.v1', { localAddress, perMessageDeflate: false });
  await once(socket, 'open');
  const client = { id: `c${n}`, name: 'bench', version: '1' };
  const auth = { scheme: 'bearer', token: `user ${n % USERS}` };
  socket.send(JSON.stringify({ type: 'hello', client, auth }));
  const [first] = (await once(socket, 'message')) as [Buffer];
  const text = first.toString('utf8');
  const { type } = JSON.parse(text) as { type: string };
  if (type !== 'welcome') throw new Error(`instead of welcome came ${text}`);
  socket.on('message', (data: Buffer) => {
    if (data.includes('"type":"ping"')) socket.send('{"type":"pong"}');
  });
  return socket;
}
