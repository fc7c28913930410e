/**
 * The server at the gate: one port for WebSockets, probes and pages.
 *
 * It binds when the gate first opens, so a platform's TCP probe tells the truth; with `listen: 'at-once'` early clients are held.
 */
import { CORE_ERRORS, type AppServer, EventLog, type ServerHost } from '@muster/core';
import { errorsFrom, messageOf, SUBPROTOCOL } from '@muster/contracts';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Authenticator } from './authenticator.ts';
import { Connection } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import { serverError } from './errors.ts';
import { type HandshakeSurroundings, shakeHands } from './handshake.ts';
import { answerHttp, type HttpSurroundings, offerHttp } from './http-front.ts';
import { LIMIT_DEFAULTS, type Limits } from './limits.ts';
import type { FrontTag, HttpHandler, WebSocketFactory } from './web-socket-factory.ts';

export interface WebSocketServerOptions {
  /**
   * A server of somebody else's: of Express, Fastify, Nest or plain `node:http`. Its upgrades to our paths are taken, and
   * nothing else: it is neither bound nor closed, and its requests are its own. Give those that may be ours to `handle()`.
   */
  readonly attachTo?: Server;
  /** 0 takes any free port. @default 3000 */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** When the port is bound. @default 'when-open' */
  readonly listen?: 'when-open' | 'at-once';
  /** Origins beside the server's own that browsers may connect from. @default [] */
  readonly origins?: readonly string[];
  readonly limits?: Partial<Limits>;
}

/** How long a peer may take to answer a close before it is cut off, in milliseconds. */
const CLOSING_MS = 500;
/** What a handshake may take beyond the time that a client is held, in milliseconds. */
const HANDSHAKE_BEYOND_HOLD_MS = 10_000;
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const coreError = errorsFrom(CORE_ERRORS);

/** Makes the `server` of `createApp`. */
export function webSocketServer(options: WebSocketServerOptions = {}): MusterServer {
  return new MusterServer(options);
}

export class MusterServer implements AppServer {
  readonly name = 'WebSocketServer';
  readonly dependsOn = [Authenticator, ConnectionPool, EventLog];
  readonly listensAtOnce: boolean;
  readonly #port: number;
  readonly #hostName: string;
  readonly #origins: ReadonlySet<string>;
  readonly #given: Partial<Limits>;
  #limits: Limits;
  readonly #http: Server;
  readonly #isOwn: boolean;
  readonly #sockets: WebSocketServer;
  readonly #tcp = new Set<Socket>();
  readonly #connections = new Set<Connection>();
  #surroundings: Omit<HandshakeSurroundings, 'factory'> | undefined;
  #front: HttpSurroundings | undefined;
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
    this.#upgrade(request, socket, head);
  #host: ServerHost | undefined;
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(options: WebSocketServerOptions) {
    const { attachTo } = options;
    const clash = (['port', 'host', 'listen'] as const).find((option) => options[option] !== undefined);
    if (attachTo !== undefined && clash !== undefined) {
      const got = String(options[clash]);
      throw coreError('OPTION_INVALID', { option: clash, expected: 'absent, where attachTo is given', got });
    }
    this.#isOwn = attachTo === undefined;
    this.#port = options.port ?? 3000;
    this.#hostName = options.host ?? '127.0.0.1';
    // A server of somebody else's may listen already: who comes early is held.
    this.listensAtOnce = !this.#isOwn || options.listen === 'at-once';
    this.#origins = new Set(options.origins);
    this.#given = options.limits ?? {};
    this.#limits = { ...LIMIT_DEFAULTS, ...this.#given };
    this.#http = attachTo ?? createServer();
    if (this.#isOwn) {
      this.#http.on('connection', (socket) => {
        this.#tcp.add(socket);
        socket.on('close', () => this.#tcp.delete(socket));
      });
    }
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: this.#limits.messageBytes * 4,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  /** Where it listens, as a URL. */
  get url(): string {
    const address = this.#http.address() as AddressInfo | null;
    const name = this.#isOwn ? this.#hostName : (address?.address ?? this.#hostName);
    const host = name.includes(':') ? `[${name}]` : name;
    return `http://${host}:${address?.port ?? this.#port}`;
  }

  attach(host: ServerHost): void {
    this.#host = host;
    const { handshakeMs = host.gate.holdMs + HANDSHAKE_BEYOND_HOLD_MS } = this.#given;
    this.#limits = { ...LIMIT_DEFAULTS, ...this.#given, handshakeMs };
    this.#surroundings = {
      clock: host.clock,
      random: host.random,
      events: host.events,
      limits: this.#limits,
      gate: host.gate,
      authenticatorGate: host.gateOver('authenticator', Authenticator),
      authenticator: () => host.get(Authenticator),
      log: () => host.get(EventLog),
      pool: () => host.get(ConnectionPool),
    };
    this.#front = {
      host,
      events: host.events,
      isLoopback: () => LOOPBACK.has(this.#boundTo()),
      authenticator: () => host.get(Authenticator),
      handlers: () => this.#resolved<HttpHandler>((tag) => tag.front === 'http'),
    };
    const front = this.#front;
    if (this.#isOwn) this.#http.on('request', (request, response) => void answerHttp(request, response, front));
    this.#http.on('upgrade', this.#onUpgrade);
  }

  /**
   * For a server of somebody else's: answers a request that is ours, a probe, the dump or one for an `@httpHandler`.
   *
   * @returns false when it is none of ours: let the next one answer.
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    return this.#front !== undefined && offerHttp(request, response, this.#front);
  }

  opening(): void {
    const byPath = new Map<string, string>();
    for (const { name, tag } of this.#declared()) {
      if (tag.front !== 'web-socket') continue;
      const other = byPath.get(tag.path);
      if (other !== undefined) throw serverError('PATH_TAKEN', { path: tag.path, factories: [other, name].sort() });
      byPath.set(tag.path, name);
    }
  }

  listen(): Promise<string> {
    if (!this.#isOwn) return Promise.resolve(this.#http.listening ? this.url : 'a server of somebody else');
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        reject(
          coreError('LISTEN_FAILED', { address: `${this.#hostName}:${this.#port}`, reason: messageOf(error) }, error),
        );
      };
      this.#http.once('error', failed);
      this.#http.listen(this.#port, this.#hostName, () => {
        this.#http.off('error', failed);
        resolve(this.url);
      });
    });
  }

  async drain(withinMs: number, quiet: Promise<void>): Promise<void> {
    this.#draining = true;
    if (this.#host === undefined) return;
    const { random } = this.#host;
    for (const connection of this.#connections) {
      if (connection.move('drain')) {
        const reconnectInMs = Math.round(random.next() * withinMs * 0.6);
        connection.send({ type: 'drain', deadlineMs: Math.round(withinMs), reconnectInMs });
      } else {
        connection.close('draining');
      }
    }
    void quiet.then(() => {
      // A request that is being handled is under way as well: its response goes out before the close.
      for (const connection of this.#connections) void connection.idle().then(() => connection.close('draining'));
    });
    await this.#emptyWithin(withinMs);
  }

  async close(): Promise<void> {
    this.#draining = true;
    for (const connection of this.#connections) connection.close('draining');
    // A socket that is cut with something unread in it reaches its client as 1006, so peers get a moment to answer.
    await this.#emptyWithin(CLOSING_MS);
    for (const connection of this.#connections) connection.terminate();
    this.#http.off('upgrade', this.#onUpgrade);
    if (!this.#isOwn || !this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      // Also those that were upgraded or refused and that HTTP no longer knows: a peer must not hold up a stop.
      for (const socket of this.#tcp) socket.destroy();
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    const declared = this.#declared().find(({ tag }) => tag.front === 'web-socket' && tag.path === path);
    // Somebody else's server has somebody else's sockets, at other paths.
    if (declared === undefined && !this.#isOwn) return;
    // A peer that resets before the 101 is expected.
    socket.on('error', () => {});
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    if (this.#draining)
      return refuseUpgrade(socket, '503 Service Unavailable', 'This process is shutting down.', ['retry-after: 1']);
    if (!declared) return refuseUpgrade(socket, '404 Not Found', `No WebSocket is served at ${path}.`);
    if (!offered.includes(SUBPROTOCOL)) {
      return refuseUpgrade(socket, '400 Bad Request', `Offer the subprotocol ${SUBPROTOCOL}.`);
    }
    if (!this.#mayComeFrom(request)) {
      return refuseUpgrade(socket, '403 Forbidden', 'This origin is not allowed.');
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const around = this.#surroundings as HandshakeSurroundings;
      const id = around.random.uuid();
      const factory = (): WebSocketFactory =>
        this.#resolved<WebSocketFactory>(
          (tag) => tag.front === 'web-socket' && tag.path === path,
        )[0] as WebSocketFactory;
      const connection = new Connection(id, webSocket, around, {
        hello: (greeting, frame) => {
          void shakeHands(greeting, frame, { ...around, factory });
        },
        gone: (lost) => {
          this.#connections.delete(lost);
          if (this.#connections.size === 0) this.#emptied?.();
        },
      });
      this.#connections.add(connection);
    });
  }

  /** No origin means no browser; a browser's must be our own or listed. */
  #mayComeFrom(request: IncomingMessage): boolean {
    const { origin } = request.headers;
    if (origin === undefined || this.#origins.has(origin)) return true;
    try {
      return new URL(origin).host === request.headers.host;
    } catch {
      // Not a URL, "null" for instance: no origin of ours.
      return false;
    }
  }

  /** The address that the server is bound to, as far as it is known. */
  #boundTo(): string {
    if (this.#isOwn) return this.#hostName;
    const address = this.#http.address();
    return typeof address === 'object' && address !== null ? address.address : '';
  }

  #declared(): { name: string; tag: FrontTag }[] {
    return this.#hostOrThrow().declared.filter((factory): factory is { name: string; tag: FrontTag } =>
      isFront(factory.tag),
    );
  }

  #resolved<T>(wanted: (tag: FrontTag) => boolean): T[] {
    return this.#hostOrThrow()
      .factories()
      .filter(({ tag }) => isFront(tag) && wanted(tag))
      .map(({ instance }) => instance as T);
  }

  /** Resolves when every connection has gone or the time is over. */
  #emptyWithin(ms: number): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#hostOrThrow().clock.schedule(ms, resolve);
      this.#emptied = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #hostOrThrow(): ServerHost {
    if (this.#host === undefined) throw coreError('APP_STATE', { state: 'not attached', wanted: 'serving' });
    return this.#host;
  }
}

function isFront(tag: unknown): tag is FrontTag {
  return typeof tag === 'object' && tag !== null && 'front' in tag;
}

function refuseUpgrade(socket: Duplex, status: string, text: string, headers: readonly string[] = []): void {
  const lines = [
    `HTTP/1.1 ${status}`,
    'connection: close',
    'content-type: text/plain',
    `content-length: ${Buffer.byteLength(text)}`,
    ...headers,
  ];
  // A peer that keeps its half open has had its answer.
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
}
