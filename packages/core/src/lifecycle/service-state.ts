/**
 * The phase of one service. Health is another variable: a running service can be unhealthy.
 *
 *   registered ─start─▶ waiting ─satisfied─▶ starting ─ok─▶ running
 *                          │                    │ ▲            │
 *                     depFailed            fail │ │ timer      │ crash
 *                          ▼                    ▼ │            │
 *                       skipped              backoff ◀─────────┘
 *                                               └─limit─▶ failed
 *
 *   registered, waiting, starting, backoff, running ─stop─▶ stopping ─done─▶ stopped
 */
import type { StateOf, TransitionTable } from '@muster/contracts';

export const SERVICE = {
  registered: { start: 'waiting', stop: 'stopping' },
  waiting: { satisfied: 'starting', depFailed: 'skipped', stop: 'stopping' },
  starting: { ok: 'running', fail: 'backoff', stop: 'stopping' },
  backoff: { timer: 'starting', limit: 'failed', stop: 'stopping' },
  running: { crash: 'backoff', stop: 'stopping' },
  failed: {},
  skipped: {},
  stopping: { done: 'stopped' },
  stopped: {},
} as const satisfies TransitionTable;

export type ServicePhase = StateOf<typeof SERVICE>;
