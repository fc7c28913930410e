/** What a request that is refused is answered with: what Muster foresaw is told as it is. */
import { messageOf, type MusterError, type ResponseFrame } from '@muster/contracts';

export function refused(id: string, error: MusterError): ResponseFrame {
  const { code, fatal, details } = error;
  const { retryAfterMs } = details;
  const later = typeof retryAfterMs === 'number' ? { retryAfterMs } : {};
  const told = { code, message: messageOf(error), retryable: !fatal, ...later, details };
  return { type: 'response', id, ok: false, error: told };
}
