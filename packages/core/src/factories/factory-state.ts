/**
 * How far a factory behind the gate has come.
 *
 *   absent ──claim──▶ initialising ──ok──▶ ready
 *                      ▲    │   │ ▲
 *                  claim  error │ └──claim, verdict──┐
 *                      │    ▼   └──wait──▶ awaiting ─┘
 *                      failed ◀──error────────┘
 *
 *   ready ──renew──▶ renewing ──ok, error──▶ ready
 *
 * In `awaiting` another instance prepares what this one adopts. In `renewing` the factory serves with what it has.
 */
import type { StateOf, TransitionTable } from '@muster/contracts';

export const FACTORY = {
  absent: { claim: 'initialising' },
  initialising: { ok: 'ready', error: 'failed', wait: 'awaiting' },
  awaiting: { claim: 'initialising', verdict: 'initialising', error: 'failed' },
  failed: { claim: 'initialising' },
  ready: { renew: 'renewing' },
  renewing: { ok: 'ready', error: 'ready' },
} as const satisfies TransitionTable;

export type FactoryState = StateOf<typeof FACTORY>;
