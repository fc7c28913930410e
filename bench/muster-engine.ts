/**
 * Muster without Inversify, which builds the instances in an app and is measured apart: a start alone, and a whole boot.
 *
 * Graph, plan and engine are the real ones; Inversify, which builds the instances in an app, is measured apart.
 * Health and events are on: every service has a check, and one listener hears every runtime event.
 */
import { type Health, healthy, systemClock, systemRandom } from '@muster/core';
import { PLAIN } from '../packages/core/src/declare/edge.ts';
import type { Provider } from '../packages/core/src/graph/provider.ts';
import { checkBudgets } from '../packages/core/src/graph/budgets.ts';
import { ServiceGraph } from '../packages/core/src/graph/service-graph.ts';
import { planStart } from '../packages/core/src/graph/start-plan.ts';
import { Orchestrator } from '../packages/core/src/lifecycle/orchestrator.ts';
import { settingsOf } from '../packages/core/src/lifecycle/service-settings.ts';
import { RuntimeEvents } from '../packages/core/src/runtime-event.ts';
import type { Boot, Start } from './boot/contender.ts';
import type { Needs } from './boot/shape.ts';

const NO_OPTIONS = {};
const NO_HOOKS: never[] = [];
const BUDGETS = { bootMs: 60_000, stopMs: 9_000, defaults: { startMs: 15_000, stopMs: 3_000 } };

/** The wall time is that of the start; graph, validation, plan and engine are made before it, and in the CPU time. */
export function define(needs: Needs, start: Start): Boot {
  return validated(providersOf(needs), start);
}

/** Everything is in the wall time. */
export function defineWhole(needs: Needs, start: Start): Boot {
  const providers = providersOf(needs);
  return () => validated(providers, start)();
}

function validated(providers: readonly Provider[], start: Start): Boot {
  const events = new RuntimeEvents();
  let heard = 0;
  events.on(() => (heard += 1));
  const graph = ServiceGraph.from(providers);
  const plan = planStart(graph);
  const budget = checkBudgets(plan.order, BUDGETS);
  if (graph.problems.length + budget.problems.length > 0) throw new Error('the graph is not sound');
  const around = { clock: systemClock, random: systemRandom, events };
  const engine = new Orchestrator(graph, plan, around, BUDGETS, { escalated() {}, flipped() {} });
  for (const node of plan.order) {
    const instance = new Service(Number(node.id.slice(1)), start);
    const settings = settingsOf(node.id, NO_OPTIONS);
    engine.adopt({ node, instance, settings, hooks: NO_HOOKS, candidate: undefined });
  }
  return async () => {
    if ((await engine.start()) !== undefined || heard < providers.length)
      throw new Error('the boot failed, or was not heard');
    return () => engine.stop('measured');
  };
}

class Service {
  readonly #service: number;
  readonly #start: Start;

  constructor(service: number, start: Start) {
    this.#service = service;
    this.#start = start;
  }

  start(): void | Promise<void> {
    return this.#start(this.#service);
  }

  check(): Health {
    return healthy;
  }
}

/** Graph and plan alone; what they put in order starts at once. */
export function defineGraph(needs: Needs, start: Start): Boot {
  const providers = providersOf(needs);
  return async () => {
    for (const { id } of planStart(ServiceGraph.from(providers)).order) void start(Number(id.slice(1)));
  };
}

function providersOf(needs: Needs): Provider[] {
  const names = needs.map((_, i) => `S${i}`);
  return needs.map((list, i) => {
    const name = names[i] as string;
    const wants = list.map((need) => ({ key: names[need], name: names[need] as string, terms: PLAIN }));
    return { key: name, target: name, name, kind: 'service', aliases: [], wants, declaredAt: undefined };
  });
}
