/** Where the bars of the timeline stand. */
import { describe, expect, it } from '@jest/globals';
import { barsOf, extentOf, inOrder, sumsOf, tickLabel, ticksOf } from '../../page/timeline/geometry.ts';
import type { Lane } from '../../src/live/overview.ts';

const lane = (id: string, spans: Lane['spans']): Lane => ({
  id,
  spans,
  history: [],
  restarts: 0,
  lastError: null,
  nextAttemptAt: null,
});
const waiting = (from: number, to: number | null) => ({ kind: 'waiting', from, to }) as const;
const starting = (from: number, to: number | null) => ({ kind: 'starting', from, to }) as const;

describe('the timeline', () => {
  it('shows the boot and nothing after it: a restart an hour later leaves the boot its room', () => {
    const lanes = [lane('A', [starting(0, 300), starting(3_600_000, 3_600_100)])];
    const boot = { startedAt: 1, endedAt: 400, gateOpenedAt: 420 };
    expect(extentOf(boot, lanes, 400)).toBe(420);
    expect(barsOf(lanes[0] as Lane, 420, 400)).toEqual([{ kind: 'starting', from: 0, to: 300 / 420, isOpen: false }]);
  });

  it('keeps its scale for a while as a boot goes on, and all of it in sight', () => {
    const boot = { startedAt: 1, endedAt: null, gateOpenedAt: null };
    const lanes = [lane('A', [starting(0, null)])];
    const extents = Array.from({ length: 100 }, (_, at) => extentOf(boot, lanes, at * 100));
    extents.forEach((extent, at) => expect(extent).toBeGreaterThanOrEqual(at * 100));
    expect(new Set(extents).size).toBeLessThan(20);
    expect([...extents].sort((a, b) => a - b)).toEqual(extents);
  });

  it('lets what goes on grow to now', () => {
    const growing = lane('A', [waiting(0, 50), starting(50, null)]);
    expect(barsOf(growing, 200, 100)[1]).toEqual({ kind: 'starting', from: 0.25, to: 0.5, isOpen: true });
    expect(barsOf(growing, 200, 10)[1]).toMatchObject({ from: 0.25, to: 0.25 });
    expect([...sumsOf(growing, 100)]).toEqual([
      ['waiting', 50],
      ['starting', 50],
    ]);
  });

  it('sorts by when work began; what still waits comes last, in the order in which it will begin', () => {
    const lanes = [
      lane('C', [waiting(0, null)]),
      lane('B', [waiting(0, 9), starting(9, 20)]),
      lane('A', [starting(9, 10)]),
      lane('D', [starting(1, 2)]),
    ];
    expect(inOrder(lanes, () => 0)).toEqual(['D', 'A', 'B', 'C']);
    const idle = [lane('A', [waiting(0, null)]), lane('B', [waiting(0, null)]), lane('C', [])];
    expect(inOrder(idle, (id) => (id === 'A' ? 2 : 1))).toEqual(['B', 'C', 'A']);
  });

  it('has round times on its axis, as many as there is room for', () => {
    expect(ticksOf(1_400, 6)).toEqual([0, 500, 1_000]);
    expect(ticksOf(9, 8)).toEqual([0, 2, 4, 6, 8]);
    for (const extent of [0.3, 7, 640, 12_345, 4_000_000]) {
      expect(ticksOf(extent, 8).length).toBeLessThanOrEqual(9);
      expect(ticksOf(extent, 8).length).toBeGreaterThanOrEqual(3);
    }
    expect([200, 1_500, 2_000, 120_000].map(tickLabel)).toEqual(['200 ms', '1.5 s', '2 s', '2 min']);
  });
});
