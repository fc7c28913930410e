import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findCycles } from '../src/graph/cycles.ts';
import { PLAIN } from '../src/declare/edge.ts';
import type { Provider } from '../src/graph/provider.ts';
import { ServiceGraph } from '../src/graph/service-graph.ts';
import { planStart } from '../src/graph/start-plan.ts';

function provider(name: string, needs: readonly string[] = [], more: Partial<Provider> = {}): Provider {
  const wants = needs.map((need) => ({ key: need, name: need, terms: PLAIN }));
  return {
    key: name,
    target: more.key ?? name,
    name,
    kind: 'service',
    aliases: [],
    wants,
    declaredAt: `${name}.ts:1`,
    ...more,
  };
}

/** Random acyclic providers: each needs some of those before it. */
const sound = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 25 })
  .map((rows) =>
    rows.map((picks, i) => provider(`S${i}`, [...new Set(i === 0 ? [] : picks.map((pick) => `S${pick % i}`))])),
  );

/** Random providers with anything wrong: missing ones, circles, duplicates. */
const unsound = fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { maxLength: 20 }).map((rows) =>
  rows.map((picks, i) =>
    provider(
      `S${i % 17}`,
      picks.map((pick) => `S${pick}`),
      { key: `S${i}`, declaredAt: `f${i}.ts:1` },
    ),
  ),
);

function shuffled<T>(items: readonly T[], order: readonly number[]): T[] {
  return items
    .map((item, i) => ({ item, at: order[i] ?? 0 }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

describe('ServiceGraph', () => {
  it.each([
    ['sound', sound],
    ['unsound', unsound],
  ])('is the same for every order of registration (%s services)', (_, providers) => {
    fc.assert(
      fc.property(providers, fc.array(fc.integer(), { maxLength: 25 }), (all, order) => {
        const one = ServiceGraph.from(all);
        const other = ServiceGraph.from(shuffled(all, order));
        expect(other.nodes).toEqual(one.nodes);
        expect(other.problems).toEqual(one.problems);
        expect(planStart(other).order.map((n) => n.id)).toEqual(planStart(one).order.map((n) => n.id));
      }),
    );
  });

  it('plans every node after all that it needs', () => {
    fc.assert(
      fc.property(sound, (all) => {
        const graph = ServiceGraph.from(all);
        const { order } = planStart(graph);
        expect(graph.problems).toEqual([]);
        expect(order).toHaveLength(graph.nodes.length);
        const place = new Map(order.map((node, index) => [node.id, index]));
        for (const node of order)
          for (const need of node.needs) expect(place.get(need)).toBeLessThan(place.get(node.id) as number);
      }),
    );
  });

  it('reports all problems at once, each with its place and what to do', () => {
    const graph = ServiceGraph.from([
      provider('A', ['B']),
      provider('B', ['C']),
      provider('C', ['A', 'ThreadSevice']),
      provider('ThreadService'),
      provider('One', [], { aliases: [{ key: 't', name: 'Store' }] }),
      provider('Two', [], { aliases: [{ key: 't', name: 'Store' }] }),
      provider('Holder', ['PerRun', 'Chat']),
      provider('PerRun', [], { kind: 'scoped' }),
      provider('Chat', [], { kind: 'factory' }),
    ]);
    expect(graph.problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'BEHIND_GATE: Holder (Holder.ts:1) needs Chat, which stands behind the gate and does not exist before it opens.',
      'CAPTIVE: Holder (Holder.ts:1) holds PerRun (PerRun.ts:1), of which there is one per run; it would keep the first one for ever.',
      'CYCLE: These need each other in a circle: A (A.ts:1) → B (B.ts:1) → C (C.ts:1) → A.',
      'DUPLICATE: Store is provided 2 times: by One (One.ts:1) and by Two (Two.ts:1).',
      'MISSING: C (C.ts:1) needs ThreadSevice, which nobody provides.',
    ]);
    expect(graph.problems.at(-1)?.hint).toContain('near names: ThreadService');
  });

  it('finds a circle exactly where one is, as a closed path along real edges', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(11), { maxLength: 3 }), { minLength: 1, maxLength: 12 }), (rows) => {
        const nodes = rows.map((row, i) => ({
          id: `N${i}`,
          needs: [...new Set(row)].map((n) => `N${n}`),
        }));
        const cycles = findCycles(nodes);
        for (const path of cycles) {
          expect(path[0]).toBe(path.at(-1));
          for (let i = 1; i < path.length; i += 1)
            expect(nodes.find((n) => n.id === path[i - 1])?.needs).toContain(path[i]);
        }
        expect(cycles.length > 0).toBe(reachesItself(nodes));
      }),
    );
  });

  it('takes a chain of ten thousand without a recursion', () => {
    const chain = Array.from({ length: 10_000 }, (_, i) => provider(`S${i}`, i === 0 ? [] : [`S${i - 1}`]));
    const graph = ServiceGraph.from(chain);
    expect(graph.problems).toEqual([]);
    expect(graph.node('S9999')?.rank).toBe(9_999);
  });

  it('tells classes of one name apart by where they were declared', () => {
    const twins = [
      provider('Twin', [], { key: 1, declaredAt: 'a.ts:1' }),
      provider('Twin', [], { key: 2, declaredAt: 'b.ts:1' }),
    ];
    expect(ServiceGraph.from(twins).nodes.map((node) => node.id)).toEqual(['Twin@a.ts:1', 'Twin@b.ts:1']);
  });
});

/** The slow and obvious way: whether any node can be reached from itself. */
function reachesItself(nodes: readonly { id: string; needs: readonly string[] }[]): boolean {
  const needs = new Map(nodes.map((node) => [node.id, node.needs]));
  return nodes.some(({ id }) => {
    const seen = new Set<string>();
    const open = [...(needs.get(id) ?? [])];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at === id) return true;
      if (seen.has(at)) continue;
      seen.add(at);
      open.push(...(needs.get(at) ?? []));
    }
    return false;
  });
}
