/**
 * Who may come in, as a port: an application provides one authenticator, and the handshake asks it once per connection.
 *
 * It waits behind a small gate of its own, which opens as soon as what the authenticator itself needs is ready.
 */
import { token } from '@muster/core';

/** What a client showed. Never logged, never repeated in a frame. */
export interface Credentials {
  readonly scheme: string;
  readonly token: string;
}

/** Who the credentials belong to. */
export interface Identity {
  /** Opaque id, 1 to 200 bytes. */
  readonly user: string;
}

export interface Authenticator {
  /**
   * Checks the credentials.
   *
   * @throws MusterError `TOKEN_INVALID` (closes with 4001) or `TOKEN_EXPIRED` (closes with 4108); made by `tokenInvalid` and `tokenExpired`.
   * Any other error means that the check itself failed, and the client is told to come back.
   */
  authenticate(credentials: Credentials): Identity | Promise<Identity>;
}
export const Authenticator = token<Authenticator>('Authenticator');
