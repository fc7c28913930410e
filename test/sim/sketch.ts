/**
 * What one seed simulates: a random graph with all kinds of edges, the options of its services, and how rough it gets.
 */
import type { GateOptions, ServiceOptions } from '@muster/core';
import type { EdgeTerms } from '../../packages/core/src/declare/edge.ts';
import { SeededRandom } from '@muster/core/testing';

export interface EdgeSketch {
  readonly to: number;
  /** As it stands in `dependsOn`; `after` stands in its own list. */
  readonly kind: 'plain' | 'optional' | 'after' | 'terms';
  readonly until: EdgeTerms['until'];
  readonly onLoss: EdgeTerms['onLoss'];
}

export interface NodeSketch {
  readonly id: string;
  readonly isTask: boolean;
  readonly options: ServiceOptions;
  readonly edges: readonly EdgeSketch[];
  readonly has: {
    readonly start: boolean;
    readonly check: boolean;
    readonly run: boolean;
    readonly drain: boolean;
    readonly stop: boolean;
    readonly hook: boolean;
  };
}

export interface Sketch {
  readonly seed: number;
  readonly nodes: readonly NodeSketch[];
  readonly gate: Required<GateOptions>;
  readonly bootBudgetMs: number;
  readonly stopBudgetMs: number;
  /** Probability of a fault at each call. */
  readonly roughness: number;
  /** Probability of an intervention from outside at each step. */
  readonly meddling: number;
  /** How long the rough part lasts after the boot, in milliseconds. */
  readonly roughMs: number;
  /** When the app is told to stop, after its start, in milliseconds; `undefined` when only at the end. */
  readonly stopAtMs: number | undefined;
}

export function sketchOf(seed: number): Sketch {
  const random = new SeededRandom(seed);
  const size = random.chance(0.1) ? random.between(25, 60) : random.between(1, 14);
  const roughness = random.pick([0, 0.02, 0.08, 0.25]);
  const nodes = Array.from({ length: size }, (_, i) => nodeSketch(random, i));
  // Written times that do not fit the budgets are a graph that does not start.
  const startChainMs = longestChain(nodes, (node) => node.options.start?.timeoutMs ?? 0);
  const stopChainMs = longestChain(nodes, (node) => node.options.stop?.timeoutMs ?? 0);
  return {
    seed,
    nodes,
    gate: {
      holdMs: random.pick([0, 500, 10_000]),
      maxHeld: random.pick([3, 1_000]),
      dwellMs: random.pick([0, 500, 2_000]),
      maxDwellMs: 8_000,
      jitterMs: random.pick([0, 500]),
    },
    bootBudgetMs: Math.max(random.pick([2_000, 10_000, 60_000]), startChainMs),
    stopBudgetMs: Math.max(random.pick([1_000, 9_000]), Math.ceil(stopChainMs / 0.9)),
    roughness,
    meddling: roughness === 0 && random.chance(0.5) ? 0 : random.pick([0.005, 0.02]),
    roughMs: random.between(0, 40_000),
    stopAtMs: random.chance(0.35) ? random.between(0, 20_000) : undefined,
  };
}

/** The most that a node's own times and those of all below it add up to. */
function longestChain(nodes: readonly NodeSketch[], ownMs: (node: NodeSketch) => number): number {
  const chains: number[] = [];
  for (const node of nodes) {
    const below = node.edges.reduce((most, { to }) => Math.max(most, chains[to] ?? 0), 0);
    chains.push(below + ownMs(node));
  }
  return Math.max(...chains);
}

function nodeSketch(random: SeededRandom, index: number): NodeSketch {
  const isTask = random.chance(0.12);
  const count = index === 0 ? 0 : random.pick([0, 1, 1, 2, 2, 3]);
  const targets = [...new Set(Array.from({ length: count }, () => random.below(index)))];
  const startMs = random.pick([300, 1_000, 1_900]);
  return {
    id: `S${index}`,
    isTask,
    edges: targets.map((to) => edgeSketch(random, to)),
    options: {
      shared: !isTask && random.chance(0.1),
      start: { timeoutMs: startMs, maxMs: startMs * 2 },
      ...(isTask ? {} : { health: healthSketch(random), restart: restartSketch(random) }),
      stop: { timeoutMs: random.pick([100, 400, 800]) },
    },
    has: {
      start: isTask || random.chance(0.85),
      check: !isTask && random.chance(0.7),
      run: !isTask && random.chance(0.25),
      drain: !isTask && random.chance(0.15),
      stop: random.chance(0.85),
      hook: random.chance(0.15),
    },
  };
}

function edgeSketch(random: SeededRandom, to: number): EdgeSketch {
  return {
    to,
    kind: random.pick(['plain', 'plain', 'plain', 'optional', 'after', 'terms', 'terms']),
    until: random.pick(['healthy', 'started']),
    onLoss: random.pick(['gate', 'degrade', 'restart', 'stop', 'ignore']),
  };
}

function healthSketch(random: SeededRandom): NonNullable<ServiceOptions['health']> {
  return {
    everyMs: random.pick([700, 2_000, 5_000]),
    timeoutMs: random.pick([100, 250]),
    failures: random.pick([1, 2, 3]),
    successes: random.pick([1, 2]),
    degradedIsReady: random.chance(0.5),
  };
}

function restartSketch(random: SeededRandom): NonNullable<ServiceOptions['restart']> {
  return {
    when: random.pick(['crash', 'crash', 'crash', 'unhealthy', 'never']),
    limit: random.pick([2, 10]),
    delayMs: random.pick([100, 1_000]),
    capMs: random.pick([1_000, 5_000]),
  };
}
