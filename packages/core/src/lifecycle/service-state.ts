/**
 * The phase of one service. Health is another variable: a running service can be unhealthy.
 *
 *   registered ─start─▶ waiting ◀─wait──────────── backoff ─limit─▶ failed ─restart─▶ waiting
 *                        │   │                      │   ▲
 *                depFailed   satisfied          timer   │ fail (starting), crash (running)
 *                        ▼   │                      ▼   │
 *                   skipped  └────────────────▶ starting ─ok─▶ running      starting ─end─▶ completed
 *                        │                          ▲
 *                        └─depReady─▶ waiting       lead
 *                                       └─follow─▶ standby        a leader service, which another instance may lead
 *
 *   (any but failed, skipped, stopped) ─stop─▶ stopping ─done─▶ stopped      stopping ─again─▶ waiting
 */
import type { StateOf, TransitionTable } from '@muster/contracts';

export const SERVICE = {
  registered: { start: 'waiting', stop: 'stopping' },
  waiting: { satisfied: 'starting', follow: 'standby', depFailed: 'skipped', stop: 'stopping' },
  standby: { lead: 'starting', stop: 'stopping' },
  starting: { ok: 'running', end: 'completed', fail: 'backoff', stop: 'stopping' },
  backoff: { timer: 'starting', wait: 'waiting', limit: 'failed', stop: 'stopping' },
  running: { crash: 'backoff', stop: 'stopping' },
  completed: { stop: 'stopping' },
  failed: { restart: 'waiting' },
  skipped: { depReady: 'waiting' },
  stopping: { done: 'stopped', again: 'waiting' },
  stopped: {},
} as const satisfies TransitionTable;

export type ServicePhase = StateOf<typeof SERVICE>;
