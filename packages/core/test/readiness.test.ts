import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Readiness } from '../src/lifecycle/readiness.ts';

/** Random acyclic nodes and random changes of who is up. */
const scenario = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 15 }).chain((rows) =>
  fc.record({
    needs: fc.constant(rows.map((picks, i) => [...new Set(i === 0 ? [] : picks.map((pick) => pick % i))])),
    changes: fc.array(fc.record({ at: fc.nat(rows.length - 1), own: fc.boolean() }), { maxLength: 40 }),
  }),
);

function nodesOf(needs: readonly number[][]) {
  return needs.map((list, i) => ({
    id: `S${i}`,
    needs: list.map((need) => `S${need}`),
    neededBy: needs.flatMap((other, j) => (other.includes(i) ? [`S${j}`] : [])),
  }));
}

describe('Readiness', () => {
  it('is what the definition says after any changes, tells every flip once, and names root causes only', () => {
    fc.assert(
      fc.property(scenario, ({ needs, changes }) => {
        const nodes = nodesOf(needs);
        const seen = new Map<string, boolean>(nodes.map(({ id }) => [id, false]));
        const flips: string[] = [];
        const readiness = new Readiness(
          nodes,
          () => false,
          (id) => {
            if (readiness.ready(id) === seen.get(id)) return;
            seen.set(id, readiness.ready(id));
            flips.push(id);
          },
        );
        const own = needs.map(() => false);
        const ready = (i: number): boolean => (own[i] as boolean) && (needs[i] as number[]).every(ready);
        const causesOf = (i: number): number[] => {
          if (ready(i)) return [];
          const unready = (needs[i] as number[]).filter((need) => !ready(need));
          return unready.length === 0 ? [i] : unready.flatMap(causesOf);
        };
        for (const change of changes) {
          const before = needs.map((_, i) => ready(i));
          own[change.at] = change.own;
          flips.length = 0;
          readiness.setOwn(`S${change.at}`, change.own);
          const after = needs.map((_, i) => ready(i));
          expect(needs.map((_, i) => readiness.ready(`S${i}`))).toEqual(after);
          expect(flips.sort()).toEqual(after.flatMap((now, i) => (now === before[i] ? [] : [`S${i}`])).sort());
          const all = readiness.causes(nodes.map(({ id }) => id));
          nodes.forEach(({ id }, i) => {
            const wanted = [...new Set(causesOf(i).map((cause) => `S${cause}`))].sort();
            expect(readiness.blockedBy([id])).toEqual(wanted);
            expect(all.get(id)).toEqual(wanted);
          });
        }
      }),
    );
  });

  it('shares one list of causes along a chain', () => {
    const nodes = nodesOf(Array.from({ length: 200 }, (_, i) => (i === 0 ? [] : [i - 1])));
    const readiness = new Readiness(
      nodes,
      () => false,
      () => {},
    );
    const causes = readiness.causes(nodes.map(({ id }) => id));
    expect(causes.get('S199')).toEqual(['S0']);
    expect(new Set(causes.values()).size).toBe(1);
  });
});
