/** Random clusters, the short form of `npm run sim -- --cluster`: runs that never stop coming, under everything that may befall an instance. */
import { describe, expect, it } from '@jest/globals';
import { simulateCluster } from '../../../test/sim/cluster/simulation.ts';

const SEEDS = 24;

describe('a random cluster', () => {
  it('gives every run one whole life, whoever carries it, and whatever is lost, late, doubled, dead or asleep', async () => {
    const seen: Record<string, number> = {};
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const result = await simulateCluster(seed);
      expect({ seed, violations: result.violations }).toEqual({ seed, violations: [] });
      for (const [what, times] of Object.entries(result.seen ?? {})) seen[what] = (seen[what] ?? 0) + times;
    }
    for (const what of ['accepted', 'repeated', 'takeovers', 'cancels', 'leases', 'interrupted', 'dies', 'sleeps'])
      expect([what, seen[what]]).toEqual([what, expect.any(Number)]);
  }, 60_000);

  it('has the same story with the same seed', async () => {
    const [one, other] = [await simulateCluster(7), await simulateCluster(7)];
    expect(one.story.length).toBeGreaterThan(30);
    expect(other.story).toEqual(one.story);
  }, 30_000);
});
