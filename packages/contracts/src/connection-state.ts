/**
 * The life of one WebSocket, from the upgrade request to the close.
 *
 *   connecting ─upgraded─▶ accepted ─hello─▶ authenticating ─authenticated─▶ gated ─permitted─▶ syncing ─live─▶ ready
 *
 *   ready ─degrade─▶ degraded ─recover─▶ ready        ready, degraded ─drain─▶ draining
 *   (any but connecting) ─close─▶ closing ─lost─▶ closed      (any) ─lost─▶ closed
 *
 * Requests are handled in `ready` only: before it they wait, in `degraded` and `draining` they get a retryable error.
 */
import type { StateOf, TransitionTable } from './transition-table.ts';

export const CONNECTION = {
  connecting: { upgraded: 'accepted', lost: 'closed' },
  accepted: { hello: 'authenticating', close: 'closing', lost: 'closed' },
  authenticating: { authenticated: 'gated', close: 'closing', lost: 'closed' },
  gated: { permitted: 'syncing', close: 'closing', lost: 'closed' },
  syncing: { live: 'ready', close: 'closing', lost: 'closed' },
  ready: { degrade: 'degraded', drain: 'draining', close: 'closing', lost: 'closed' },
  degraded: { recover: 'ready', drain: 'draining', close: 'closing', lost: 'closed' },
  draining: { close: 'closing', lost: 'closed' },
  closing: { lost: 'closed' },
  closed: {},
} as const satisfies TransitionTable;

export type ConnectionState = StateOf<typeof CONNECTION>;
