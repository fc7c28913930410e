/**
 * The life of a client's connection.
 *
 *   connecting ─opened─▶ greeting ─welcomed─▶ ready ─drained─▶ leaving
 *   (any) ─closed─▶ closed
 */
import type { StateOf, TransitionTable } from '@muster/contracts';

export const CLIENT = {
  connecting: { opened: 'greeting', closed: 'closed' },
  greeting: { welcomed: 'ready', closed: 'closed' },
  ready: { drained: 'leaving', closed: 'closed' },
  leaving: { closed: 'closed' },
  closed: {},
} as const satisfies TransitionTable;

export type ClientState = StateOf<typeof CLIENT>;
