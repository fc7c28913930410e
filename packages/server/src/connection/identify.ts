/**
 * Asks the authenticator, and tells apart what it says of a token and what it says of itself.
 */
import { type Credentials, MusterError } from '@muster/contracts';
import { isProbe, type Principal, principalOf } from '@muster/core';
import type { AuthenticateContext, Authenticator, Identity } from '../authenticator.ts';
import { serverError } from '../errors.ts';
import type { Connection } from './connection.ts';

/**
 * Who shows these credentials.
 *
 * @throws MusterError of the authenticator's verdict, or `AUTH_UNAVAILABLE` where it could not come to one.
 */
export async function identify(
  credentials: Credentials,
  connection: Connection,
  around: { readonly authenticator: () => Authenticator },
): Promise<Identity & { readonly principal: Principal }> {
  try {
    const { user, expiresAt } = await around.authenticator().authenticate(credentials, new LazySignal(connection));
    const principal = principalOf(user);
    if (isProbe(principal)) throw serverError('FORBIDDEN', { reason: `no user can be named ${user}` });
    return { user, expiresAt, principal };
  } catch (error) {
    if (error instanceof MusterError && VERDICTS.has(error.code)) throw error;
    const { correlation } = connection.fault('authenticator', error).details as { correlation: string };
    throw serverError('AUTH_UNAVAILABLE', { correlation }, error);
  }
}

/** The connection's signal is made for who looks at it, and nothing else of it is to be seen. */
class LazySignal implements AuthenticateContext {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get signal(): AbortSignal {
    return this.#connection.signal;
  }
}

/** What an authenticator says of a token, and not of itself. */
const VERDICTS: ReadonlySet<string> = new Set(['TOKEN_INVALID', 'TOKEN_EXPIRED', 'FORBIDDEN']);
