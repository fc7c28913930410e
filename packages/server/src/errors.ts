/** The error catalogue of `@muster/server`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const SERVER_ERRORS = {
  TOKEN_INVALID: {
    message: (d) => `The token was not accepted: ${d.reason}.`,
    hint: 'Log in again and send the new token in hello.auth.',
    fatal: true,
  } satisfies ErrorEntry<{ reason: string }>,
  TOKEN_EXPIRED: {
    message: () => 'The token has expired.',
    hint: 'Fetch a fresh token and connect again.',
  } satisfies ErrorEntry<Record<never, never>>,
  AUTH_UNAVAILABLE: {
    message: (d) => `The token could not be checked now; the cause is logged as ${d.correlation}.`,
    hint: 'Try again with backoff; look for the correlation id in the log of the server if it stays so.',
  } satisfies ErrorEntry<{ correlation: string }>,
  HELLO_EXPECTED: {
    message: (d) => `The first frame must be hello, and was ${d.got}.`,
    hint: 'Send {"type":"hello","client":{…},"auth":{…}} before anything else; other frames may follow at once.',
    fatal: true,
  } satisfies ErrorEntry<{ got: string }>,
  HELLO_TWICE: {
    message: () => 'A connection has one hello, and this is the second.',
    hint: 'Open a new connection to say hello again.',
    fatal: true,
  } satisfies ErrorEntry<Record<never, never>>,
  BINARY_FRAME: {
    message: () => 'This protocol is JSON in text frames; a binary frame cannot be read.',
    hint: 'Send text frames.',
    fatal: true,
  } satisfies ErrorEntry<Record<never, never>>,
  MESSAGE_TOO_LARGE: {
    message: (d) => `The frame has ${d.bytes} bytes, and the limit is ${d.limit}.`,
    hint: 'Send less at once; the limit stands in welcome.limits.messageBytes.',
    fatal: true,
  } satisfies ErrorEntry<{ bytes: number; limit: number }>,
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
