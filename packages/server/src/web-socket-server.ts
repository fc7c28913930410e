/**
 * The server at the gate: one port for WebSockets, probes and pages.
 *
 * It binds when the gate first opens, so a platform's TCP probe tells the truth; with `listen: 'at-once'` early clients are held.
 */
import {
  CORE_ERRORS,
  type AppServer,
  type DeliveryAccount,
  EventLog,
  Instances,
  KeyValueStore,
  Scopes,
  type ServerHost,
  type ServerView,
} from '@muster/core';
import { errorsFrom, messageOf } from '@muster/contracts';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Authenticator } from './authenticator.ts';
import { type HandshakeSurroundings, shakeHands } from './connection/handshake.ts';
import { type Limits, limitsOf } from './connection/limits.ts';
import { Pulse } from './connection/pulse.ts';
import { DeliveryMarks } from './delivery/delivery-marks.ts';
import { Ledger } from './delivery/ledger.ts';
import { serverError } from './errors.ts';
import { answerHttp, type HttpSurroundings, offerHttp } from './http-front.ts';
import { ConnectionPool } from './session/connection-pool.ts';
import { PresenceElsewhere } from './session/presence-elsewhere.ts';
import { SessionRegistry } from './session/session-registry.ts';
import { SessionsElsewhere } from './session/sessions-elsewhere.ts';
import { Tally } from './tally.ts';
import { type Greeted, Upgrades } from './upgrade.ts';
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
  /** How many proxies in front of the server add the peer to `x-forwarded-for`; addresses are counted so many from the right. @default 0 */
  readonly trustProxy?: number;
  /** Serves clients that do not offer `muster.v1` by the legacy protocol. @default false */
  readonly legacy?: boolean;
  readonly limits?: Partial<Limits>;
}

/** How long a peer may take to answer a close before it is cut off, in milliseconds. */
const CLOSING_MS = 500;
/** What a handshake may take beyond the time that a client is held, in milliseconds. */
const HANDSHAKE_BEYOND_HOLD_MS = 10_000;
/** The part of the sockets' time over which clients are told to come back. */
const SPREAD = 0.6;
/** Time within which clients are asked to come again when a factory was renewed, in milliseconds. */
const RENEW_MS = 30_000;
const coreError = errorsFrom(CORE_ERRORS);

/** Makes the `server` of `createApp`. */
export function webSocketServer(options: WebSocketServerOptions = {}): MusterServer {
  return new MusterServer(options);
}

export class MusterServer implements AppServer {
  readonly name = 'WebSocketServer';
  readonly dependsOn = [Authenticator, ConnectionPool, EventLog];
  readonly listensAtOnce: boolean;
  readonly #options: WebSocketServerOptions;
  readonly #hostName: string;
  readonly #http: Server;
  readonly #isOwn: boolean;
  readonly #tcp = new Set<Socket>();
  readonly #ledger = new Ledger();
  #upgrades: Upgrades | undefined;
  #around: HandshakeSurroundings | undefined;
  #front: HttpSurroundings | undefined;
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
    this.#upgrade(request, socket, head);
  #host: ServerHost | undefined;
  /** Where there are other instances. */
  #others: { readonly presence: PresenceElsewhere; readonly sessions: SessionsElsewhere } | undefined;
  #isDraining = false;
  /** What is served; it is the same as long as the host is. */
  #paths: ReadonlySet<string> | undefined;

  constructor(options: WebSocketServerOptions) {
    const { attachTo } = options;
    const clash = (['port', 'host', 'listen'] as const).find((option) => options[option] !== undefined);
    if (attachTo !== undefined && clash !== undefined) {
      const got = String(options[clash]);
      throw coreError('OPTION_INVALID', { option: clash, expected: 'absent, where attachTo is given', got });
    }
    limitsOf(options.limits ?? {});
    this.#options = options;
    this.#isOwn = attachTo === undefined;
    this.#hostName = options.host ?? '127.0.0.1';
    // A server of somebody else's may listen already: who comes early is held.
    this.listensAtOnce = !this.#isOwn || options.listen === 'at-once';
    this.#http = attachTo ?? createServer();
    if (this.#isOwn) {
      const tcp = this.#tcp;
      // One for all sockets.
      const closed = function (this: Socket): void {
        tcp.delete(this);
      };
      this.#http.on('connection', (socket) => tcp.add(socket) && socket.on('close', closed));
    }
  }

  /** Where it listens, as a URL. */
  get url(): string {
    const address = this.#http.address() as AddressInfo | null;
    const name = this.#isOwn ? this.#hostName : (address?.address ?? this.#hostName);
    const host = name.includes(':') ? `[${name}]` : name;
    return `http://${host}:${address?.port ?? this.#port}`;
  }

  /**
   * What became of the events of every stream that somebody follows now, added up: appended = acknowledged + pending + expired.
   */
  async delivery(): Promise<DeliveryAccount> {
    return this.#ledger.audited(this.#hostOrThrow().get(EventLog));
  }

  limits(holdMs: number): Limits & Readonly<Record<string, number>> {
    return { ...limitsOf({ handshakeMs: holdMs + HANDSHAKE_BEYOND_HOLD_MS, ...this.#options.limits }) };
  }

  watch(): ServerView {
    const ledger = this.#ledger;
    const server = this;
    ledger.marks ??= new DeliveryMarks(() => server.#host?.clock.now() ?? 0);
    return {
      get users() {
        return server.#host?.state() === 'running' ? server.#host.get(ConnectionPool).users : 0;
      },
      get connections() {
        return server.#connections;
      },
      get delivery() {
        return ledger.account;
      },
      marksOf: (stream, after) => ledger.marks?.of(stream, after) ?? [],
    };
  }

  attach(host: ServerHost): void {
    this.#host = host;
    this.#paths = undefined;
    this.#ledger.interceptor = host.interceptor;
    const around = this.#surroundings(host);
    this.#around = around;
    this.#upgrades = new Upgrades({
      around,
      origins: new Set(this.#options.origins),
      legacy: this.#options.legacy ?? false,
      proxies: this.#options.trustProxy ?? 0,
      serves: (path) => this.#serves(path),
      isDraining: () => this.#isDraining,
      isHoldFull: () => host.gate.state === 'closed' && host.gate.isFull,
      greeted: (caller) => this.#greeted(caller),
    });
    const front = {
      host,
      events: host.events,
      handlers: () => this.#resolved<HttpHandler>((tag) => tag.front === 'http'),
    };
    this.#front = front;
    if (this.#isOwn) this.#http.on('request', (request, response) => void answerHttp(request, response, front));
    this.#http.on('upgrade', this.#onUpgrade);
    host.gate.onMove((state) => {
      for (const connection of this.#connections) connection.gateMoved(state);
    });
  }

  /**
   * For a server of somebody else's: answers a request that is ours, a probe or one for an `@httpHandler`.
   *
   * @returns false when it is none of ours: let the next one answer.
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    return this.#front !== undefined && offerHttp(request, response, this.#front);
  }

  opening(): void {
    this.#meetOthers(this.#hostOrThrow());
    const byPath = new Map<string, string>();
    for (const { name, tag } of this.#declared()) {
      if (tag.front !== 'web-socket') continue;
      const other = byPath.get(tag.path);
      if (other !== undefined) throw serverError('PATH_TAKEN', { path: tag.path, factories: [other, name].sort() });
      byPath.set(tag.path, name);
    }
  }

  async listen(): Promise<string> {
    if (!this.#isOwn) return this.#http.listening ? this.url : 'a server of somebody else';
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => {
        const details = { address: `${this.#hostName}:${this.#port}`, reason: messageOf(error) };
        reject(coreError('LISTEN_FAILED', details, error));
      };
      this.#http.once('error', failed);
      this.#http.listen(this.#port, this.#hostName, () => {
        this.#http.off('error', failed);
        resolve();
      });
    });
    return this.url;
  }

  renewed(): void {
    for (const connection of this.#connections) connection.comeAgain(RENEW_MS);
  }

  async drain(withinMs: number, quiet: Promise<void>): Promise<void> {
    this.#isDraining = true;
    if (this.#host === undefined) return;
    // Who is here comes to another instance, and is not to count twice there.
    const forgotten = this.#others?.sessions.close();
    const { random } = this.#host;
    for (const connection of this.#connections) {
      if (!connection.drain(withinMs, random.next() * withinMs * SPREAD)) connection.close('draining');
    }
    void quiet.then(() => {
      // A request that is being handled is under way as well: its response goes out before the close.
      for (const connection of this.#connections) void connection.idle().then(() => connection.close('draining'));
    });
    await this.#upgrades?.emptyWithin(withinMs);
    // The store is still there.
    await Promise.all([forgotten, this.#others?.presence.close()]);
  }

  async close(): Promise<void> {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.close('draining');
    // A socket that is cut with something unread in it reaches its client as 1006, so peers get a moment to answer.
    await this.#upgrades?.emptyWithin(CLOSING_MS);
    for (const connection of this.#connections) connection.terminate();
    this.#http.off('upgrade', this.#onUpgrade);
    if (!this.#isOwn || !this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      // Also those that were upgraded or refused and that HTTP no longer knows: a peer must not hold up a stop.
      for (const socket of this.#tcp) socket.destroy();
    });
  }

  get #port(): number {
    return this.#options.port ?? 3000;
  }

  get #connections() {
    return this.#upgrades?.connections ?? [];
  }

  #surroundings(host: ServerHost): HandshakeSurroundings {
    const limits = this.limits(host.gate.holdMs);
    return {
      clock: host.clock,
      random: host.random,
      events: host.events,
      limits,
      pulse: new Pulse(host.clock, limits.heartbeatMs),
      gate: host.gate,
      authenticatorGate: host.gateOver('authenticator', Authenticator),
      authenticator: () => host.get(Authenticator),
      log: () => host.get(EventLog),
      pool: () => host.get(ConnectionPool),
      elsewhere: () => this.#others?.presence,
      scopes: () => host.get(Scopes),
      sessions: new SessionRegistry(limits, host.random),
      ledger: this.#ledger,
      interceptor: host.interceptor,
      held: new Tally(),
    };
  }

  /** What instances tell each other of their users, where there can be others. */
  #meetOthers(host: ServerHost): void {
    const [store, instances] = [host.find(KeyValueStore), host.find(Instances)];
    if (this.#others !== undefined || store?.isShared !== true || instances === undefined) return;
    const { sessions } = this.#around as HandshakeSurroundings;
    const { clock, events } = host;
    const failed = (error: unknown): void =>
      events.emit({ type: 'fault', component: 'users elsewhere', correlation: null, error, at: clock.now() });
    const parts = { store, instances, clock, failed };
    const counted = new SessionsElsewhere({ ...parts, here: () => sessions.entered });
    sessions.countElsewhere((user) => counted.of(user));
    this.#others = { presence: new PresenceElsewhere({ ...parts, pool: host.get(ConnectionPool) }), sessions: counted };
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    // Somebody else's server has somebody else's sockets, at other paths.
    if (!this.#isOwn && !this.#serves(path)) return;
    this.#upgrades?.take({ request, socket, head, path });
  }

  #greeted({ connection, hello, shown, path, known }: Greeted): void {
    const factory = (): WebSocketFactory => {
      const [found] = this.#resolved<WebSocketFactory>((tag) => tag.front === 'web-socket' && tag.path === path);
      return found as WebSocketFactory;
    };
    void shakeHands({ connection, hello, shown, factory, known }, this.#around as HandshakeSurroundings);
  }

  #serves(path: string): boolean {
    this.#paths ??= new Set(this.#declared().flatMap(({ tag }) => (tag.front === 'web-socket' ? [tag.path] : [])));
    return this.#paths.has(path);
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

  #hostOrThrow(): ServerHost {
    if (this.#host === undefined) throw coreError('APP_STATE', { state: 'not attached', wanted: 'serving' });
    return this.#host;
  }
}

function isFront(tag: unknown): tag is FrontTag {
  return typeof tag === 'object' && tag !== null && 'front' in tag;
}
