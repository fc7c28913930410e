/**
 * Keeps one welcomed link to the server, for as long as the server wants this client back.
 *
 * There are two links at most: the current one, which serves, and the next one, which is being opened. When the server
 * drains, the next one is opened first and the current one closed after the next was welcomed, so no moment is without.
 */
import {
  type ClientFrameInput,
  CLOSE,
  type DrainFrame,
  type MusterError,
  type Retry,
  retryAfter,
  type ServerFrame,
  StateMachine,
  type SUBPROTOCOL,
  type Timer,
  type WelcomeFrame,
} from '@muster/contracts';
import { Backoff } from './backoff.ts';
import { CLIENT, type Closed, type ClientStatus } from './client-state.ts';
import { clientError } from './errors.ts';
import { Link } from './link.ts';
import type { Settings, WebSocketLike } from './options.ts';

/** Not imported as a value: the schemas that stand beside it would come with it. The compiler compares the two. */
const PROTOCOL: typeof SUBPROTOCOL = 'muster.v1';
/** How long a connection must have been ready until the next loss counts as the first again. In milliseconds. */
export const STABLE_MS = 5_000;

type Hello = Extract<ClientFrameInput, { type: 'hello' }>;

export interface ConnectorEvents {
  /** Who the client is and where it stands, at this moment. */
  hello(): Omit<Hello, 'type' | 'auth'>;
  /** The link that serves from now on; whatever was under way on another one is not answered any more. */
  welcomed(frame: WelcomeFrame): void;
  frame(frame: ServerFrame): void;
  /** Nothing can be sent until the next `welcomed`. */
  lost(): void;
  /** The server does not know the session any more. */
  sessionLost(reason: MusterError): void;
  status(status: ClientStatus): void;
  failed(error: MusterError): void;
  /** For good; the last that is told. */
  closed(error: MusterError, closed: Closed): void;
}

export class Connector {
  readonly #settings: Settings;
  readonly #events: ConnectorEvents;
  readonly #backoff: Backoff;
  readonly #machine = new StateMachine('client', CLIENT, 'idle');
  #current: Link | undefined;
  /** What is being opened; its link is missing while the token is fetched. */
  #next: { link?: Link } | undefined;
  #redial: Timer | undefined;
  #stable: Timer | undefined;
  #giveUp: Timer | undefined;
  /** The server asked to be left alone until then, on the monotonic clock. */
  #notBefore = 0;
  #waitingFor: readonly string[] = [];
  #retryInMs: number | null = null;
  #lastClose: Closed | null = null;
  #wasWelcomed = false;

  constructor(settings: Settings, events: ConnectorEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#backoff = new Backoff(settings.backoffMs, settings.maxBackoffMs, settings.random);
  }

  get status(): ClientStatus {
    const { state } = this.#machine;
    return { state, waitingFor: this.#waitingFor, retryInMs: this.#retryInMs, lastClose: this.#lastClose };
  }

  open(): void {
    this.#move('open');
    const { connectMs, clock } = this.#settings;
    if (connectMs !== Infinity) this.#giveUp = clock.schedule(connectMs, () => this.#tooLate());
    void this.#dial();
  }

  /** Sends on the link that serves; false when there is none. */
  send(frame: ClientFrameInput | string): boolean {
    if (this.#current === undefined) return false;
    this.#current.sendText(typeof frame === 'string' ? frame : JSON.stringify(frame));
    return true;
  }

  /** Closes for good; resolves when the sockets are closed too. */
  async close(error: MusterError, closed: Closed): Promise<void> {
    if (!this.#machine.can('close')) return;
    const links = [this.#current, this.#next?.link].filter((link) => link !== undefined);
    this.#current = this.#next = undefined;
    for (const timer of [this.#redial, this.#stable, this.#giveUp]) timer?.cancel();
    this.#lastClose ??= closed;
    this.#move('close');
    this.#events.closed(error, closed);
    for (const link of links) await link.leave();
  }

  /** Opens the next link. A later call, a close, or the end of the attempt makes this one void. */
  async #dial(): Promise<void> {
    const { WebSocket, url } = this.#settings;
    const attempt: { link?: Link } = {};
    this.#next = attempt;
    const token = await this.#token();
    if (this.#next !== attempt) return;
    if (token === undefined) {
      this.#tokenFailed();
      return;
    }
    let socket: WebSocketLike;
    try {
      socket = new WebSocket(url, PROTOCOL);
    } catch (cause) {
      const closed = { code: CLOSE.done, reason: `no socket can be made for ${url}` };
      void this.close(clientError('CONNECTION_CLOSED', { ...closed, retry: 'never' }, cause), closed);
      return;
    }
    attempt.link = this.#link(socket, token);
  }

  #link(socket: WebSocketLike, token: string): Link {
    return new Link(socket, this.#settings.clock, this.#settings.handshakeMs, {
      opened: (link) => {
        if (this.#current === undefined) this.#move('opened');
        link.send({ type: 'hello', ...this.#events.hello(), auth: { scheme: 'bearer', token } });
      },
      frame: (link, frame) => this.#received(link, frame),
      unreadable: (cause) => this.#events.failed(clientError('FRAME_UNREADABLE', {}, cause)),
      closed: (link, code, reason) => this.#ended(link, { code, reason }),
    });
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#settings;
    try {
      return typeof token === 'string' ? token : await token();
    } catch (cause) {
      const error = clientError('TOKEN_FAILED', {}, cause);
      this.#events.failed(error);
      if (!this.#wasWelcomed) void this.close(error, { code: CLOSE.unauthenticated, reason: error.message });
      return undefined;
    }
  }

  #tokenFailed(): void {
    this.#next = undefined;
    if (this.#current === undefined) this.#move('lost');
    this.#schedule(this.#backoff.next());
  }

  #received(link: Link, frame: ServerFrame): void {
    if (frame.type === 'ping') link.send({ type: 'pong' });
    if (frame.type === 'bye') link.bye = frame;
    if (frame.type === 'welcome' && link === this.#next?.link) this.#welcomed(link, frame);
    if (frame.type === 'auth_expiring') void this.#showFreshToken(link);
    if (frame.type === 'wait') this.#tell(frame.pending);
    if (link === this.#current) {
      if (frame.type === 'degraded' && this.#machine.can('degrade')) this.#move('degrade', frame.services);
      if (frame.type === 'recovered' && this.#machine.can('recover')) this.#move('recover');
      if (frame.type === 'drain' && this.#machine.can('drain')) this.#drained(frame);
    }
    this.#events.frame(frame);
  }

  #welcomed(link: Link, frame: WelcomeFrame): void {
    const old = this.#current;
    this.#current = link;
    this.#next = undefined;
    this.#wasWelcomed = true;
    this.#giveUp?.cancel();
    link.expectHeartbeats(frame.heartbeatMs);
    this.#stable = this.#settings.clock.schedule(STABLE_MS, () => this.#backoff.reset());
    void old?.leave();
    this.#move('welcomed');
    this.#events.welcomed(frame);
  }

  async #showFreshToken(link: Link): Promise<void> {
    if (typeof this.#settings.token === 'string') return;
    const token = await this.#token();
    if (token !== undefined && link === this.#current) link.send({ type: 'auth', scheme: 'bearer', token });
  }

  #drained({ reconnectInMs }: DrainFrame): void {
    this.#stable?.cancel();
    this.#notBefore = this.#settings.clock.monotonic() + reconnectInMs;
    this.#move('drain');
    this.#schedule(this.#backoff.now());
  }

  /** What the range of the code says, but for a token that nobody can renew. */
  #retryAfter(code: number): Retry {
    return code === CLOSE.tokenExpired && typeof this.#settings.token === 'string' ? 'never' : retryAfter(code);
  }

  #ended(link: Link, closed: Closed): void {
    const served = link === this.#current;
    if (!served && link !== this.#next?.link) return;
    this.#lastClose = closed;
    const retry = this.#retryAfter(closed.code);
    if (served) {
      this.#current = undefined;
      this.#stable?.cancel();
      this.#events.lost();
    } else {
      this.#next = undefined;
      // The current link goes on until it ends by itself; whether to come back is then asked again.
      if (this.#current !== undefined) {
        if (retry !== 'never') this.#schedule(this.#backoff.next(link.bye?.retryAfterMs));
        return;
      }
    }
    this.#move('lost');
    if (this.#next === undefined) this.#comeBack(retry, closed, link.bye?.retryAfterMs);
    else this.#goOnWith(this.#next);
  }

  /** The current link ended while the next one was being opened: that one is all there is now. */
  #goOnWith(next: { link?: Link }): void {
    this.#move('retry');
    if (next.link?.opened === true) this.#move('opened');
  }

  #comeBack(retry: Retry, { code, reason }: Closed, leastMs = 0): void {
    const error = clientError('CONNECTION_CLOSED', { code, reason, retry });
    if (retry === 'never') {
      void this.close(error, { code, reason });
      return;
    }
    if (retry === 'fresh') this.#events.sessionLost(error);
    // A drain has set the time already.
    if (retry === 'now' && this.#retryInMs !== null) return;
    this.#schedule(retry === 'backoff' ? this.#backoff.next(leastMs) : this.#backoff.now(leastMs));
  }

  #schedule(delayMs: number): void {
    const { clock } = this.#settings;
    const ms = Math.max(delayMs, this.#notBefore - clock.monotonic(), 0);
    this.#redial?.cancel();
    this.#retryInMs = ms;
    this.#redial = clock.schedule(ms, () => {
      this.#retryInMs = null;
      if (this.#current === undefined) this.#move('retry');
      void this.#dial();
    });
    this.#tell();
  }

  #tooLate(): void {
    const { url, connectMs: waitedMs } = this.#settings;
    const { code, reason } = this.#lastClose ?? { code: CLOSE.handshakeTimeout, reason: 'no answer' };
    const last =
      this.#waitingFor.length > 0
        ? `it waits for ${this.#waitingFor.join(', ')}`
        : `the last attempt ended with ${code}${reason === '' ? '' : ` (${reason})`}`;
    void this.close(clientError('CONNECT_TIMEOUT', { url, waitedMs, last }), { code, reason });
  }

  #move(event: Parameters<StateMachine<typeof CLIENT>['send']>[0], waitingFor: readonly string[] = []): void {
    this.#machine.send(event);
    this.#tell(waitingFor);
  }

  #tell(waitingFor = this.#waitingFor): void {
    this.#waitingFor = waitingFor;
    this.#events.status(this.status);
  }
}
