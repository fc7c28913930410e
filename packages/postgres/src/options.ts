/** The options of the pool, their defaults, and what they must be. No text made of them holds a password. */
import { token } from '@muster/core';
import { postgresError } from './errors.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`, with the parameters of libpq, such as `?sslmode=verify-full`. */
  readonly url: string;
  /** Most connections at the same time; one more call waits for one. @default 10 */
  readonly maxConnections?: number;
  /** Longest wait for a connection, a new one or one that others use, in milliseconds. @default 5_000 */
  readonly connectMs?: number;
  /** Longest time for one call once it has its connection, in milliseconds; then the server gives it up as well. @default 10_000 */
  readonly callMs?: number;
}

export const POSTGRES_DEFAULTS = { maxConnections: 10, connectMs: 5_000, callMs: 10_000 } as const;

/** The options as the services get them; `postgres()` provides them. */
export interface PostgresSettings {
  /** A function, so that nobody who prints the settings prints the password. */
  readonly url: () => string;
  /** `host:port/database`, for errors. */
  readonly target: string;
  readonly maxConnections: number;
  readonly connectMs: number;
  readonly callMs: number;
}
export const PostgresSettings = token<PostgresSettings>('PostgresSettings');

const LONGEST_MS = 2 ** 31 - 1;

/** @throws MusterError `POSTGRES_OPTION_INVALID`, which never quotes the URL. */
export function settingsOf(options: PostgresOptions): PostgresSettings {
  const { url, maxConnections, connectMs, callMs } = { ...POSTGRES_DEFAULTS, ...options };
  for (const [option, value] of Object.entries({ maxConnections, connectMs, callMs })) {
    if (Number.isInteger(value) && value >= 1 && value <= LONGEST_MS) continue;
    throw postgresError('POSTGRES_OPTION_INVALID', {
      option,
      expected: `a whole number from 1 to ${LONGEST_MS}`,
      got: String(value),
    });
  }
  return { url: () => url, target: targetOf(url), maxConnections, connectMs, callMs };
}

function targetOf(url: unknown): string {
  const expected = 'a URL that begins with postgres:// or postgresql://';
  const invalid = (got: string) => postgresError('POSTGRES_OPTION_INVALID', { option: 'url', expected, got });
  if (typeof url !== 'string' || url === '') throw invalid(url === '' ? 'empty' : typeof url);
  // An error of `new URL` holds what it was given, so it is no cause of ours.
  if (!URL.canParse(url)) throw invalid('a text that is no URL');
  const { protocol, username, password, hostname, port, pathname, searchParams } = new URL(url);
  if (protocol !== 'postgres:' && protocol !== 'postgresql:') throw invalid(`one that begins with ${protocol}//`);
  if (![username, password, hostname, pathname].every(isDecodable))
    throw invalid('one with a % that must be written %25');
  const host = searchParams.get('host') ?? (hostname === '' ? 'localhost' : decodeURIComponent(hostname));
  return `${host}:${searchParams.get('port') ?? (port === '' ? '5432' : port)}${pathname}`;
}

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
