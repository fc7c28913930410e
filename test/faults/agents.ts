/** Agents that go wrong in every way that an author can think of; each text has the canary of its user. */
import { agent, type Agent, type AgentContext, defineTool, type RunInput, type RunResult } from '@muster/agents';
import { Clock, sleep } from '@muster/core';
import * as v from 'valibot';
import { SECRET } from './worker.ts';

/** What an agent of the faults can do wrong, by the second word of what it is asked. */
export const MISDEEDS = [
  'well',
  'throws',
  'rejects',
  'returns-nothing',
  'hangs',
  'tool-throws',
  'tool-hangs',
  'tool-circle',
  'tool-huge',
  'forgets',
  'helped',
] as const;
export type Misdeed = (typeof MISDEEDS)[number];

const anything = v.object({ text: v.string(), apiKey: v.string() });
const TOOL_MS = 50;

const tools = {
  throws: defineTool({
    name: 'throws',
    description: 'throws at once',
    input: anything,
    run: (): never => {
      throw new Error(`/srv/app/${SECRET}/db.ts`);
    },
  }),
  hangs: defineTool({
    name: 'hangs',
    description: 'never ends',
    input: anything,
    timeoutMs: TOOL_MS,
    run: () => new Promise<never>(() => {}),
  }),
  circle: defineTool({
    name: 'circle',
    description: 'returns a circle',
    input: anything,
    run: ({ text }) => {
      const circle: Record<string, unknown> = { text };
      circle['self'] = circle;
      return circle;
    },
  }),
  huge: defineTool({
    name: 'huge',
    description: 'returns ten megabytes',
    input: anything,
    run: ({ text }) => ({ text, page: 'x'.repeat(10_000_000) }),
  }),
};

/** Thinks so often as it is asked to, with a little time between, and then does what it is asked to do wrong. */
@agent({ name: 'thinker', description: 'thinks', dependsOn: [Clock] })
export class Thinker implements Agent {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run({ text }: RunInput, ctx: AgentContext): Promise<RunResult> {
    const [thoughts, misdeed] = text.split(/[ ,]/) as [string, Misdeed];
    for (let n = 1; n <= Number(thoughts); n += 1) {
      void ctx.think(`thought ${n} of ${text}`);
      if (n % 16 === 0) tellWhenRecorded(ctx, n);
      if (n % 4 === 0) await sleep(this.#clock, 5, ctx.signal);
    }
    await ctx.drain();
    await this.#misbehave(misdeed, text, ctx);
    return misdeed === 'returns-nothing' ? (undefined as never) : { finalResponse: `the end of ${text}` };
  }

  async #misbehave(misdeed: Misdeed, text: string, ctx: AgentContext): Promise<void> {
    switch (misdeed) {
      case 'throws':
        throw new Error(`/srv/app/${SECRET}/db.ts`);
      case 'rejects':
        return Promise.reject(new TypeError(`/srv/app/${SECRET}/db.ts`));
      case 'hangs':
        return new Promise(() => {});
      case 'tool-throws':
        await ctx.tool(tools.throws, { text, apiKey: SECRET }).catch(() => {});
        return;
      case 'tool-hangs':
        await ctx.tool(tools.hangs, { text, apiKey: SECRET }).catch(() => {});
        return;
      case 'tool-circle':
        await ctx.tool(tools.circle, { text, apiKey: SECRET });
        return;
      case 'tool-huge':
        await ctx.tool(tools.huge, { text, apiKey: SECRET });
        return;
      case 'forgets':
        void ctx.tool(tools.hangs, { text, apiKey: SECRET });
        void ctx.think(`forgotten of ${text}`);
        void Promise.resolve().then(() => ctx.output(`too late of ${text}`));
        return;
      case 'helped':
        await ctx.delegate('zealous helper', text);
        return;
      default:
    }
  }
}

/** Says that so many thoughts are in the log, once this agent was told so. */
function tellWhenRecorded(ctx: AgentContext, thoughts: number): void {
  ctx.drain().then(
    () => console.log(`recorded ${ctx.run} ${thoughts}`),
    () => {},
  );
}

/** Asked by the other. */
@agent({ name: 'zealous helper', description: 'helps' })
export class ZealousHelper implements Agent {
  async run({ text }: RunInput, ctx: AgentContext): Promise<RunResult> {
    await ctx.tool(tools.circle, { text, apiKey: SECRET });
    return { finalResponse: `help with ${text}` };
  }
}
