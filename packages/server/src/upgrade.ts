/**
 * Decides before the 101 whether a socket may become a connection, and makes one of it.
 *
 * A refusal is plain HTTP: nothing of a stranger's socket is kept.
 */
import { type Credentials, type HelloFrame, SUBPROTOCOL } from '@muster/contracts';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import { type Caller, Callers } from './callers.ts';
import { LEGACY_PROTOCOL, LegacyCodec, legacyCredentials } from './legacy/legacy-codec.ts';
import { Connection, type ConnectionOwner, type ConnectionSurroundings } from './connection/connection.ts';
import { credentialsOf } from './tokens.ts';

/** An upgrade request that may become a connection. */
export interface Visitor {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly path: string;
}

/** One that has become one and has said hello. */
export interface Greeted {
  readonly connection: Connection;
  readonly hello: HelloFrame;
  readonly shown: Credentials | undefined;
  readonly path: string;
  /** To be called once it is known who it is. */
  readonly known: () => void;
}

export interface UpgradeOptions {
  readonly around: ConnectionSurroundings;
  readonly origins: ReadonlySet<string>;
  /** Whether clients of the legacy protocol may come. */
  readonly legacy: boolean;
  /** Trusted proxies in front of the server. */
  readonly proxies: number;
  /** True for a path that a factory serves. */
  readonly serves: (path: string) => boolean;
  readonly isDraining: () => boolean;
  /** True when so many wait at the gate that one more would be refused. */
  readonly isHoldFull: () => boolean;
  readonly greeted: (caller: Greeted) => void;
}

interface Refusal {
  readonly status: string;
  readonly text: string;
  readonly retryAfterS?: number;
}

export class Upgrades {
  readonly connections = new Set<Connection>();
  readonly callers: Callers;
  readonly #options: UpgradeOptions;
  #sockets: WebSocketServer | undefined;
  #emptied: (() => void) | undefined;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.callers = new Callers(options.around.limits, options.proxies);
  }

  /** Resolves when every connection has gone or the time is over. */
  emptyWithin(ms: number): Promise<void> {
    if (this.connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.around.clock.schedule(ms, resolve);
      this.#emptied = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Loads what the first client needs, when that is there: no start has to wait for it. */
  async #load(): Promise<WebSocketServer> {
    const { WebSocketServer } = await import('ws');
    this.#sockets ??= new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: this.#options.around.limits.messageBytes * 4,
      handleProtocols: (offered) => [SUBPROTOCOL, LEGACY_PROTOCOL].find((protocol) => offered.has(protocol)) ?? false,
    });
    return this.#sockets;
  }

  /** Takes a socket, or refuses it and forgets it. */
  take(visitor: Visitor): void {
    // A peer that resets before the 101 is expected.
    visitor.socket.on('error', ignored);
    const offered = offeredBy(visitor.request);
    const refusal = this.#refusal(visitor, offered);
    if (refusal !== undefined) return refuse(visitor.socket, refusal);
    const isLegacy = !offered.includes(SUBPROTOCOL);
    const shown =
      credentialsOf(visitor.request.headers, offered) ?? (isLegacy ? legacyCredentials(offered) : undefined);
    const entrance = new Entrance(this, this.callers.came(visitor.request), { shown, path: visitor.path });
    entrance.leaveWith(visitor.socket);
    if (this.#sockets !== undefined) return this.#connect(visitor, this.#sockets, isLegacy, entrance);
    void this.#load().then((sockets) => this.#connect(visitor, sockets, isLegacy, entrance));
  }

  #connect({ request, socket, head }: Visitor, sockets: WebSocketServer, isLegacy: boolean, entrance: Entrance): void {
    const { around } = this.#options;
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const codec = isLegacy ? new LegacyCodec(around.random) : undefined;
      const upgraded = { socket: webSocket, stream: socket, codec };
      this.connections.add(new Connection(around.random.uuid(), upgraded, around, entrance));
    });
  }

  greeted(caller: Greeted): void {
    this.#options.greeted(caller);
  }

  /** A connection has gone. */
  lost(connection: Connection): void {
    this.connections.delete(connection);
    if (this.connections.size === 0) this.#emptied?.();
  }

  #refusal({ request, path }: Visitor, offered: readonly string[]): Refusal | undefined {
    const { around, serves, isDraining, isHoldFull } = this.#options;
    const { limits } = around;
    if (isDraining())
      return { status: '503 Service Unavailable', text: 'This process is shutting down.', retryAfterS: 1 };
    if (!serves(path)) return { status: '404 Not Found', text: `No WebSocket is served at ${path}.` };
    if (!this.#options.legacy && !offered.includes(SUBPROTOCOL))
      return { status: '400 Bad Request', text: `Offer the subprotocol ${SUBPROTOCOL}.` };
    if (!this.#mayComeFrom(request)) return { status: '403 Forbidden', text: 'This origin is not allowed.' };
    if (this.callers.isTooMany(request))
      return { status: '429 Too Many Requests', text: 'Too many connections of one address.', retryAfterS: 5 };
    if (this.callers.strangers >= limits.unauthenticated || isHoldFull())
      return { status: '503 Service Unavailable', text: 'Too many clients are waiting.', retryAfterS: 5 };
    return undefined;
  }

  /** No origin means no browser; a browser's must be our own or listed. */
  #mayComeFrom(request: IncomingMessage): boolean {
    const { origin } = request.headers;
    if (origin === undefined || this.#options.origins.has(origin)) return true;
    try {
      return new URL(origin).host === request.headers.host;
    } catch {
      // Not a URL, "null" for instance: no origin of ours.
      return false;
    }
  }
}

/** Where a connection came in. What the request showed is kept until `hello` and no longer. */
class Entrance implements ConnectionOwner {
  readonly #upgrades: Upgrades;
  readonly #caller: Caller;
  #shown: Pick<Greeted, 'shown' | 'path'> | undefined;

  constructor(upgrades: Upgrades, caller: Caller, shown: Pick<Greeted, 'shown' | 'path'>) {
    this.#upgrades = upgrades;
    this.#caller = caller;
    this.#shown = shown;
  }

  hello(connection: Connection, hello: HelloFrame): void {
    const shown = this.#shown;
    this.#shown = undefined;
    const { callers } = this.#upgrades;
    if (shown !== undefined)
      this.#upgrades.greeted({ connection, hello, ...shown, known: () => callers.known(this.#caller) });
  }

  gone(connection: Connection): void {
    this.#upgrades.lost(connection);
  }

  /** Counts for as long as the socket is there. */
  leaveWith(socket: Duplex): void {
    socket.on('close', () => this.#upgrades.callers.left(this.#caller));
  }
}

function ignored(): void {}

function offeredBy(request: IncomingMessage): string[] {
  return request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
}

function refuse(socket: Duplex, { status, text, retryAfterS }: Refusal): void {
  const lines = [
    `HTTP/1.1 ${status}`,
    'connection: close',
    'content-type: text/plain',
    `content-length: ${Buffer.byteLength(text)}`,
    ...(retryAfterS === undefined ? [] : [`retry-after: ${retryAfterS}`]),
  ];
  // A peer that keeps its half open has had its answer.
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
}
