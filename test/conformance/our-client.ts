/** The driver of our client: what `muster conformance client` needs to try it. Bad clients are made of it by a mutant. */
import { createInterface } from 'node:readline';
import { Client } from '@muster/client';
import { WebSocket } from 'ws';
import { mangled } from './client-mutants.ts';

const { MUSTER_URL = '', MUSTER_TOKEN = '', MUSTER_THREAD = '', MUSTER_METHOD, MUSTER_HOLD } = process.env;
const releases = createInterface(process.stdin)[Symbol.asyncIterator]();
const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const [, , mutant] = process.argv;

const client = new Client({
  url: MUSTER_URL,
  token: MUSTER_TOKEN,
  subscribe: [MUSTER_THREAD],
  onEvent: ({ id }) => {
    print({ id });
    return MUSTER_HOLD === undefined ? undefined : releases.next();
  },
  backoffMs: 100,
  ...(mutant === undefined ? { WebSocket: WebSocket as never } : mangled(mutant, MUSTER_TOKEN)),
});
void client.closed.then(({ code }) => print({ closed: code }));
client.open().catch(() => {});
if (MUSTER_METHOD !== undefined)
  void client
    .request(MUSTER_METHOD, { text: 'conformance', thread: MUSTER_THREAD })
    .then((answer) => print({ answer }));
