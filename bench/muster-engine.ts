/**
 * Muster's engine as a contender: the wall time is that of `start()`, the CPU time that of graph, plan, engine and start.
 *
 * Graph, plan and engine are the real ones; Inversify, which builds the instances in an app, is measured apart.
 * Health and events are on: every service has a check, and one listener hears every runtime event.
 */
import { healthy, systemClock, systemRandom } from '@muster/core';
import { PLAIN } from '../packages/core/src/declare/edge.ts';
import type { Provider } from '../packages/core/src/graph/provider.ts';
import { ServiceGraph } from '../packages/core/src/graph/service-graph.ts';
import { planStart } from '../packages/core/src/graph/start-plan.ts';
import { Orchestrator } from '../packages/core/src/lifecycle/orchestrator.ts';
import { settingsOf } from '../packages/core/src/lifecycle/service-settings.ts';
import { RuntimeEvents } from '../packages/core/src/runtime-event.ts';
import type { Boot, Start } from './boot/contender.ts';
import type { Needs } from './boot/shape.ts';

const NO_OPTIONS = {};

export function define(needs: Needs, start: Start): Boot {
  const providers = providersOf(needs);
  const instances = new Map(providers.map(({ name }, i) => [name, { start: () => start(i), check: () => healthy }]));
  const events = new RuntimeEvents();
  let heard = 0;
  events.on(() => (heard += 1));
  const graph = ServiceGraph.from(providers);
  const plan = planStart(graph);
  const around = { clock: systemClock, random: systemRandom, events };
  const budgets = { bootMs: 60_000, stopMs: 9_000 };
  const engine = new Orchestrator(graph, plan, around, budgets, { escalated() {}, flipped() {} });
  for (const { id, shared, essential } of plan.order) {
    const settings = settingsOf(id, NO_OPTIONS);
    engine.adopt({ id, instance: instances.get(id) ?? {}, settings, hooks: [], isTask: false, shared, essential });
  }
  return async () => {
    if ((await engine.start()) !== undefined || heard < needs.length)
      throw new Error('the boot failed, or was not heard');
    return () => engine.stop('measured');
  };
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
