/** A real app on a real port, and a WebSocket that knows nothing but frames. */
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import {
  type AppOptions,
  type Class,
  createApp,
  type Health,
  healthy,
  provide,
  service,
  type Service,
} from '@muster/core';
import { type RecordedEvents, recordEvents } from '@muster/core/testing';
import type { ServerFrame } from '@muster/contracts';
import {
  Authenticator,
  ConnectionPool,
  type Credentials,
  type Handler,
  type MusterServer,
  type Identity,
  serverError,
  type Session,
  webSocketFactory,
  webSocketServer,
  type WebSocketServerOptions,
} from '@muster/server';
import { WebSocket } from 'ws';

/** Accepts `token:<user>`, and `token:<user>|<end in milliseconds since 1970>`. */
@service()
export class TestAuthenticator implements Authenticator {
  authenticate({ token }: Credentials): Identity {
    if (token === 'expired') throw serverError('TOKEN_EXPIRED', {});
    if (token === 'banned') throw serverError('FORBIDDEN', { reason: 'no seat' });
    if (token === 'broken') throw new Error('the key store is gone: secret-path/key');
    if (token === 'odd') throw serverError('SESSION_EXPIRED', {});
    if (!token.startsWith('token:')) throw serverError('TOKEN_INVALID', { reason: 'it was not issued here' });
    const [user = '', endsAt] = token.slice(6).split('|');
    return { user, expiresAt: endsAt === undefined ? undefined : Number(endsAt) };
  }
}

/** A service that comes up when the test says so. */
export function slowService() {
  let up!: () => void;
  const started = new Promise<void>((resolve) => {
    up = resolve;
  });
  @service()
  class Slow implements Service {
    start(): Promise<void> {
      return started;
    }
  }
  return { Slow, up };
}

/** A service that says of its health what the test told it. */
export function reportingService() {
  let verdict: Health = healthy;
  @service()
  class Database implements Service {
    check(): Health {
      return verdict;
    }
  }
  const report = (next: Health): void => {
    verdict = next;
  };
  return { Database, report };
}

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly server: MusterServer;
  readonly app: ReturnType<typeof createApp>;
  readonly recorded: RecordedEvents;
  readonly sessions: Session[];
  readonly journal: string[];
  readonly started: Promise<unknown>;
}

/** Starts an app with one factory at /ws whose handler the test gives. */
export async function serve(
  handler: (session: Session, journal: string[]) => Handler,
  options: { services?: readonly Class[]; server?: WebSocketServerOptions; app?: AppOptions } = {},
): Promise<TestServer> {
  const sessions: Session[] = [];
  const journal: string[] = [];
  @webSocketFactory({ path: '/ws' })
  class TestFactory {
    constructor() {
      journal.push('factory made');
    }
    open(session: Session): Handler {
      sessions.push(session);
      return handler(session, journal);
    }
  }
  const server = webSocketServer({ port: 0, ...options.server });
  const app = createApp({
    services: [TestFactory, ConnectionPool, provide(Authenticator, TestAuthenticator), ...(options.services ?? [])],
    server,
    ...options.app,
  });
  const recorded = recordEvents(app);
  const listening = new Promise<void>((resolve) => {
    app.events.on((event) => {
      if (event.type === 'listening') resolve();
    });
  });
  const started = app.start();
  started.catch(() => {});
  await Promise.race([listening, started]);
  return {
    url: server.url.replace('http', 'ws'),
    server,
    app,
    recorded,
    sessions,
    journal,
    started,
    [Symbol.asyncDispose]: async () => {
      await app.stop();
    },
  };
}

export interface RawOptions {
  readonly path?: string;
  readonly protocol?: string | string[];
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A raw client: every frame it got, and ways to wait for the next of a kind. */
export class RawClient {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #seen = 0;
  #arrived: (() => void)[] = [];

  constructor(url: string, options: RawOptions = {}) {
    const { path = '/ws', protocol = 'muster.v1', origin, headers = {} } = options;
    this.socket = new WebSocket(`${url}${path}`, protocol, {
      headers: { ...headers, ...(origin === undefined ? {} : { origin }) },
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString('utf8')) as ServerFrame);
      for (const wake of this.#arrived.splice(0)) wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        for (const wake of this.#arrived.splice(0)) wake();
      });
    });
  }

  /** Connected, greeted and welcomed; `more` goes into its hello. */
  static async welcomed(url: string, user = 'ann', more: object = {}): Promise<RawClient> {
    const client = new RawClient(url);
    await client.opened();
    client.hello(`token:${user}`, more);
    await client.next('welcome');
    return client;
  }

  /** What its upgrade was refused with; 101 where it was not. */
  refused(): Promise<{ status: number; retryAfter: string | undefined }> {
    return new Promise((resolve) => {
      this.socket.on('open', () => resolve({ status: 101, retryAfter: undefined }));
      this.socket.on('unexpected-response', (request, { statusCode = 0, headers }) => {
        request.destroy();
        resolve({ status: statusCode, retryAfter: headers['retry-after'] });
      });
    });
  }

  get welcome(): Extract<ServerFrame, { type: 'welcome' }> {
    return this.frames.find((frame) => frame.type === 'welcome') as Extract<ServerFrame, { type: 'welcome' }>;
  }

  async opened(): Promise<void> {
    await once(this.socket, 'open');
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  hello(token?: string, more: object = {}): void {
    const auth = token === undefined ? {} : { auth: { scheme: 'bearer', token } };
    this.send({ type: 'hello', client: { id: 'c', name: 'test', version: '1' }, ...auth, ...more });
  }

  request(method: string, data?: unknown, id: string = randomUUID()): string {
    this.send({ type: 'request', id, method, data });
    return id;
  }

  /** The next frame of this type that was not taken yet; rejects when the socket closes first. */
  next<T extends ServerFrame['type']>(type: T): Promise<Extract<ServerFrame, { type: T }>> {
    return this.#next(type, (frame) => frame.type === type) as Promise<Extract<ServerFrame, { type: T }>>;
  }

  /** The next frame of any type but a pong that was not taken yet. */
  frame(): Promise<ServerFrame> {
    return this.#next('next', ({ type }) => type !== 'pong');
  }

  async #next(what: string, isWanted: (frame: ServerFrame) => boolean): Promise<ServerFrame> {
    for (;;) {
      while (this.#seen < this.frames.length) {
        const frame = this.frames[this.#seen] as ServerFrame;
        this.#seen += 1;
        if (isWanted(frame)) return frame;
      }
      if (this.socket.readyState === WebSocket.CLOSED)
        throw new Error(`closed before a ${what} frame; got ${JSON.stringify(this.frames)}`);
      await this.arrival();
    }
  }

  /** Frames of this type that have come so far, taken or not. */
  all<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame) => frame.type === type) as Extract<ServerFrame, { type: T }>[];
  }

  /** Sends a ping and waits for its answer; leaves every frame to be taken by `next`. */
  async roundTrip(): Promise<void> {
    const pongs = (): number => this.frames.filter(({ type }) => type === 'pong').length;
    const before = pongs();
    if (this.socket.readyState === WebSocket.OPEN) this.send({ type: 'ping' });
    while (pongs() === before && this.socket.readyState !== WebSocket.CLOSED) await this.arrival();
  }

  /** With which code it was closed by what was said so far; `open` while a ping is answered. */
  async fate(): Promise<number | 'open'> {
    await this.roundTrip();
    return this.socket.readyState === WebSocket.CLOSED ? (await this.closed).code : 'open';
  }

  /** Resolves when something has come, or the socket has closed. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrived.push(resolve));
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
