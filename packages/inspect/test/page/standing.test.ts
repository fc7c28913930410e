/** How things stand, compared with the tables of the framework: a state that is new there has to be thought of here. */
import { describe, expect, it } from '@jest/globals';
import { CONNECTION, RUN } from '@muster/contracts';
import { FACTORY } from '../../../core/src/factories/factory-state.ts';
import { GATE } from '../../../core/src/lifecycle/gate-state.ts';
import { SERVICE } from '../../../core/src/lifecycle/service-state.ts';
import { STATES } from '../../page/connections/connection-states.ts';
import { standingOfRun } from '../../page/runs/run-standing.ts';
import { whyOf } from '../../page/services/why.ts';
import { standingOf, standingOfGate } from '../../page/standing.ts';
import { FakeBackend } from './backends.ts';
import { SHOP } from './specs.ts';

const HEALTH = ['healthy', 'unchecked', 'degraded', 'unhealthy', 'unknown'];
const standings = [
  ...[...Object.keys(SERVICE), ...Object.keys(FACTORY)]
    .filter((phase) => phase !== 'running')
    .map((phase) => ({ phase, health: '-' })),
  ...HEALTH.map((health) => ({ phase: 'running', health })),
];

describe('how a service stands', () => {
  it('is known for every phase and every health, each with a word', () => {
    for (const each of standings) {
      const { word, sign } = standingOf(each);
      expect([each, word]).not.toEqual([each, '']);
      // Only what has not begun looks like nothing.
      expect([each.phase, sign === 'point']).toEqual([each.phase, each.phase === 'registered']);
    }
    expect(standingOf({ phase: 'hibernating', health: '-' })).toMatchObject({ word: 'hibernating', tone: 'idle' });
  });

  it('is never told by colour alone: what differs in tone differs in sign', () => {
    const tones = new Map<string, Set<string>>();
    for (const each of standings) {
      const { sign, tone } = standingOf(each);
      tones.set(sign, (tones.get(sign) ?? new Set()).add(tone));
    }
    for (const [sign, of] of tones) expect([sign, of.size]).toEqual([sign, 1]);
  });

  it('is explained in a sentence for each, with what to do where something is wrong', () => {
    const overview = new FakeBackend(SHOP, 0).overview({ at: 5_000 });
    const nats = overview.graph.nodes.find(({ id }) => id === 'Nats') as (typeof overview.graph.nodes)[0];
    for (const each of standings) {
      const node = { ...nats, ...each, reason: 'it said no', blockedBy: ['Nats', 'Secrets'] };
      const { text, advice, causes } = whyOf(node, undefined);
      expect(text).toMatch(/^[A-Z].+/);
      if (standingOf(each).tone === 'bad')
        expect([each, text, advice]).toEqual([each, expect.stringContaining('it said no'), expect.any(String)]);
      expect(causes).toEqual(each.phase === 'registered' ? [] : ['Secrets']);
    }
    const lastError = { at: 1, code: 'C', message: 'm', hint: 'Plug it in.' };
    const lane = { id: 'Nats', spans: [], history: [], restarts: 0, lastError, nextAttemptAt: null };
    expect(whyOf({ ...nats, health: 'unhealthy' }, lane).advice).toBe('Plug it in.');
    // What went wrong long ago is no advice for what is well now.
    expect(whyOf(nats, lane).advice).toBeNull();
  });
});

describe('what else has states', () => {
  it('knows those of gates, and that a gate which has not opened yet is no trouble', () => {
    for (const state of Object.keys(GATE)) expect(standingOfGate(state, false).word).toBe(state);
    expect(standingOfGate('closed', true).tone).toBe('busy');
    expect(standingOfGate('closed', false).tone).toBe('bad');
  });

  it('knows those of connections and of runs', () => {
    expect(STATES.map(([state]) => state)).toEqual(Object.keys(CONNECTION).filter((state) => state !== 'closed'));
    for (const state of Object.keys(RUN)) expect(standingOfRun({ state, status: null }).word).toBe(state);
    expect(standingOfRun({ state: 'completed', status: 'failed' }).tone).toBe('bad');
  });
});
