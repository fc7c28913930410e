/** The error catalogue of `@muster/client`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const CLIENT_ERRORS = {
  CONNECTION_CLOSED: {
    message: (d) => `The connection was closed with ${d.code}${d.reason === '' ? '' : ` (${d.reason})`}.`,
    hint: 'details.retry says whether to come back: never, backoff, now or fresh.',
  } satisfies ErrorEntry<{ code: number; reason: string; retry: string }>,
  REQUEST_REFUSED: {
    message: (d) => d.message,
    hint: 'details.retryable says whether the same request can succeed later.',
  } satisfies ErrorEntry<{ code: string; message: string; retryable: boolean; details: unknown }>,
  NO_WEB_SOCKET: {
    message: () => 'This runtime has no global WebSocket.',
    hint: 'Pass one: connect({ WebSocket }), from the package "ws" for instance. Node has its own from version 22 on.',
    fatal: true,
  } satisfies ErrorEntry<Record<never, never>>,
} as const;

/** Makes an error of this catalogue. */
export const clientError = errorsFrom(CLIENT_ERRORS);
