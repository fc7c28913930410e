/** A client that does as it is told: the server's other side, with every header and byte in its own hands. */
import { connect, type Socket } from 'node:net';
import {
  type ByeFrame,
  type Clock,
  messageOf,
  parseServerFrame,
  type Random,
  type ResponseFrame,
  type ServerFrame,
  SUBPROTOCOL,
  type WelcomeFrame,
} from '@muster/contracts';
import { WebSocket } from 'ws';
import { Conversation } from './conversation.ts';
import { Deviation } from './deviation.ts';

/** How an upgrade is asked for. */
export interface UpgradeRequest {
  readonly url: string;
  /** @default the protocol's own, alone */
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PeerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlineMs: number;
}

/** What an upgrade was answered with where it was no 101. */
export interface Refusal {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** Frames beside the token that a `hello` can have. */
export interface HelloMore {
  readonly session?: string;
  readonly subscribe?: readonly string[];
  readonly cursors?: Readonly<Record<string, { readonly epoch: string; readonly offset: number }>>;
}

export class Peer extends Conversation<ServerFrame> {
  /** Answers pings, as a client does, until this is set. */
  isMute = false;
  readonly #random: Random;
  #raw: Socket | undefined;
  #opened: Promise<Refusal | undefined>;

  constructor({ url, protocols = [SUBPROTOCOL], headers = {} }: UpgradeRequest, options: PeerOptions) {
    let raw: Socket | undefined;
    const own = url.startsWith('ws:')
      ? {
          createConnection: (to: object) => {
            const { host, port } = to as { host: string; port: number };
            return (raw = connect({ host: host.replace(/^\[|\]$/g, ''), port }));
          },
        }
      : {};
    // `ws` hands on what it does not know itself to the request, and its types do not say so.
    const socket = new WebSocket(url, [...protocols], {
      headers,
      handshakeTimeout: options.deadlineMs,
      perMessageDeflate: false,
      ...(own as object),
    });
    const { clock, deadlineMs } = options;
    super(socket, { parse: parseServerFrame, ping: { type: 'ping' }, clock, deadlineMs });
    this.#raw = raw;
    socket.on('message', () => {
      const isAsked = this.frames.at(-1)?.type === 'ping' && !this.isMute;
      if (isAsked && socket.readyState === socket.OPEN) this.send({ type: 'pong' });
    });
    this.#random = options.random;
    this.#opened = new Promise((resolve, reject) => {
      socket.on('open', () => resolve(undefined));
      socket.on('error', (error) => reject(new Deviation('an upgrade that is answered', messageOf(error))));
      socket.on('unexpected-response', (request, { statusCode = 0, headers }) => {
        request.destroy();
        resolve({ status: statusCode, retryAfter: headers['retry-after'] });
      });
    });
    this.#opened.catch(() => {});
  }

  /** Resolves when it is open, or to what the upgrade was refused with. @throws Deviation when neither comes. */
  opened(): Promise<Refusal | undefined> {
    return this.#opened;
  }

  /** Past every encoder; nothing where the connection is encrypted. */
  get raw(): Socket | undefined {
    return this.#raw;
  }

  /** Says who it is; without a token where none is given. */
  hello(token: string | undefined, more: HelloMore = {}): void {
    const client = { id: 'conformance', name: 'muster conformance', version: '1' };
    const auth = token === undefined ? {} : { auth: { scheme: 'bearer', token } };
    this.send({ type: 'hello', client, ...auth, ...more });
  }

  /** @throws Deviation when something else comes. */
  async welcome(): Promise<WelcomeFrame> {
    const ends = (frame: ServerFrame): boolean => frame.type === 'welcome' || frame.type === 'bye';
    const frame = await this.until('welcome', () => this.frames.find(ends));
    if (frame.type !== 'welcome') throw this.deviation('welcome', `bye ${(frame as ByeFrame).code}`);
    return frame;
  }

  /** Sends a request; its id comes back. */
  request(method: string, data: unknown, id = this.#random.uuid()): string {
    this.send({ type: 'request', id, method, data });
    return id;
  }

  /** The nth response to a request, from 1 on. @throws Deviation */
  response(id: string, nth = 1): Promise<ResponseFrame> {
    const expected = `response ${nth} to request ${id}`;
    return this.until(expected, () => this.all('response').filter((frame) => frame.id === id)[nth - 1]);
  }

  /** An `error` frame and then a close with `code`, in this order. @throws Deviation */
  async refused(code: number, error?: string): Promise<void> {
    await this.closed(code);
    const [first] = this.all('error');
    this.assert(first !== undefined, `an error frame before close ${code}`, 'none');
    const got = first?.code ?? '';
    if (error !== undefined) this.assert(got === error, `an error frame with ${error}`, got);
    this.assert(this.all('bye').length === 1, `one bye before close ${code}`, `${this.all('bye').length} of them`);
  }
}
