/**
 * The life of a client, over all the sockets that it opens.
 *
 *   idle ─open─▶ connecting ─opened─▶ greeting ─welcomed─▶ ready
 *                    ▲
 *                    └─retry─ waiting ◀─lost─ connecting, greeting, ready, degraded, draining
 *
 *   ready ─degrade─▶ degraded ─recover─▶ ready        ready, degraded ─drain─▶ draining ─welcomed─▶ ready
 *   (any) ─close─▶ closed
 *
 * Requests are sent in `ready` only and wait in every other state. Events are taken from any socket that is open:
 * while `draining` the old one goes on until the new one is welcomed.
 */
import type { StateOf, TransitionTable } from '@muster/contracts';

export const CLIENT = {
  idle: { open: 'connecting', close: 'closed' },
  connecting: { opened: 'greeting', lost: 'waiting', close: 'closed' },
  greeting: { welcomed: 'ready', lost: 'waiting', close: 'closed' },
  ready: { degrade: 'degraded', drain: 'draining', lost: 'waiting', close: 'closed' },
  degraded: { recover: 'ready', drain: 'draining', lost: 'waiting', close: 'closed' },
  draining: { welcomed: 'ready', lost: 'waiting', close: 'closed' },
  waiting: { retry: 'connecting', close: 'closed' },
  closed: {},
} as const satisfies TransitionTable;

export type ClientState = StateOf<typeof CLIENT>;

/** Where a client stands, as a page shows it. */
export interface ClientStatus {
  readonly state: ClientState;
  /** What the server waits for before it serves: the root causes of a held handshake or a degraded service. */
  readonly waitingFor: readonly string[];
  /** How long until the next attempt to connect, in milliseconds from the moment this was told; `null` when none is set. */
  readonly retryInMs: number | null;
  /** How the last socket ended; `null` until one did. */
  readonly lastClose: Closed | null;
}

/** How a socket ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}
