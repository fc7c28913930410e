/**
 * What probes are told, from what the engine knows: no check is made for one, so none can hang one.
 *
 * Liveness is not readiness: a process whose database is down is alive and must not be restarted for it. No names stand in
 * it, since whoever can reach a port can ask.
 */
import type { GateState } from './lifecycle/gate-state.ts';
import type { AppState } from './runtime.ts';

/** An HTTP status and what is said with it. */
export interface ProbeVerdict {
  readonly status: 200 | 503;
  readonly body: Readonly<Record<string, string | boolean>>;
}

/** The answer at `/livez`, `/readyz` or `/startupz`; undefined at any other path. */
export function probeVerdict(path: string, state: AppState, gate: GateState): ProbeVerdict | undefined {
  switch (path) {
    case '/livez':
      return { status: 200, body: { live: true, state } };
    case '/readyz': {
      const ready = gate === 'open';
      return { status: ready ? 200 : 503, body: { ready, gate } };
    }
    case '/startupz': {
      const started = state === 'running' || state === 'stopping';
      return { status: started ? 200 : 503, body: { started, state } };
    }
    default:
      return undefined;
  }
}
