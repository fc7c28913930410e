/**
 * The clients of the events bench, all in one process: they parse what comes, check that nothing is missing, and, where
 * the server is Muster, acknowledge as the protocol asks for.
 */
import { WebSocket } from 'ws';
import { type Contender, EVENTS_PER_RUN, preciseNow } from './protocol.ts';

interface Event {
  readonly run: string;
  readonly n: number;
  readonly event: string;
  readonly data: Readonly<Record<string, string>>;
}

const ACK_EVERY = 32;
const ACK_MS = 250;

const [contender, url, connections, warmUp, total] = process.argv.slice(2) as [
  Contender,
  string,
  string,
  string,
  string,
];
const latencies = new Float64Array(Number(total));
/** Below 0 while what comes is not measured. */
let received = -Number(warmUp);

class Client {
  readonly #socket: WebSocket;
  readonly #numbers = new Map<string, number>();
  #unacknowledged = 0;
  #position: { stream: string; epoch: string; offset: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(id: number) {
    this.#socket = new WebSocket(url, contender === 'raw' ? [] : 'muster.v1');
    this.#socket.on('open', () => {
      if (contender !== 'raw') this.#hello(id);
    });
    this.#socket.on('message', (data: Buffer) => this.#take(JSON.parse(data.toString('utf8'))));
    this.#socket.on('close', (code) => {
      throw new Error(`closed with ${code}`);
    });
  }

  #hello(id: number): void {
    const client = { id: `c${id}`, name: 'bench', version: '1' };
    this.#socket.send(JSON.stringify({ type: 'hello', client, auth: { scheme: 'bearer', token: `user ${id}` } }));
  }

  #take(frame: Event | { type: string; stream: string; epoch: string; offset: number; events: Event[] }): void {
    if (!('type' in frame)) return this.#happened(frame);
    if (frame.type === 'ping') this.#socket.send('{"type":"pong"}');
    if (frame.type !== 'events') return;
    const { stream, epoch, offset, events } = frame;
    const position = { stream, epoch, offset: offset + events.length - 1 };
    if (offset !== (this.#position?.offset ?? 0) + 1) throw new Error(`a gap at ${offset}`);
    this.#position = position;
    for (const event of events) this.#happened(event);
    this.#unacknowledged += events.length;
    if (this.#unacknowledged >= ACK_EVERY || events.at(-1)?.event === 'agent_completed') this.#acknowledge();
    else this.#timer ??= setTimeout(() => this.#acknowledge(), ACK_MS);
  }

  #acknowledge(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unacknowledged = 0;
    this.#socket.send(JSON.stringify({ type: 'ack', ...this.#position }));
  }

  #happened({ run, n, data }: Event): void {
    const before = this.#numbers.get(run) ?? 0;
    if (n !== before + 1) throw new Error(`${run}: ${n} after ${before}`);
    if (n === EVENTS_PER_RUN) this.#numbers.delete(run);
    else this.#numbers.set(run, n);
    received += 1;
    if (received <= 0) {
      if (received === 0) process.send?.('warm');
      return;
    }
    const text = data['reasoning'] ?? data['message'] ?? data['finalResponse'] ?? '';
    latencies[received - 1] = preciseNow() - Number(text.slice(0, text.indexOf(' ')));
    if (received === latencies.length) done();
  }
}

function done(): void {
  latencies.sort();
  const at = (part: number): number => latencies[Math.floor((latencies.length - 1) * part)] as number;
  process.send?.({ p50Ms: at(0.5), p99Ms: at(0.99) });
  received = 0;
}

Array.from({ length: Number(connections) }, (_, i) => new Client(i));
