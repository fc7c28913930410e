/** How an event reached its sockets, in one short line; the slowest counts. */
import type { RunEventLine } from '../../src/live/overview.ts';
import { duration } from '../text/amount.ts';

export function deliveryOf({ at, sockets }: Pick<RunEventLine, 'at' | 'sockets'>): string {
  if (sockets.length === 0) return 'nobody listens';
  const acked = sockets.flatMap(({ ackedAt }) => (ackedAt === null ? [] : [ackedAt - at]));
  const missing = sockets.length - acked.length;
  if (missing === 0) return `acked ${duration(Math.max(0, ...acked))}`;
  return missing === sockets.length ? 'not acked' : `${missing} of ${sockets.length} not acked`;
}
