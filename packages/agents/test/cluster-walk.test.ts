/** Random clusters: instances that die, stand still, lose their links and come back, under runs that never stop coming. */
import { describe, expect, it } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { LEASE } from '@muster/core';
import { SeededRandom } from '@muster/core/testing';
import { agent, type Agent, type AgentContext, defineTool, type RunInput } from '@muster/agents';
import * as v from 'valibot';
import { cluster, type Instance, instanceOn } from './cluster.ts';
import { expectLegal } from './harness.ts';

const STEPS = 70;
const THREADS = ['t1', 't2', 't3'];

let going: (() => void)[] = [];
const goOn = (): void => {
  for (const resolve of going.splice(0)) resolve();
};

const work = defineTool({
  name: 'work',
  description: 'takes its time',
  input: v.object({}),
  timeoutMs: 10_000_000,
  run: () => new Promise<string>((resolve) => going.push(() => resolve('done'))),
});

async function busy(text: string, ctx: AgentContext): Promise<{ finalResponse: string }> {
  for (let n = 0; n < text.length % 4; n += 1) {
    await ctx.think(`thought ${n}`);
    await ctx.tool(work, {});
    ctx.output('more ');
  }
  return { finalResponse: text };
}

@agent({ name: 'busy', description: 'works', tools: [work] })
class Busy implements Agent {
  run({ text }: RunInput, ctx: AgentContext) {
    return busy(text, ctx);
  }
}

@agent({ name: 'stubborn', description: 'works again', tools: [work], onTakeover: 'restart' })
class Stubborn implements Agent {
  run({ text }: RunInput, ctx: AgentContext) {
    return busy(text, ctx);
  }
}

async function walk(seed: number) {
  const random = new SeededRandom(seed);
  const shared = cluster({ seed });
  const start = (): Promise<Instance> => instanceOn(shared, [Busy, Stubborn]);
  const living = [await start(), await start(), await start()];
  const dead: Instance[] = [];
  const accepted: { readonly run: string; readonly thread: string }[] = [];
  const steps: Record<string, (instance: Instance) => Promise<void> | void> = {
    ask: (instance) => {
      const text = 'x'.repeat(random.between(1, 8));
      const agentName = random.pick(['busy', 'stubborn']);
      const asked = instance
        .requesterOf()
        .then((requester) =>
          instance.supervisor.accept(
            requester,
            { text, agent: agentName, thread: random.pick(THREADS) },
            random.uuid(),
          ),
        );
      asked.then((run) => accepted.push(run)).catch(() => {});
    },
    pause: ({ clock }) => clock.pause(random.chance(0.3) ? 'withTime' : undefined),
    resume: ({ clock }) => clock.resume(),
    cut: ({ link }) => void (link.isCut = true),
    heal: ({ link }) => void (link.isCut = false),
    kill: async (instance) => {
      instance.kill();
      living.splice(living.indexOf(instance), 1);
      dead.push(instance);
      living.push(await start());
    },
    cancel: (instance) => {
      const known = accepted.length === 0 ? undefined : random.pick(accepted);
      if (known !== undefined) void instance.cancel(known.run).catch(() => {});
    },
    work: () => goOn(),
  };
  const dice = [
    'ask',
    'ask',
    'ask',
    'pause',
    'resume',
    'resume',
    'cut',
    'heal',
    'heal',
    'kill',
    'cancel',
    'work',
    'work',
  ];
  for (let step = 0; step < STEPS; step += 1) {
    await steps[random.pick(dice)]?.(random.pick(living));
    await shared.clock.advance(random.chance(0.2) ? random.below(30_000) : random.below(2_000));
  }
  for (const instance of living) {
    instance.link.isCut = false;
    instance.clock.resume();
  }
  // The dead wake up too: some were only thought to be.
  for (const { link, clock } of dead) {
    if (random.chance(0.5)) continue;
    link.isCut = false;
    clock.resume();
  }
  for (let n = 0; n < 30; n += 1) {
    await shared.clock.advance(LEASE.leaseMs);
    goOn();
  }
  await shared.clock.advance(60_000);
  return { shared, accepted, living, dead };
}

describe('a random cluster', () => {
  it.each(Array.from({ length: 12 }, (_, i) => i + 1))(
    'gives every run one whole life, whoever carries it, seed %d',
    async (seed) => {
      const { shared, accepted, living } = await walk(seed);
      const runs = new Map<string, AgentEvent[]>();
      for (const thread of THREADS)
        for (const event of await shared.eventsOf(thread)) {
          runs.set(event.run, [...(runs.get(event.run) ?? []), event]);
        }
      for (const events of runs.values()) expectLegal(events);
      expect(accepted.filter(({ run }) => !runs.has(run))).toEqual([]);
      expect(accepted.length).toBeGreaterThan(0);
      expect((await shared.store.list('runs/')).map(({ key }) => key)).toEqual([]);
      const rows = await Promise.all(THREADS.map((thread) => (living[0] as Instance).rowsOf(thread).catch(() => [])));
      const answers = rows.flat().filter(({ role }) => role === 'assistant');
      expect(new Set(answers.map(({ run }) => run)).size).toBe(answers.length);
      expect(rows.flat().filter(({ status }) => status === 'pending' || status === 'running')).toEqual([]);
    },
    30_000,
  );
});
