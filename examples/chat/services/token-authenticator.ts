/**
 * Issues and checks the chat's tokens: signed, valid for an hour, under a key that stays in the data directory.
 *
 * A name is all it takes to get a token, because this is an example; there is no way in without one.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Clock, type Service, service, token } from '@muster/core';
import { type Authenticator, type Credentials, type Identity, serverError } from '@muster/server';
import { errors, jwtVerify, SignJWT } from 'jose';

/** Where the chat keeps what must survive a restart. */
export const DataDirectory = token<string>('DataDirectory');

const LIFETIME_S = 3_600;
const KEY_BYTES = 32;

@service({ dependsOn: [DataDirectory, Clock] })
export class TokenAuthenticator implements Authenticator, Service {
  readonly #directory: string;
  readonly #clock: Clock;
  #key = new Uint8Array();

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    const file = join(this.#directory, 'token.key');
    await mkdir(this.#directory, { recursive: true });
    // "wx" makes the key once: two processes that start at the same time agree on the first one's.
    await writeFile(file, randomBytes(KEY_BYTES), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const key = await readFile(file);
    if (key.byteLength !== KEY_BYTES) {
      const hint = `Delete ${file}; everybody then has to log in again.`;
      throw Object.assign(new Error(`${file} has ${key.byteLength} bytes instead of ${KEY_BYTES}`), {
        fatal: true,
        hint,
      });
    }
    this.#key = new Uint8Array(key);
  }

  /** A fresh token for `user`. */
  async issue(user: string): Promise<string> {
    const now = Math.floor(this.#clock.now() / 1_000);
    return new SignJWT()
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(user)
      .setIssuedAt(now)
      .setExpirationTime(now + LIFETIME_S)
      .sign(this.#key);
  }

  async authenticate({ scheme, token: jwt }: Credentials): Promise<Identity> {
    if (scheme.toLowerCase() !== 'bearer') throw serverError('TOKEN_INVALID', { reason: 'the scheme must be bearer' });
    try {
      const { payload } = await jwtVerify(jwt, this.#key, {
        algorithms: ['HS256'],
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ['sub', 'exp'],
      });
      return { user: payload.sub as string };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw serverError('TOKEN_EXPIRED', {}, error);
      if (error instanceof errors.JOSEError)
        throw serverError('TOKEN_INVALID', { reason: 'it was not issued here' }, error);
      throw error;
    }
  }
}
