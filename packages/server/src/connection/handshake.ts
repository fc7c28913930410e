/**
 * From `hello` to a known user, and what becomes of who is not let in; the way from there to `ready` is the admission.
 */
import { type CloseName, type Credentials, type HelloFrame, MusterError } from '@muster/contracts';
import type { Door, EventLog, Interceptor, Scopes } from '@muster/core';
import type { Authenticator } from '../authenticator.ts';
import type { Ledger } from '../delivery/ledger.ts';
import { serverError } from '../errors.ts';
import type { ConnectionPool } from '../session/connection-pool.ts';
import type { PresenceElsewhere } from '../session/presence-elsewhere.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { Tally } from '../tally.ts';
import type { WebSocketFactory } from '../web-socket-factory.ts';
import { Admission } from './admission.ts';
import type { Connection, ConnectionSurroundings } from './connection.ts';
import { HeldClient } from './held-client.ts';
import { identify } from './identify.ts';

/** What a handshake needs of its server. */
export interface HandshakeSurroundings extends ConnectionSurroundings {
  readonly gate: Door;
  /** The authenticator's own small gate. */
  readonly authenticatorGate: Door;
  readonly authenticator: () => Authenticator;
  readonly log: () => EventLog;
  readonly pool: () => ConnectionPool;
  /** Where there are other instances. */
  readonly elsewhere: () => PresenceElsewhere | undefined;
  readonly scopes: () => Scopes;
  readonly sessions: SessionRegistry;
  readonly ledger: Ledger;
  /** Who stands around requests, where the app has one. */
  readonly interceptor: Interceptor | undefined;
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
    await new Admission(connection, identity.principal, around).admit(caller, held, identity.expiresAt);
  } catch (error) {
    refuse(connection, error);
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
  SCOPE_LIMIT: 'overloaded',
  GATE_FULL: 'overloaded',
  GATE_STOPPED: 'draining',
  INTERNAL: 'bug',
};

/** A fatal error that nobody foresaw here: coming back cannot mend it, and the client is not to blame. */
function isBug(error: MusterError): boolean {
  return error.fatal && CLOSES[error.code] === undefined;
}
