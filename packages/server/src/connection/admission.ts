/**
 * From a known user to `ready`, and what a served connection is made of afterwards: may you enter, where do you stand.
 *
 * The only maker of a `Session`. Every await is followed by a look whether the connection is still there.
 * There is one for each connection as long as that lasts, so it keeps nothing of `hello`, and makes late what few need.
 */
import type { AuthFrame, MusterError, Position } from '@muster/contracts';
import { type Door, type Interceptor, type Permit, type Principal, type Scope, sleep } from '@muster/core';
import { Feeds } from '../delivery/feeds.ts';
import { serverError } from '../errors.ts';
import type { Answers } from '../session/answers.ts';
import type { KeptSession } from '../session/session-registry.ts';
import type { Session } from '../session/session.ts';
import { UserPresence } from '../session/user-presence.ts';
import type { Handler, WebSocketFactory } from '../web-socket-factory.ts';
import type { Connection } from './connection.ts';
import type { Caller, HandshakeSurroundings } from './handshake.ts';
import type { HeldClient } from './held-client.ts';
import { identify } from './identify.ts';
import { clientLimits } from './limits.ts';
import { Requests, type RequestsSurroundings } from './requests.ts';
import { Served, type ServedParts } from './serving.ts';
import { TokenLife } from './token-life.ts';
import type { TokenBucket } from './token-bucket.ts';

/** How long the scope of a connection that has gone waits for its handler, in milliseconds. */
const SCOPE_GRACE_MS = 5_000;

export class Admission implements RequestsSurroundings, ServedParts {
  readonly connection: Connection;
  readonly principal: Principal;
  readonly #around: HandshakeSurroundings;
  #permit!: Permit;
  #kept!: KeptSession;
  #feeds: Feeds | undefined;
  #handler!: Handler;
  #requests: Requests | undefined;
  #life: TokenLife | undefined;
  #leavePool: (() => void) | undefined;
  #factory!: WebSocketFactory;
  #session!: Session;
  #scope: Scope | undefined;
  /** True from `ready` on: requests are executed. */
  #serves = false;

  constructor(connection: Connection, principal: Principal, around: HandshakeSurroundings) {
    this.connection = connection;
    this.principal = principal;
    this.#around = around;
  }

  /** @param expiresAt of the token, in milliseconds since 1970. */
  async admit({ hello, factory }: Caller, held: HeldClient, expiresAt: number | undefined): Promise<void> {
    const { sessions, gate, pool, clock } = this.#around;
    const { connection } = this;
    this.#kept = sessions.enter(this.principal.user, hello.session, clock.monotonic());
    connection.onGone(() => this.#gone());
    await this.#enter(held);
    if (connection.isOver) return;
    this.#feeds = this.#feedsOf();
    this.#factory = factory();
    this.#session = new AdmittedSession(this, this.#kept.id) as unknown as Session;
    this.#handler = this.#factory.open(this.#session);
    if (!connection.move('permitted')) return;
    this.#leavePool = pool().add({ id: connection.id, user: this.principal.user });
    const streams = await this.feeds.openAll(hello);
    if (connection.isOver) return;
    this.#welcome(streams);
    this.#tokenUntil(expiresAt);
    connection.welcomed(new Served(this));
    await this.feeds.replayAll();
    // The gate may have closed meanwhile: a dead permit goes back to wait.
    while (!this.#permit.live) this.#permit = await held.enter(gate);
    if (!connection.move('live')) return;
    this.#serve();
  }

  get id(): string {
    return this.connection.id;
  }

  get interceptor(): Interceptor | undefined {
    return this.#around.interceptor;
  }

  get user(): string {
    return this.principal.user;
  }

  get permit(): Permit {
    return this.#permit;
  }

  get scope(): Scope {
    if (this.#scope === undefined) {
      const { permit, principal } = this;
      const { signal } = this.connection;
      const values = this.#factory.values?.(this.#session) ?? [];
      this.#scope = this.#around.scopes().open('connection', { permit, principal, signal, values });
      // Asked for by what had outlived the connection.
      if (this.connection.isOver) void this.#scope.close();
    }
    return this.#scope;
  }

  get feeds(): Feeds {
    return this.#feeds as Feeds;
  }

  get answers(): Answers {
    return this.#kept.answers;
  }

  get rate(): TokenBucket {
    return this.#around.sessions.requestsOf(this.principal.user, this.now());
  }

  get requestsPerSecond(): number {
    return this.#around.limits.requestsPerSecond;
  }

  get begun(): Requests | undefined {
    return this.#requests;
  }

  get requests(): Requests {
    if (this.#requests === undefined) {
      this.#requests = new Requests(this.#handler, this.#around.limits.mailbox, this);
      if (this.#serves) this.#requests.open();
    }
    return this.#requests;
  }

  get presence(): UserPresence {
    const { pool, elsewhere } = this.#around;
    return new UserPresence(this.principal.user, pool(), elsewhere());
  }

  now(): number {
    return this.#around.clock.monotonic();
  }

  refusal(): MusterError | undefined {
    const { state } = this.connection;
    return state === 'ready' ? undefined : serverError('NOT_SERVING', { state });
  }

  respond(response: string): void {
    this.connection.write(response);
  }

  async refollow(thread: string, position: Position): Promise<void> {
    (await this.feeds.follow(thread, position)).release();
  }

  fault(component: string, error: unknown): MusterError {
    return this.connection.fault(component, error);
  }

  async follow(thread: string, from: Position | undefined): Promise<void> {
    const { position, release } = await this.feeds.follow(thread, from);
    if (this.#requests === undefined) release();
    else this.#requests.followed(thread, position, release);
  }

  /** A fresh token of the same user; one that is not accepted leaves the old one as it is. */
  async renew({ scheme, token }: AuthFrame): Promise<void> {
    const { connection } = this;
    const { user, expiresAt } = await identify({ scheme, token }, connection, this.#around);
    if (connection.isOver) return;
    if (user === this.principal.user) return this.#tokenUntil(expiresAt);
    connection.sendError(serverError('TOKEN_OF_ANOTHER', {}));
    connection.close('unauthenticated');
  }

  /** While the gate is closed behind a ready client its requests are refused; it gets a new permit when that opens. */
  gateMoved(state: Door['state']): void {
    if (!this.#serves) return;
    const { connection } = this;
    const { gate } = this.#around;
    if (state === 'closed' && connection.move('degrade'))
      connection.send({ type: 'degraded', services: gate.blockedBy });
    if (state !== 'open') return;
    void gate.enter(connection.signal).then(
      (permit) => {
        this.#permit = permit;
        if (permit.live && connection.move('recover')) connection.send({ type: 'recovered', services: [] });
      },
      () => {
        // It has closed again or the client has gone: the next move tells.
      },
    );
  }

  /** A permit, at once or after a wait; only so many clients of one user may wait. */
  async #enter(waiting: HeldClient): Promise<void> {
    const { gate, held, limits } = this.#around;
    const { user } = this.principal;
    if (gate.state !== 'open' && held.of(user) >= limits.heldPerUser)
      throw serverError('TOO_MANY_HELD', { held: held.of(user), limit: limits.heldPerUser });
    const leave = gate.state === 'open' ? undefined : held.add(user);
    try {
      this.#permit = await waiting.enter(gate);
    } finally {
      leave?.();
    }
  }

  #feedsOf(): Feeds {
    const { ledger, limits } = this.#around;
    const { connection } = this;
    const around = {
      log: this.#around.log(),
      ledger,
      connection: connection.id,
      limits,
      sink: connection,
      observer: connection,
      acknowledges: !connection.isLegacy,
    };
    return new Feeds(this.principal, around);
  }

  #welcome(streams: Awaited<ReturnType<Feeds['openAll']>>): void {
    const { limits } = this.#around;
    this.connection.send({
      type: 'welcome',
      connection: this.connection.id,
      session: this.#kept.id,
      user: this.principal.user,
      heartbeatMs: limits.heartbeatMs,
      limits: clientLimits(limits),
      durability: this.#around.log().durability,
      streams,
    });
  }

  #tokenUntil(expiresAt: number | undefined): void {
    if (expiresAt !== undefined) this.#life ??= new TokenLife(this.connection, this.#around.clock);
    this.#life?.until(expiresAt);
  }

  /** The session is this connection's from now on, and the gate counts as long as it lasts. */
  #serve(): void {
    this.#around.sessions.connect(this.#kept, this.connection);
    this.#serves = true;
    if (this.#handler.onReady !== undefined) void this.#guard('onReady', () => this.#handler.onReady?.());
    this.#requests?.open();
  }

  /** The connection has gone, or had when it could have been served. */
  #gone(): void {
    this.#feeds?.close();
    this.#leavePool?.();
    this.#around.sessions.leave(this.#kept, this.connection, this.now());
    if (!this.#serves) {
      void this.#scope?.close();
      return;
    }
    const isTold = this.#handler.onGone !== undefined;
    const said = isTold ? this.#guard('onGone', () => this.#handler.onGone?.()) : undefined;
    if (this.#scope !== undefined) void this.#closeScope(this.#scope, said);
  }

  /** Once the handler has said goodbye; one that does not end loses what it uses. */
  async #closeScope(scope: Scope, said: Promise<unknown> | undefined): Promise<void> {
    if (said === undefined) return scope.close();
    const over = new AbortController();
    const late = sleep(this.#around.clock, SCOPE_GRACE_MS, over.signal).catch(() => {});
    await Promise.race([said, late]);
    over.abort();
    await scope.close();
  }

  /** A handler that throws or rejects where nobody waits for it is logged and hurts nothing else. Never rejects. */
  async #guard(component: string, call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.connection.fault(component, error);
    }
  }
}

/** What an application's handler gets to see of an admission. */
class AdmittedSession {
  readonly id: string;
  readonly #admission: Admission;

  constructor(admission: Admission, id: string) {
    this.#admission = admission;
    this.id = id;
  }

  get connection(): string {
    return this.#admission.connection.id;
  }

  get principal(): Principal {
    return this.#admission.principal;
  }

  get permit(): Permit {
    return this.#admission.permit;
  }

  get signal(): AbortSignal {
    return this.#admission.connection.signal;
  }

  get presence(): UserPresence {
    return this.#admission.presence;
  }

  get scope(): Scope {
    return this.#admission.scope;
  }

  follow(thread: string, from?: Position): Promise<void> {
    return this.#admission.follow(thread, from);
  }
}
