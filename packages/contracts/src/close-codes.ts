/**
 * The close codes of `muster.v1`. The range alone tells a client whether to come back:
 *
 *   40xx never · 41xx with backoff, resumable · 42xx now, resumable · 43xx now, fresh session · 1000 done
 *
 * A code that nothing produces and no test provokes does not stand here.
 */
export const CLOSE = {
  done: 1000,
  bug: 1011,
  unauthenticated: 4001,
  forbidden: 4002,
  malformedHello: 4004,
  secondHello: 4007,
  notReady: 4101,
  overloaded: 4102,
  rateLimited: 4103,
  handshakeTimeout: 4104,
  heartbeatLost: 4105,
  noProgress: 4106,
  tokenExpired: 4108,
  draining: 4201,
  sessionExpired: 4301,
  replaced: 4309,
} as const;

/** Name of a close code, as `bye.name` carries it. */
export type CloseName = keyof typeof CLOSE;

/** What a client does after a close. */
export type Retry = 'never' | 'backoff' | 'now' | 'fresh';

/** What to do after a close with `code`; codes that nobody knows behave as their range. */
export function retryAfter(code: number): Retry {
  if (code === 1000) return 'never';
  if (code >= 4000 && code < 4100) return 'never';
  if (code >= 4200 && code < 4300) return 'now';
  if (code >= 4300 && code < 4400) return 'fresh';
  return 'backoff';
}

/** True when the session can be gone on with on a new connection; cursors can be sent with any session of the user. */
export function isResumable(code: number): boolean {
  const retry = retryAfter(code);
  return retry === 'backoff' || retry === 'now';
}
