/**
 * Whether new connections may enter.
 *
 *   closed ──ready──▶ opening ──resolved──▶ open ──unready──▶ closed          (any) ──stop──▶ stopped
 *     ▲────unready, failed────┘
 */
import type { StateOf, TransitionTable } from '@muster/contracts';

export const GATE = {
  closed: { ready: 'opening', stop: 'stopped' },
  opening: { resolved: 'open', unready: 'closed', failed: 'closed', stop: 'stopped' },
  open: { unready: 'closed', stop: 'stopped' },
  stopped: {},
} as const satisfies TransitionTable;

export type GateState = StateOf<typeof GATE>;
