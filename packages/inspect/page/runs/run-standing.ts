/** How a run stands, as services do: from its state while it goes on, from its status when it is over. */
import type { RunLine } from '../../src/live/overview.ts';
import type { Standing } from '../standing.ts';

const BY_STATUS: Readonly<Record<string, Standing>> = {
  success: { word: 'success', tone: 'good', sign: 'tick' },
  failed: { word: 'failed', tone: 'bad', sign: 'cross' },
  cancelled: { word: 'cancelled', tone: 'idle', sign: 'barred' },
  interrupted: { word: 'interrupted', tone: 'warn', sign: 'triangle' },
};

export function standingOfRun({ state, status }: Pick<RunLine, 'state' | 'status'>): Standing {
  if (status !== null) return BY_STATUS[status] ?? { word: status, tone: 'idle', sign: 'square' };
  if (state === 'accepted') return { word: 'accepted', tone: 'idle', sign: 'dots' };
  return { word: state, tone: 'busy', sign: 'half' };
}
