/**
 * From `hello` to `ready`: who are you, may you enter, where do you stand.
 *
 * The only maker of a `Session`. Every await is followed by a look whether the connection is still there.
 */
import { type HelloFrame, MusterError } from '@muster/contracts';
import { type Door, type EventLog, type Permit, type Principal, principalOf } from '@muster/core';
import type { Authenticator } from './authenticator.ts';
import type { Connection, ConnectionSurroundings } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { serverError } from './errors.ts';
import { Feeds } from './feeds.ts';
import { HeldClient } from './held-client.ts';
import type { Session } from './session.ts';
import type { WebSocketFactory } from './web-socket-factory.ts';

/** What a handshake needs of its server. */
export interface HandshakeSurroundings extends ConnectionSurroundings {
  readonly gate: Door;
  /** The authenticator's own small gate. */
  readonly authenticatorGate: Door;
  readonly authenticator: () => Authenticator;
  readonly log: () => EventLog;
  readonly pool: () => ConnectionPool;
  readonly factory: () => WebSocketFactory;
}

/** Takes one connection from `authenticating` to `ready`, or closes it with the code that says why. Never rejects. */
export async function shakeHands(
  connection: Connection,
  hello: HelloFrame,
  around: HandshakeSurroundings,
): Promise<void> {
  connection.pause();
  const held = new HeldClient(connection, around);
  try {
    const principal = await authenticate(connection, hello, held, around);
    if (!connection.move('authenticated')) return;
    await admit(connection, hello, principal, held, around);
  } catch (error) {
    refuse(connection, error);
  }
}

async function authenticate(
  connection: Connection,
  hello: HelloFrame,
  held: HeldClient,
  around: HandshakeSurroundings,
): Promise<Principal> {
  await held.enter(around.authenticatorGate);
  if (hello.auth === undefined) throw serverError('TOKEN_INVALID', { reason: 'hello.auth is missing' });
  try {
    const { user } = await around.authenticator().authenticate(hello.auth);
    return principalOf(user);
  } catch (error) {
    if (error instanceof MusterError && (error.code === 'TOKEN_INVALID' || error.code === 'TOKEN_EXPIRED')) throw error;
    const { correlation } = connection.fault('authenticator', error).details as { correlation: string };
    throw serverError('AUTH_UNAVAILABLE', { correlation }, error);
  }
}

async function admit(
  connection: Connection,
  hello: HelloFrame,
  principal: Principal,
  held: HeldClient,
  around: HandshakeSurroundings,
): Promise<void> {
  let permit = await held.enter(around.gate);
  const feeds = new Feeds(connection, principal, around.log());
  const session = makeSession(connection, hello, principal, () => permit, feeds, around);
  const handler = around.factory().open(session);
  if (!connection.move('permitted')) return;
  const removeFromPool = around.pool().add({ id: connection.id, user: principal.user });
  connection.signal.addEventListener('abort', removeFromPool, { once: true });
  const streams = await feeds.openAll(hello);
  const { limits } = around;
  connection.send({
    type: 'welcome',
    connection: connection.id,
    session: session.id,
    user: principal.user,
    heartbeatMs: limits.heartbeatMs,
    limits: {
      messageBytes: limits.messageBytes,
      framesPerSecond: 1_000,
      bytesPerSecond: 1_048_576,
      mailbox: limits.mailbox,
      window: 1_024,
      streams: 64,
    },
    durability: around.log().durability,
    streams,
  });
  connection.welcomed();
  connection.resume();
  await feeds.replayAll();
  // The gate may have closed meanwhile: a dead permit goes back to wait.
  while (!permit.live) permit = await held.enter(around.gate);
  if (!connection.move('live')) return;
  // While the gate is closed behind a ready client its requests are refused; it gets a new permit when that opens.
  const stop = around.gate.onMove((state) => {
    if (state === 'open') {
      void around.gate.enter(connection.signal).then(
        (renewed) => {
          permit = renewed;
          if (renewed.live && connection.move('recover')) connection.send({ type: 'recovered', services: [] });
        },
        () => {
          // It has closed again or the client has gone: the next move tells.
        },
      );
    } else if (state === 'closed' && connection.move('degrade')) {
      connection.send({ type: 'degraded', services: around.gate.blockedBy });
    }
  });
  connection.signal.addEventListener('abort', stop, { once: true });
  connection.serve(handler);
}

function makeSession(
  connection: Connection,
  hello: HelloFrame,
  principal: Principal,
  permit: () => Permit,
  feeds: Feeds,
  around: HandshakeSurroundings,
): Session {
  const session = {
    id: hello.session ?? around.random.uuid(),
    connection: connection.id,
    principal,
    get permit() {
      return permit();
    },
    signal: connection.signal,
    follow: (thread: string) => feeds.follow(thread),
  };
  return session as unknown as Session;
}

/** The code says whether to come back. */
function refuse(connection: Connection, error: unknown): void {
  if (connection.signal.aborted) return;
  const known = error instanceof MusterError && !isBug(error) ? error : connection.fault('handshake', error);
  connection.sendError(known);
  switch (known.code) {
    case 'TOKEN_INVALID':
      connection.close('unauthenticated');
      return;
    case 'TOKEN_EXPIRED':
      connection.close('tokenExpired');
      return;
    case 'GATE_STOPPED':
      connection.close('draining');
      return;
    case 'INTERNAL':
      connection.close('bug');
      return;
    default:
      connection.close('notReady', 1_000);
  }
}

/** A fatal error that is not about the token: coming back cannot mend it, and the client is not to blame. */
function isBug(error: MusterError): boolean {
  return error.fatal && error.code !== 'TOKEN_INVALID';
}
