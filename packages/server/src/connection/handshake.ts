/**
 * From `hello` to `ready`: who are you, may you enter, where do you stand.
 *
 * The only maker of a `Session`. Every await is followed by a look whether the connection is still there.
 */
import {
  type AuthFrame,
  type CloseName,
  type Credentials,
  type HelloFrame,
  MusterError,
  type Position,
} from '@muster/contracts';
import { type Door, type EventLog, type Permit, type Principal, principalOf } from '@muster/core';
import type { Tally } from '../address.ts';
import type { Authenticator, Identity } from '../authenticator.ts';
import { Feeds } from '../delivery/feeds.ts';
import type { Ledger } from '../delivery/ledger.ts';
import { serverError } from '../errors.ts';
import type { ConnectionPool } from '../session/connection-pool.ts';
import type { KeptSession, SessionRegistry } from '../session/session-registry.ts';
import type { Session } from '../session/session.ts';
import type { Handler, WebSocketFactory } from '../web-socket-factory.ts';
import type { Connection, ConnectionSurroundings } from './connection.ts';
import { HeldClient } from './held-client.ts';
import { clientLimits } from './limits.ts';
import { Requests } from './requests.ts';
import { Served } from './serving.ts';
import { TokenLife } from './token-life.ts';

/** What a handshake needs of its server. */
export interface HandshakeSurroundings extends ConnectionSurroundings {
  readonly gate: Door;
  /** The authenticator's own small gate. */
  readonly authenticatorGate: Door;
  readonly authenticator: () => Authenticator;
  readonly log: () => EventLog;
  readonly pool: () => ConnectionPool;
  readonly sessions: SessionRegistry;
  readonly ledger: Ledger;
  /** Clients that wait at the gate, by user. */
  readonly held: Tally;
}

/** One client at the door. */
export interface Caller {
  readonly connection: Connection;
  readonly hello: HelloFrame;
  /** What the upgrade request showed, where it showed something. */
  readonly shown: Credentials | undefined;
  readonly factory: () => WebSocketFactory;
  /** Called once it is known who it is. */
  readonly known: () => void;
}

/** Takes one connection from `authenticating` to `ready`, or closes it with the code that says why. Never rejects. */
export async function shakeHands(caller: Caller, around: HandshakeSurroundings): Promise<void> {
  const { connection, hello, shown } = caller;
  const held = new HeldClient(connection, around);
  try {
    if (around.authenticatorGate.state !== 'open') await held.enter(around.authenticatorGate);
    const credentials = hello.auth ?? shown;
    if (credentials === undefined) throw serverError('TOKEN_INVALID', { reason: 'there is none' });
    const identity = await identify(credentials, connection, around);
    if (!connection.move('authenticated')) return;
    caller.known();
    await new Admission(caller, identity, held, around).admit();
  } catch (error) {
    refuse(connection, error);
  }
}

async function identify(
  credentials: Credentials,
  connection: Connection,
  around: HandshakeSurroundings,
): Promise<Identity & { readonly principal: Principal }> {
  try {
    const identity = await around.authenticator().authenticate(credentials);
    return { ...identity, principal: principalOf(identity.user) };
  } catch (error) {
    if (error instanceof MusterError && VERDICTS.has(error.code)) throw error;
    const { correlation } = connection.fault('authenticator', error).details as { correlation: string };
    throw serverError('AUTH_UNAVAILABLE', { correlation }, error);
  }
}

/** What an authenticator says of a token, and not of itself. */
const VERDICTS: ReadonlySet<string> = new Set(['TOKEN_INVALID', 'TOKEN_EXPIRED', 'FORBIDDEN']);

class Admission {
  readonly #caller: Caller;
  readonly #connection: Connection;
  readonly #principal: Principal;
  readonly #identity: Identity;
  readonly #held: HeldClient;
  readonly #around: HandshakeSurroundings;
  #permit!: Permit;

  constructor(
    caller: Caller,
    identity: Identity & { readonly principal: Principal },
    held: HeldClient,
    around: HandshakeSurroundings,
  ) {
    this.#caller = caller;
    this.#connection = caller.connection;
    this.#identity = identity;
    this.#principal = identity.principal;
    this.#held = held;
    this.#around = around;
  }

  async admit(): Promise<void> {
    const { hello, factory } = this.#caller;
    const { sessions, gate, pool, limits, clock } = this.#around;
    const connection = this.#connection;
    const kept = sessions.enter(this.#principal.user, hello.session, clock.monotonic());
    await this.#enter();
    const feeds = this.#feeds();
    const session = this.#session(kept, feeds, () => requests);
    const handler = factory().open(session);
    const requests = this.#requests(kept, handler, feeds);
    if (!connection.move('permitted')) return;
    connection.onGone(pool().add({ id: connection.id, user: this.#principal.user }));
    const streams = await feeds.openAll(hello);
    if (connection.isOver) return;
    connection.send({
      type: 'welcome',
      connection: connection.id,
      session: kept.id,
      user: this.#principal.user,
      heartbeatMs: limits.heartbeatMs,
      limits: clientLimits(limits),
      durability: this.#around.log().durability,
      streams,
    });
    connection.welcomed(this.#served(feeds, requests));
    await feeds.replayAll();
    // The gate may have closed meanwhile: a dead permit goes back to wait.
    while (!this.#permit.live) this.#permit = await this.#held.enter(gate);
    if (!connection.move('live')) return;
    this.#serve(kept, handler, requests);
  }

  /** A permit, at once or after a wait; only so many clients of one user may wait. */
  async #enter(): Promise<void> {
    const { gate, held, limits } = this.#around;
    const { user } = this.#principal;
    if (gate.state !== 'open' && held.of(user) >= limits.heldPerUser)
      throw serverError('TOO_MANY_HELD', { held: held.of(user), limit: limits.heldPerUser });
    const leave = gate.state === 'open' ? undefined : held.add(user);
    try {
      this.#permit = await this.#held.enter(gate);
    } finally {
      leave?.();
    }
  }

  #feeds(): Feeds {
    const { ledger, limits } = this.#around;
    const connection = this.#connection;
    const around = {
      log: this.#around.log(),
      ledger,
      limits,
      sink: connection,
      observer: connection,
      acknowledges: !connection.isLegacy,
    };
    const feeds = new Feeds(this.#principal, around);
    connection.onGone(() => feeds.close());
    return feeds;
  }

  #session(kept: KeptSession, feeds: Feeds, requests: () => Requests): Session {
    const permit = (): Permit => this.#permit;
    const connection = this.#connection;
    const session = {
      id: kept.id,
      connection: connection.id,
      principal: this.#principal,
      get permit() {
        return permit();
      },
      get signal() {
        return connection.signal;
      },
      follow: async (thread: string, from?: Position) => {
        const { position, release } = await feeds.follow(thread, from);
        requests().followed(thread, position, release);
      },
    };
    return session as unknown as Session;
  }

  #requests(kept: KeptSession, handler: Handler, feeds: Feeds): Requests {
    const connection = this.#connection;
    return new Requests(handler, this.#around.limits.mailbox, {
      answers: kept.answers,
      now: () => this.#around.clock.monotonic(),
      refusal: () => {
        const { state } = connection;
        return state === 'ready' ? undefined : serverError('NOT_SERVING', { state });
      },
      respond: (response) => connection.write(response),
      refollow: async (thread, position) => (await feeds.follow(thread, position)).release(),
      fault: (component, error) => connection.fault(component, error),
    });
  }

  #served(feeds: Feeds, requests: Requests): Served {
    const { clock, sessions, limits } = this.#around;
    const life = new TokenLife(this.#connection, clock);
    life.until(this.#identity.expiresAt);
    const now = (): number => clock.monotonic();
    return new Served({
      connection: this.#connection,
      feeds,
      requests,
      rate: sessions.requestsOf(this.#principal.user, now()),
      requestsPerSecond: limits.requestsPerSecond,
      now,
      renew: (frame) => this.#renew(frame, life),
    });
  }

  /** A fresh token of the same user; one that is not accepted leaves the old one as it is. */
  async #renew({ scheme, token }: AuthFrame, life: TokenLife): Promise<void> {
    const connection = this.#connection;
    const { user, expiresAt } = await identify({ scheme, token }, connection, this.#around);
    if (connection.isOver) return;
    if (user === this.#principal.user) return life.until(expiresAt);
    connection.sendError(serverError('TOKEN_OF_ANOTHER', {}));
    connection.close('unauthenticated');
  }

  /** The session is this connection's from now on, and the gate is followed as long as it lasts. */
  #serve(kept: KeptSession, handler: Handler, requests: Requests): void {
    const connection = this.#connection;
    const { sessions, clock, gate } = this.#around;
    const leave = sessions.connect(kept, connection);
    connection.onGone(() => leave(clock.monotonic()));
    connection.onGone(gate.onMove((state) => this.#gateMoved(state === 'open', state === 'closed')));
    this.#guard('onReady', () => handler.onReady?.());
    connection.onGone(() => this.#guard('onGone', () => handler.onGone?.()));
    requests.open();
  }

  /** While the gate is closed behind a ready client its requests are refused; it gets a new permit when that opens. */
  #gateMoved(isOpen: boolean, isClosed: boolean): void {
    const connection = this.#connection;
    const { gate } = this.#around;
    if (isClosed && connection.move('degrade')) connection.send({ type: 'degraded', services: gate.blockedBy });
    if (!isOpen) return;
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

  /** A handler that throws or rejects where nobody waits for it is logged and hurts nothing else. */
  #guard(component: string, call: () => unknown): void {
    const called = async (): Promise<unknown> => call();
    called().catch((error: unknown) => this.#connection.fault(component, error));
  }
}

/** The code says whether to come back. */
function refuse(connection: Connection, error: unknown): void {
  if (connection.isOver) return;
  const known = error instanceof MusterError && !isBug(error) ? error : connection.fault('handshake', error);
  connection.sendError(known);
  const name = CLOSES[known.code] ?? 'notReady';
  connection.close(name, name === 'notReady' || name === 'overloaded' ? 1_000 : undefined);
}

/** How a handshake ends that cannot go on; what does not stand here is a service that is not ready. */
const CLOSES: Readonly<Record<string, CloseName>> = {
  TOKEN_INVALID: 'unauthenticated',
  TOKEN_EXPIRED: 'tokenExpired',
  FORBIDDEN: 'forbidden',
  SESSION_EXPIRED: 'sessionExpired',
  TOO_MANY_SESSIONS: 'overloaded',
  TOO_MANY_HELD: 'overloaded',
  GATE_FULL: 'overloaded',
  GATE_STOPPED: 'draining',
  INTERNAL: 'bug',
};

/** A fatal error that nobody foresaw here: coming back cannot mend it, and the client is not to blame. */
function isBug(error: MusterError): boolean {
  return error.fatal && CLOSES[error.code] === undefined;
}
