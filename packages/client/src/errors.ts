/** The error catalogue of `@muster/client`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const CLIENT_ERRORS = {
  CONNECTION_CLOSED: {
    message: (d) => `The connection was closed with ${d.code}${d.reason === '' ? '' : ` (${d.reason})`}.`,
    hint: 'details.retry says whether to come back: never, backoff, now or fresh.',
  } satisfies ErrorEntry<{ code: number; reason: string; retry: string }>,
  CONNECT_TIMEOUT: {
    message: (d) => `${d.url} was not ready for requests within ${d.waitedMs} ms; ${d.last}.`,
    hint: 'Look whether the server runs and what it waits for, or raise connectMs.',
  } satisfies ErrorEntry<{ url: string; waitedMs: number; last: string }>,
  REQUEST_REFUSED: {
    message: (d) => d.message,
    hint: 'details.retryable says whether the same request can succeed later.',
  } satisfies ErrorEntry<{ code: string; message: string; retryable: boolean; details: unknown }>,
  REQUEST_TIMEOUT: {
    message: (d) =>
      `"${d.method}" had no answer within ${d.timeoutMs} ms; it was ${d.sent ? 'sent and may have been executed' : 'never sent'}.`,
    hint: 'Raise timeoutMs, or look at the state of the client: requests wait while it is not ready.',
  } satisfies ErrorEntry<{ method: string; timeoutMs: number; sent: boolean }>,
  REQUEST_TOO_LARGE: {
    message: (d) => `"${d.method}" has ${d.bytes} bytes, and the server reads ${d.limit} at most.`,
    hint: 'Send less at once, or raise limits.messageBytes of the server.',
    fatal: true,
  } satisfies ErrorEntry<{ method: string; bytes: number; limit: number }>,
  CLIENT_QUEUE_FULL: {
    message: (d) => `${d.waiting} requests wait for the connection already; "${d.method}" was not queued.`,
    hint: 'Wait until the client is ready, or raise maxQueued.',
  } satisfies ErrorEntry<{ method: string; waiting: number }>,
  EVENTS_LOST: {
    message: (d) => `Events of the stream "${d.stream}" are lost to this reader: ${d.why}.`,
    hint: 'Read the state from where it is kept, the messages of the thread for instance, and read on from there.',
  } satisfies ErrorEntry<{ stream: string; why: string }>,
  HANDLER_FAILED: {
    message: (d) => `A handler failed at ${d.event} of the stream "${d.stream}" (attempt ${d.attempt} of 3).`,
    hint: 'Correct the handler; after the third attempt the event counts as processed. The cause is what was thrown.',
  } satisfies ErrorEntry<{ stream: string; event: string; attempt: number }>,
  LISTENER_FAILED: {
    message: () => 'A listener of the client threw.',
    hint: 'Correct the listener; the others were told all the same. The cause is what was thrown.',
    fatal: true,
  } satisfies ErrorEntry<Record<never, never>>,
  TOKEN_FAILED: {
    message: () => 'The token provider failed.',
    hint: 'The cause is what token() threw. After the first connection it is asked again with the next attempt.',
  } satisfies ErrorEntry<Record<never, never>>,
  CURSORS_FAILED: {
    message: (d) => `The store of the cursors failed to ${d.method}.`,
    hint: 'Events go on, but a reload may see some again. The cause is what the store threw.',
  } satisfies ErrorEntry<{ method: 'load' | 'save' }>,
  SERVER_ERROR: {
    message: (d) => `The server answered ${d.code}: ${d.message}`,
    hint: 'Look up the code in docs/errors.md, and the correlation id in the log of the server.',
  } satisfies ErrorEntry<{ code: string; message: string; correlation: string }>,
  FRAME_UNREADABLE: {
    message: () => 'A frame of the server is no JSON, and was left out.',
    hint: 'Something between client and server changes frames. Events that stood in it are asked for again.',
  } satisfies ErrorEntry<Record<never, never>>,
  NO_WEB_SOCKET: {
    message: () => 'This runtime has no global WebSocket.',
    hint: 'Pass one: connect({ WebSocket }), from the package "ws" for instance. Node has its own from version 22 on.',
    fatal: true,
  } satisfies ErrorEntry<Record<never, never>>,
  CLIENT_OPTION_INVALID: {
    message: (d) => `${d.option} must be a number from 0 on, and is ${d.got}.`,
    hint: 'Correct the option, or leave it out for its default.',
    fatal: true,
  } satisfies ErrorEntry<{ option: string; got: string }>,
} as const;

/** Makes an error of this catalogue. */
export const clientError = errorsFrom(CLIENT_ERRORS);
