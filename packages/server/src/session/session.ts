/**
 * An authenticated client on one connection, as a proof: only the handshake makes one.
 *
 * What talks to a user takes a session, so nothing can talk to somebody who was not authenticated.
 */
import type { Position } from '@muster/contracts';
import type { Permit, Principal, Scope } from '@muster/core';
import type { UserPresence } from './user-presence.ts';

declare const authenticated: unique symbol;

export interface Session {
  readonly [authenticated]: true;
  /** The same on every connection of one tab: it survives reconnecting. */
  readonly id: string;
  /** One id from upgrade to close, the same in every frame, log line and metric. */
  readonly connection: string;
  readonly principal: Principal;
  /** The newest permit of this connection; look at `live` where it is used. */
  readonly permit: Permit;
  /** Aborted when the connection has gone. */
  readonly signal: AbortSignal;
  /** Whether the user has any connection to this process, this one or another. */
  readonly presence: UserPresence;
  /**
   * The scope of this connection, for classes that are `@scoped('connection')`; opened when it is first looked at.
   *
   * It is closed when the connection has gone and `onGone` has ended, and at the latest five seconds after that.
   *
   * @throws MusterError `SCOPE_LIMIT` when the user has as many as the app allows; thrown in `open()` it turns the client away.
   */
  readonly scope: Scope;
  /**
   * Sends this thread's events to the client from now on; resolves when nothing appended after it can be missed.
   *
   * @param from begins above that instead. @default where the thread stands
   */
  follow(thread: string, from?: Position): Promise<void>;
}
