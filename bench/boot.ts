/**
 * What a boot costs: the handwritten limit is a loop that starts services in their order and knows nothing else.
 *
 * The engine is measured without Inversify, which is measured beside it: building is the container's work.
 */
import 'reflect-metadata/lite';
import { Container } from 'inversify';
import { type Class, service, systemClock, systemRandom } from '@muster/core';
import { type Provider, ServiceGraph } from '../packages/core/src/graph/service-graph.ts';
import { planStart } from '../packages/core/src/graph/start-plan.ts';
import { Orchestrator } from '../packages/core/src/lifecycle/orchestrator.ts';
import { RuntimeEvents } from '../packages/core/src/runtime-event.ts';
import { compare, type Measured } from './measure.ts';

/** Needs of `count` services: each needs up to three of those before it, by a fixed rule. */
function shape(count: number): number[][] {
  let seed = 1;
  const next = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  return Array.from({ length: count }, (_, i) => [...new Set(Array.from({ length: Math.min(3, i) }, () => next(i)))]);
}

async function measure(count: number, rounds: number): Promise<Measured[]> {
  const needs = shape(count);
  let started = 0;
  const instance = { start: (): void => void (started += 1) };
  const providers: Provider[] = needs.map((list, i) => {
    const name = `S${i}`;
    const dependsOn = list.map((need) => ({ key: `S${need}`, name: `S${need}` }));
    return { key: name, target: name, name, kind: 'service', aliases: [], dependsOn, declaredAt: undefined };
  });
  return compare(
    [
      { name: 'handwritten loop', prepare: () => () => kahn(needs, () => instance.start()) },
      {
        name: 'graph and plan',
        prepare: () => () => planStart(ServiceGraph.from(providers)),
      },
      {
        name: 'engine, from plan to running',
        prepare: () => {
          const graph = ServiceGraph.from(providers);
          const plan = planStart(graph);
          const around = { clock: systemClock, random: systemRandom, events: new RuntimeEvents() };
          const engine = new Orchestrator(graph, plan, around, { bootMs: 60_000, stopMs: 9_000 });
          for (const node of plan.order) engine.adopt(node.id, instance, {});
          return () => engine.start();
        },
      },
      {
        name: 'Inversify, bind and resolve',
        prepare: () => {
          const classes: Class[] = [];
          for (const list of needs) {
            const made = class {};
            service({ dependsOn: list.map((need) => classes[need] as Class) } as never)(made as never);
            classes.push(made);
          }
          return () => {
            const container = new Container({ defaultScope: 'Singleton' });
            for (const each of classes) container.bind(each).toSelf().inSingletonScope();
            for (const each of classes) container.get(each);
          };
        },
      },
    ],
    rounds,
  );
}

/** The least that any engine must do: count edges down and call what is free. */
function kahn(needs: readonly number[][], start: () => void): void {
  const open = needs.map((list) => list.length);
  const neededBy: number[][] = needs.map(() => []);
  needs.forEach((list, i) => {
    for (const need of list) neededBy[need]?.push(i);
  });
  const ready = open.flatMap((left, i) => (left === 0 ? [i] : []));
  for (let at = ready.pop(); at !== undefined; at = ready.pop()) {
    start();
    for (const dependent of neededBy[at] as number[]) {
      open[dependent] = (open[dependent] as number) - 1;
      if (open[dependent] === 0) ready.push(dependent);
    }
  }
}

/** Ratios to the handwritten loop at two sizes, and how the cost of one service grows between them. */
export async function run(): Promise<object> {
  const [small, large] = [await measure(500, 9), await measure(5_000, 5)];
  return {
    bench: 'boot',
    services: { small: 500, large: 5_000 },
    results: large.map(({ name, medianMs, ratio }, i) => ({
      name,
      ratioToHandwritten: round(ratio),
      microsecondsPerService: round((medianMs * 1_000) / 5_000),
      growthPerService: round(medianMs / 10 / (small[i]?.medianMs ?? Number.NaN)),
    })),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
