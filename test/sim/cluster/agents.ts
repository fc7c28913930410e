/**
 * Agents of a simulated cluster, of one instance: they work on its clock, for as long as the text of the question says.
 */
import * as v from 'valibot';
import { type Clock, sleep } from '@muster/core';
import { agent, type Agent, type AgentContext, defineTool, type RunInput } from '@muster/agents';

/** Names of the agents: one that is interrupted by a takeover, one that begins again, one that takes no notice of anything. */
export const AGENTS = ['busy', 'stubborn', 'deaf'] as const;

/** Told when a run is at work on the instance. */
export type AtWork = (ctx: AgentContext) => () => void;

/** @returns classes of the agents, made for one instance. */
export function agentsOn(clock: Clock, atWork: AtWork) {
  const work = defineTool({
    name: 'work',
    description: 'takes its time',
    input: v.object({ ms: v.number() }),
    timeoutMs: 10_000_000,
    run: ({ ms }, { signal }) => sleep(clock, ms, signal).then(() => 'done'),
  });

  async function busy(text: string, ctx: AgentContext): Promise<{ finalResponse: string }> {
    const over = atWork(ctx);
    try {
      for (const ms of timesOf(text)) {
        await ctx.think(`for ${ms} ms`);
        await ctx.tool(work, { ms });
        ctx.output('more ');
      }
      return { finalResponse: text };
    } finally {
      over();
    }
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

  @agent({ name: 'deaf', description: 'goes on whatever it is told', onTakeover: 'restart' })
  class Deaf implements Agent {
    async run({ text }: RunInput, ctx: AgentContext) {
      const over = atWork(ctx);
      for (const ms of timesOf(text)) {
        await sleep(clock, ms);
        ctx.think('and another thing').catch(() => {});
      }
      over();
      return { finalResponse: text };
    }
  }
  return [Busy, Stubborn, Deaf];
}

/** The times for which a question has its agent work, in milliseconds. */
function timesOf(text: string): number[] {
  return text.split(' ').slice(1).map(Number);
}
