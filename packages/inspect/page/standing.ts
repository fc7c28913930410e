/**
 * How a service stands, from phase and health: one word, one tone and one sign.
 *
 * Signs differ in shape, so that nobody needs to tell colours apart.
 */

/** What a person has to think of it. */
export type Tone = 'good' | 'busy' | 'idle' | 'warn' | 'bad';

export type Sign =
  | 'disc'
  | 'ring'
  | 'tick'
  | 'half'
  | 'dots'
  | 'triangle'
  | 'loop'
  | 'octagon'
  | 'cross'
  | 'pause'
  | 'barred'
  | 'square'
  | 'diamond'
  | 'point';

export interface Standing {
  readonly word: string;
  readonly tone: Tone;
  readonly sign: Sign;
}

const BY_HEALTH: Readonly<Record<string, Standing>> = {
  healthy: { word: 'healthy', tone: 'good', sign: 'disc' },
  unchecked: { word: 'running', tone: 'good', sign: 'ring' },
  degraded: { word: 'degraded', tone: 'warn', sign: 'triangle' },
  unhealthy: { word: 'unhealthy', tone: 'bad', sign: 'octagon' },
  unknown: { word: 'checking', tone: 'busy', sign: 'half' },
};

/** Phases of services, and of factories behind the gate. */
const BY_PHASE: Readonly<Record<string, Standing>> = {
  registered: { word: 'not started', tone: 'idle', sign: 'point' },
  waiting: { word: 'waiting', tone: 'idle', sign: 'dots' },
  starting: { word: 'starting', tone: 'busy', sign: 'half' },
  completed: { word: 'completed', tone: 'good', sign: 'tick' },
  standby: { word: 'standby', tone: 'idle', sign: 'pause' },
  backoff: { word: 'retrying', tone: 'bad', sign: 'loop' },
  failed: { word: 'failed', tone: 'bad', sign: 'cross' },
  skipped: { word: 'skipped', tone: 'idle', sign: 'barred' },
  stopping: { word: 'stopping', tone: 'busy', sign: 'half' },
  stopped: { word: 'stopped', tone: 'idle', sign: 'square' },
  absent: { word: 'not made yet', tone: 'idle', sign: 'dots' },
  initialising: { word: 'initialising', tone: 'busy', sign: 'half' },
  awaiting: { word: 'awaiting', tone: 'busy', sign: 'half' },
  renewing: { word: 'renewing', tone: 'good', sign: 'diamond' },
  ready: { word: 'ready', tone: 'good', sign: 'diamond' },
};

const NONE: Standing = { word: '', tone: 'idle', sign: 'point' };

export function standingOf({ phase, health }: { readonly phase: string; readonly health: string }): Standing {
  const [table, state] = phase === 'running' ? [BY_HEALTH, health] : [BY_PHASE, phase];
  const known = Object.hasOwn(table, state) ? table[state] : undefined;
  if (known !== undefined) return known;
  // A phase that a newer server has is shown by its own name.
  return phase === '-' ? NONE : { ...NONE, word: phase };
}

/** Tones of an app's own state. */
export function toneOfApp(state: string): Tone {
  const known: Readonly<Record<string, Tone>> = { starting: 'busy', running: 'good', stopping: 'warn', failed: 'bad' };
  return known[state] ?? 'idle';
}

/** A gate that has not opened yet is no trouble: the boot goes on. */
export function standingOfGate(state: string, isBooting: boolean): Standing {
  if (state === 'open') return { word: state, tone: 'good', sign: 'disc' };
  if (state === 'opening' || (state === 'closed' && isBooting)) return { word: state, tone: 'busy', sign: 'half' };
  if (state === 'closed') return { word: state, tone: 'bad', sign: 'octagon' };
  return { word: state, tone: 'idle', sign: 'square' };
}
