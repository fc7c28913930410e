/**
 * Who may come in, as a port: an application provides one authenticator, and the handshake asks it once per connection.
 *
 * It waits behind a small gate of its own, which opens as soon as what the authenticator itself needs is ready.
 */
import type { Credentials } from '@muster/contracts';
import { token } from '@muster/core';

/** Who the credentials belong to. */
export interface Identity {
  /** Opaque id, 1 to 200 bytes. */
  readonly user: string;
  /** When the credentials end, in milliseconds since 1970; the client is told a minute before. @default never */
  readonly expiresAt?: number | undefined;
}

/** What belongs to one question. */
export interface AuthenticateContext {
  readonly signal: AbortSignal;
}

export interface Authenticator {
  /**
   * Checks the credentials.
   *
   * @param ctx its signal is aborted when the client has gone, and nobody waits for the answer any more.
   * @throws MusterError `TOKEN_INVALID` (closes with 4001), `TOKEN_EXPIRED` (4108) or `FORBIDDEN` (4002), made by `serverError`.
   * Any other error means that the check itself failed, and the client is told to come back.
   */
  authenticate(credentials: Credentials, ctx: AuthenticateContext): Identity | Promise<Identity>;
}
export const Authenticator = token<Authenticator>('Authenticator');
