/**
 * How far a factory behind the gate has come.
 *
 *   absent ──claim──▶ initialising ──ok──▶ ready
 *                      ▲    │   │ ▲
 *                  claim  error │ └──claim, verdict──┐
 *                      │    ▼   └──wait──▶ awaiting ─┘
 *                      failed ◀──error────────┘
 *
 * In `awaiting` another instance prepares what this one adopts.
 */
import type { StateOf, TransitionTable } from '@muster/contracts';

export const FACTORY = {
  absent: { claim: 'initialising' },
  initialising: { ok: 'ready', error: 'failed', wait: 'awaiting' },
  awaiting: { claim: 'initialising', verdict: 'initialising', error: 'failed' },
  failed: { claim: 'initialising' },
  ready: {},
} as const satisfies TransitionTable;

export type FactoryState = StateOf<typeof FACTORY>;
