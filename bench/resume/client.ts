/**
 * The clients of the resume bench: readers that go away and come back with session and cursor, and a writer in between.
 *
 * A resume counts only if exactly what was missed comes, in order.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';

interface Load {
  readonly threads: number;
  readonly before: number;
  readonly missed: number;
  readonly warmUp: number;
  readonly resumes: number;
}

interface Cursor {
  readonly epoch: string;
  readonly offset: number;
}

/** What this program reads of a frame. */
interface Frame {
  readonly type: string;
  readonly session: string;
  readonly ok: boolean;
  readonly epoch: string;
  readonly offset: number;
  readonly events: readonly object[];
}

/** A reader as it was when it went away. */
interface Reader {
  readonly thread: string;
  session?: string;
  cursor?: Cursor;
}

const [url, json] = process.argv.slice(2) as [string, string];
const { threads, before, missed, warmUp, resumes } = JSON.parse(json) as Load;

/** Opens a connection; `took` is told of every frame. */
function open(hello: object, took: (frame: Frame) => void): WebSocket {
  const socket = new WebSocket(url, 'muster.v1', { perMessageDeflate: false });
  const client = { id: 'c', name: 'bench', version: '1' };
  const auth = { scheme: 'bearer', token: 'ann' };
  socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', client, auth, ...hello })));
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString('utf8')) as Frame;
    if (frame.type === 'ping') socket.send('{"type":"pong"}');
    else took(frame);
  });
  return socket;
}

/** The one connection that never goes away. */
class Writer {
  readonly #socket: WebSocket;
  readonly #waiting: ((frame: Frame) => void)[] = [];

  constructor() {
    this.#socket = open({}, (frame) => this.#waiting.shift()?.(frame));
  }

  /** The next frame. */
  next(): Promise<Frame> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async append(thread: string, from: number, to: number): Promise<void> {
    const answer = this.next();
    const request = { type: 'request', id: randomUUID(), method: 'append', data: { thread, from, to } };
    this.#socket.send(JSON.stringify(request));
    const { type, ok } = await answer;
    if (type !== 'response' || !ok) throw new Error(`${type} instead of the response to an append`);
  }
}

/** Reads up to `top`, acknowledges and goes away; resolves to the milliseconds from the connection to the first event. */
async function read(reader: Reader, top: number): Promise<number> {
  const { thread, session, cursor } = reader;
  const began = performance.now();
  let firstMs = Number.NaN;
  let offset = cursor?.offset ?? 0;
  const hello = cursor === undefined ? { subscribe: [thread] } : { session, cursors: { [thread]: cursor } };
  let done!: () => void;
  const all = new Promise<void>((resolve) => (done = resolve));
  const socket = open(hello, (frame) => {
    if (frame.type === 'welcome') reader.session = frame.session;
    if (frame.type === 'welcome' && session !== undefined && frame.session !== session)
      throw new Error('a new session');
    if (frame.type !== 'events') return;
    if (frame.offset > offset + 1) throw new Error(`a gap before ${frame.offset}`);
    // A replay may begin below the cursor.
    const last = frame.offset + frame.events.length - 1;
    if (last <= offset) return;
    if (Number.isNaN(firstMs)) firstMs = performance.now() - began;
    offset = last;
    reader.cursor = { epoch: frame.epoch, offset };
    if (offset >= top) done();
  });
  await all;
  socket.send(JSON.stringify({ type: 'ack', stream: thread, ...reader.cursor }));
  socket.close(1_000);
  await once(socket, 'close');
  return firstMs;
}

const writer = new Writer();
if ((await writer.next()).type !== 'welcome') throw new Error('the writer is not welcome');
const readers: Reader[] = Array.from({ length: threads }, (_, i) => ({ thread: `thread-${i}` }));
let top = before;
for (const reader of readers) {
  await writer.append(reader.thread, 1, before);
  await read(reader, before);
}
const times: number[] = [];
for (let i = 0; i < warmUp + resumes; i += 1) {
  if (i % threads === 0) top += missed;
  const reader = readers[i % threads] as Reader;
  await writer.append(reader.thread, top - missed + 1, top);
  const firstMs = await read(reader, top);
  if (i >= warmUp) times.push(firstMs);
}
process.send?.(times, () => process.exit(0));
