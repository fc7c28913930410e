/** The error catalogue of `@muster/server`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

type Nothing = Record<never, never>;

export const SERVER_ERRORS = {
  TOKEN_INVALID: {
    message: (d) => `The token was not accepted: ${d.reason}.`,
    hint: 'Log in again and send the new token.',
    fatal: true,
  } satisfies ErrorEntry<{ reason: string }>,
  TOKEN_EXPIRED: {
    message: () => 'The token has expired.',
    hint: 'Fetch a fresh token and connect again.',
  } satisfies ErrorEntry<Nothing>,
  FORBIDDEN: {
    message: (d) => `This user may not connect here: ${d.reason}.`,
    hint: 'Ask whoever runs the service for access; another token of the same user changes nothing.',
    fatal: true,
  } satisfies ErrorEntry<{ reason: string }>,
  TOKEN_OF_ANOTHER: {
    message: () => 'The fresh token belongs to another user than the connection.',
    hint: 'Open a new connection for another user.',
    fatal: true,
  } satisfies ErrorEntry<Nothing>,
  AUTH_UNAVAILABLE: {
    message: (d) => `The token could not be checked now; the cause is logged as ${d.correlation}.`,
    hint: 'Try again with backoff; look for the correlation id in the log of the server if it stays so.',
  } satisfies ErrorEntry<{ correlation: string }>,
  SESSION_EXPIRED: {
    message: () => 'This session cannot be gone on with.',
    hint: 'Connect without a session; the server makes a fresh one.',
    fatal: true,
  } satisfies ErrorEntry<Nothing>,
  TOO_MANY_SESSIONS: {
    message: (d) => `This user has ${d.sessions} sessions that are connected, and the limit is ${d.limit}.`,
    hint: 'Close another tab or program.',
  } satisfies ErrorEntry<{ sessions: number; limit: number }>,
  TOO_MANY_HELD: {
    message: (d) => `This user has ${d.held} clients waiting at the gate, and the limit is ${d.limit}.`,
    hint: 'Try again with backoff.',
  } satisfies ErrorEntry<{ held: number; limit: number }>,
  HELLO_EXPECTED: {
    message: (d) => `The first frame must be hello, and was ${d.got}.`,
    hint: 'Send {"type":"hello","client":{…},"auth":{…}} before anything else; other frames may follow at once.',
    fatal: true,
  } satisfies ErrorEntry<{ got: string }>,
  HELLO_TWICE: {
    message: () => 'A connection has one hello, and this is the second.',
    hint: 'Open a new connection to say hello again.',
    fatal: true,
  } satisfies ErrorEntry<Nothing>,
  BINARY_FRAME: {
    message: () => 'This protocol is JSON in text frames; a binary frame cannot be read.',
    hint: 'Send text frames.',
    fatal: true,
  } satisfies ErrorEntry<Nothing>,
  MESSAGE_TOO_LARGE: {
    message: (d) => `The frame has ${d.bytes} bytes, and the limit is ${d.limit}.`,
    hint: 'Send less at once; the limit stands in welcome.limits.messageBytes.',
    fatal: true,
  } satisfies ErrorEntry<{ bytes: number; limit: number }>,
  RATE_LIMITED: {
    message: (d) => `More than ${d.limit} ${d.what} a second came; this one was not executed.`,
    hint: 'Send it again after retryAfterMs; the limits stand in welcome.limits.',
  } satisfies ErrorEntry<{ what: string; limit: number; retryAfterMs: number }>,
  MAILBOX_FULL: {
    message: (d) => `${d.waiting} frames wait already, which is the limit; this request was not executed.`,
    hint: 'Send it again when earlier requests have been answered.',
  } satisfies ErrorEntry<{ waiting: number }>,
  METHOD_UNKNOWN: {
    message: (d) => `There is no method "${d.method}"; there are: ${d.known.join(', ')}.`,
    hint: 'Check the name of the method.',
    fatal: true,
  } satisfies ErrorEntry<{ method: string; known: readonly string[] }>,
  NOT_SERVING: {
    message: (d) => `The server is ${d.state}; this request was not executed.`,
    hint: 'Send it again when a recovered frame has come, or on the next connection after a drain frame.',
  } satisfies ErrorEntry<{ state: string }>,
  STREAM_UNKNOWN: {
    message: (d) => `This connection does not follow the stream "${d.stream}".`,
    hint: 'Send subscribe first.',
    fatal: true,
  } satisfies ErrorEntry<{ stream: string }>,
  STREAMS_FULL: {
    message: (d) => `This connection follows ${d.streams} streams, which is the limit.`,
    hint: 'Unsubscribe from one that is no longer shown.',
  } satisfies ErrorEntry<{ streams: number }>,
  ACK_BEYOND: {
    message: (d) => `Offset ${d.offset} of "${d.stream}" was acknowledged, and only ${d.sent} was sent.`,
    hint: 'Acknowledge what was received and processed, not more.',
    fatal: true,
  } satisfies ErrorEntry<{ stream: string; offset: number; sent: number }>,
  INTERNAL: {
    message: (d) => `Something went wrong in the server; it is logged as ${d.correlation}.`,
    hint: 'Report the correlation id; nothing of the cause is sent to clients.',
  } satisfies ErrorEntry<{ correlation: string }>,
  PATH_TAKEN: {
    message: (d) => `${d.factories.join(' and ')} serve the same path ${d.path}.`,
    hint: 'Give each WebSocket factory a path of its own.',
    fatal: true,
  } satisfies ErrorEntry<{ path: string; factories: readonly string[] }>,
} as const;

/** Makes an error of this catalogue. */
export const serverError = errorsFrom(SERVER_ERRORS);
