/**
 * What the servers of benches have in common: everybody is who they say they are, and as many may come as want to.
 */
import { service } from '@muster/core';
import type { Authenticator } from '@muster/server';

/** The token is the user's name. */
@service()
export class Anyone implements Authenticator {
  authenticate({ token }: { token: string }) {
    return { user: token };
  }
}

const MANY = 100_000;

/** All clients of a bench come from one address, and at once. */
export const CROWD = { unauthenticated: MANY, unauthenticatedPerAddress: MANY, connectionsPerAddress: MANY } as const;
