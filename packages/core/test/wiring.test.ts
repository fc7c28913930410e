import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AFTER, type EdgeTerms, OPTIONAL, PLAIN } from '../src/declare/edge.ts';
import type { Provider } from '../src/graph/provider.ts';
import { ServiceGraph } from '../src/graph/service-graph.ts';
import { isReady, mayStart, type Place, Wiring } from '../src/lifecycle/wiring.ts';

const terms: fc.Arbitrary<EdgeTerms> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(PLAIN) },
  { weight: 1, arbitrary: fc.constant(OPTIONAL) },
  { weight: 1, arbitrary: fc.constant(AFTER) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('needs' as const),
      until: fc.constantFrom('healthy' as const, 'started' as const),
      need: fc.constant('required' as const),
      onLoss: fc.constantFrom(
        'gate' as const,
        'degrade' as const,
        'restart' as const,
        'stop' as const,
        'ignore' as const,
      ),
    }),
  },
);

/** What is said of one node. */
interface Standing {
  readonly own: boolean;
  readonly started: boolean;
  readonly settled: boolean;
}

interface Sketch {
  readonly isTask: boolean;
  readonly shared: boolean;
  readonly watched?: boolean;
  readonly edges: readonly { readonly to: number; readonly terms: EdgeTerms }[];
}

const rarely = fc.nat(3).map((n) => n === 0);

/** Random acyclic nodes with every kind of edge, and random changes of how they stand. */
const scenario = fc
  .array(
    fc.record({
      isTask: rarely,
      shared: rarely,
      watched: rarely.map((is) => !is),
      edges: fc.array(fc.record({ to: fc.nat(), terms }), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .chain((rows) =>
    fc.record({
      nodes: fc.constant(
        rows.map(({ isTask, shared, watched, edges }, i): Sketch => {
          const placed = i === 0 ? [] : edges.map((edge) => ({ ...edge, to: edge.to % i }));
          const once = placed.filter((e, n) => placed.findIndex((o) => o.to === e.to) === n);
          return { isTask, shared, watched, edges: once };
        }),
      ),
      changes: fc.array(
        fc.record({
          at: fc.nat(rows.length - 1),
          phase: fc.constantFrom('down', 'failed', 'sick', 'up'),
          hold: fc.boolean(),
        }),
        { maxLength: 40 },
      ),
    }),
  );

const STANDINGS: Readonly<Record<string, Standing>> = {
  down: { own: false, started: false, settled: false },
  failed: { own: false, started: false, settled: true },
  sick: { own: false, started: true, settled: true },
  up: { own: true, started: true, settled: true },
};

function graphOf(nodes: readonly Sketch[]): ServiceGraph {
  return ServiceGraph.from(
    nodes.map(({ isTask, shared, edges }, i): Provider => ({
      key: `S${i}`,
      target: `S${i}`,
      name: `S${i}`,
      kind: isTask ? 'task' : 'service',
      aliases: [],
      declaredAt: undefined,
      shared,
      wants: edges.map(({ to, terms: wanted }) => ({ key: `S${to}`, name: `S${to}`, terms: wanted })),
    })),
  );
}

/** The definitions of the design, in the slow and obvious way. */
class Model {
  readonly standings: Standing[];
  holdsShared = false;
  readonly #graph: ServiceGraph;

  constructor(graph: ServiceGraph) {
    this.#graph = graph;
    this.standings = graph.nodes.map(() => STANDINGS['down'] as Standing);
  }

  #index(id: string): number {
    return Number(id.slice(1));
  }

  standing(id: string): Standing {
    return this.standings[this.#index(id)] as Standing;
  }

  ready(id: string): boolean {
    const node = this.#graph.node(id);
    if (!this.standing(id).own) return false;
    if (node?.kind === 'task') return true;
    return (node?.edges ?? []).every((edge) => !this.gates(edge) || this.met(edge));
  }

  met(edge: { readonly to: string } & EdgeTerms): boolean {
    return edge.until === 'started' ? this.standing(edge.to).started : this.ready(edge.to);
  }

  gates(edge: { readonly to: string } & EdgeTerms): boolean {
    const isGating = edge.kind === 'needs' && edge.need === 'required' && !['degrade', 'ignore'].includes(edge.onLoss);
    return isGating && !(this.holdsShared && this.#graph.node(edge.to)?.shared === true);
  }

  settled(id: string): boolean {
    const node = this.#graph.node(id);
    if (this.standing(id).settled) return true;
    return (
      node?.essential === false &&
      node.edges.some(
        (edge) =>
          edge.kind === 'needs' &&
          edge.need === 'required' &&
          !this.met(edge) &&
          this.#graph.node(edge.to)?.essential === false &&
          this.settled(edge.to),
      )
    );
  }

  mayStart(id: string): boolean {
    return (this.#graph.node(id)?.edges ?? []).every((edge) => {
      if (edge.kind === 'after') return this.settled(edge.to);
      return this.met(edge) || (edge.need === 'optional' && this.settled(edge.to));
    });
  }

  causes(id: string): string[] {
    if (this.ready(id)) return [];
    const edges = this.#graph.node(id)?.edges ?? [];
    const held = edges.filter((edge) =>
      this.standing(id).started
        ? this.gates(edge) && !this.met(edge)
        : edge.kind === 'after'
          ? !this.settled(edge.to)
          : !this.met(edge) && !(edge.need === 'optional' && this.settled(edge.to)),
    );
    if (held.length === 0) return [id];
    return [...new Set(held.flatMap((edge) => this.causes(edge.to)))].sort();
  }
}

describe('Wiring', () => {
  it('is what the definitions say after any changes, tells every flip, and names root causes only', () => {
    fc.assert(
      fc.property(scenario, ({ nodes, changes }) => {
        const graph = graphOf(nodes);
        const flips: string[] = [];
        const unblocked: string[] = [];
        const wiring = new Wiring(graph.nodes, () => 0, {
          flipped: ({ id }) => flips.push(id),
          unblocked: ({ id }) => unblocked.push(id),
          degraded: () => {},
        });
        const place = (id: string): Place => wiring.place(id) as Place;
        const model = new Model(graph);
        const ids = graph.nodes.map(({ id }) => id);
        const wasSettled = new Set<string>();
        // Hopelessness is never unsaid either, so the model remembers it.
        const rememberHopeless = (): void => {
          for (const id of ids) {
            if (!model.settled(id) || model.standing(id).settled) continue;
            model.standings[Number(id.slice(1))] = { ...model.standing(id), settled: true };
            wasSettled.add(id);
          }
        };
        for (const { at, phase, hold } of changes) {
          const before = new Map(ids.map((id) => [id, model.ready(id)]));
          const mayBefore = new Map(ids.map((id) => [id, mayStart(place(id))]));
          flips.length = 0;
          unblocked.length = 0;
          const told = STANDINGS[phase] as Standing;
          // What was said to be over is never unsaid.
          const settled = told.settled || wasSettled.has(`S${at}`);
          if (settled) wasSettled.add(`S${at}`);
          model.standings[at] = { ...told, settled };
          wiring.set(place(`S${at}`), told.own, told.started, told.settled);
          rememberHopeless();
          if (hold) {
            model.holdsShared = true;
            wiring.holdShared();
          }
          rememberHopeless();
          expect(ids.map((id) => [id, isReady(place(id))])).toEqual(ids.map((id) => [id, model.ready(id)]));
          expect(ids.map((id) => [id, mayStart(place(id))])).toEqual(ids.map((id) => [id, model.mayStart(id)]));
          const flipped = ids.filter((id) => before.get(id) !== model.ready(id));
          expect(flips.filter((id) => flipped.includes(id)).sort()).toEqual(flipped);
          for (const id of ids) {
            if (mayBefore.get(id) === false && model.mayStart(id)) expect(unblocked).toContain(id);
            expect([id, wiring.blockedBy([place(id)])]).toEqual([id, model.causes(id)]);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('watches any of them as if it looked at each', () => {
    fc.assert(
      fc.property(scenario, ({ nodes, changes }) => {
        const graph = graphOf(nodes);
        const flips: boolean[] = [];
        const wiring = new Wiring(graph.nodes, () => 0, {
          flipped: ({ id }, ready) => void (id === 'watcher' && flips.push(ready)),
          unblocked: () => {},
          degraded: () => {},
        });
        const place = (i: number): Place => wiring.place(`S${i}`) as Place;
        const watched = nodes.flatMap((node, i) => (node.watched === true ? [i] : []));
        const watcher = wiring.watch('watcher', watched.map(place));
        const model = new Model(graph);
        let was = watched.length === 0;
        for (const { at, phase, hold } of changes) {
          const { own, started, settled } = STANDINGS[phase] as Standing;
          model.standings[at] = STANDINGS[phase] as Standing;
          flips.length = 0;
          wiring.set(place(at), own, started, settled);
          if (hold) {
            model.holdsShared = true;
            wiring.holdShared();
          }
          const missed = watched.filter((i) => model.gates({ to: `S${i}`, ...PLAIN }) && !model.ready(`S${i}`));
          const is = missed.length === 0;
          expect(isReady(watcher)).toBe(is);
          if (is !== was) expect(flips.at(-1)).toBe(is);
          was = is;
        }
      }),
      { numRuns: 4_000 },
    );
  });

  it('gives the causes of all nodes in one pass as it gives those of one', () => {
    fc.assert(
      fc.property(scenario, ({ nodes, changes }) => {
        const graph = graphOf(nodes);
        const nobody = { flipped: () => {}, unblocked: () => {}, degraded: () => {} };
        const wiring = new Wiring(graph.nodes, () => 0, nobody);
        for (const { at, phase } of changes) {
          const { own, started, settled } = STANDINGS[phase] as Standing;
          wiring.set(wiring.places[graph.node(`S${at}`)?.index as number] as Place, own, started, settled);
        }
        const places = nodes.map((_, i) => wiring.place(`S${i}`) as Place);
        const all = wiring.causes(places);
        for (const each of places) expect([each.id, all.get(each)]).toEqual([each.id, wiring.blockedBy([each])]);
      }),
    );
  });

  it('shares one list of causes along a chain', () => {
    const chain = Array.from({ length: 200 }, (_, i) => ({
      isTask: false,
      shared: false,
      edges: i === 0 ? [] : [{ to: i - 1, terms: PLAIN }],
    }));
    const nobody = { flipped: () => {}, unblocked: () => {}, degraded: () => {} };
    const wiring = new Wiring(graphOf(chain).nodes, () => 0, nobody);
    const places = chain.map((_, i) => wiring.place(`S${i}`) as Place);
    const causes = wiring.causes(places);
    expect(causes.get(places[199] as Place)).toEqual(['S0']);
    expect(new Set(causes.values()).size).toBe(1);
  });
});
