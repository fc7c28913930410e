import { describe, expect, it } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { agent, type Agent, type AgentContext, type RunInput } from '@muster/agents';
import { KeyValueStore } from '@muster/core';
import { expectLegal, withAgent } from './harness.ts';

/** What the helping agent saw, and how it ends. */
let helped: { input: RunInput; signal: AbortSignal } | undefined;

@agent({ name: 'helper', description: 'helps' })
class TesterHelper implements Agent {
  async run(input: RunInput, ctx: AgentContext) {
    helped = { input, signal: ctx.signal };
    await ctx.think(`about ${input.text}`);
    if (input.text === 'fail') throw new Error('a text that nobody may see');
    if (input.text === 'hang') await new Promise(() => {});
    if (input.text.startsWith('deeper')) await ctx.delegate('helper', `deeper than ${input.text}`);
    return { finalResponse: `${input.text} it is`, result: { n: 1 }, usage: { tokens: 2 } };
  }
}

/** The events of each run of a thread, in the order in which the runs began. */
function byRun(events: readonly AgentEvent[]): AgentEvent[][] {
  const runs = new Map<string, AgentEvent[]>();
  for (const event of events) runs.set(event.run, [...(runs.get(event.run) ?? []), event]);
  return [...runs.values()];
}

@agent({ name: 'unmade', description: 'cannot be made' })
class UnmadeHelper implements Agent {
  constructor() {
    throw new Error('a text that nobody may see');
  }
  run() {
    return {};
  }
}

describe('an agent that cannot be made', () => {
  it('is an error of the one that asks for its help, and nothing of it is remembered', async () => {
    await using test = await withAgent(
      async (ctx) => {
        await ctx.delegate('unmade', 'x').catch(() => {});
        return { finalResponse: 'alone' };
      },
      [UnmadeHelper],
    );
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'success', finalResponse: 'alone' });
    await test.clock.settle();
    expect(await test.app.get(KeyValueStore).list('runs/')).toEqual([]);
  });
});

describe('an agent that helps another', () => {
  it('has a run of its own in the same thread, which names the one that asked, and gives back what it found', async () => {
    await using test = await withAgent(
      async (ctx) => {
        const { finalResponse, result, usage } = await ctx.delegate('helper', 'blue');
        return { finalResponse: `I was told: ${finalResponse}`, result: { result, usage } };
      },
      [TesterHelper],
    );
    const run = await test.ask('which colour?', { thread: 't' });
    expect((await run.terminal).data).toMatchObject({ status: 'success' });
    const [parent, child] = byRun(await test.eventsOf('t'));
    for (const events of [parent, child]) expectLegal(events as AgentEvent[]);
    expect(child?.[0]?.data).toEqual({ message: 'blue', parent: run.run });
    expect(child?.map(({ agent }) => agent)).toEqual(child?.map(() => 'helper'));
    expect(parent?.at(-1)?.data).toMatchObject({
      finalResponse: 'I was told: blue it is',
      result: { result: { n: 1 }, usage: { tokens: 2 } },
    });
    expect(helped?.input).toMatchObject({ text: 'blue', thread: 't' });
    await test.clock.settle();
    expect(test.supervisor.activeRuns).toBe(0);
  });

  it('that fails is an error of the one that asked, which may go on without it', async () => {
    let code: unknown;
    await using test = await withAgent(
      async (ctx) => {
        await ctx.delegate('helper', 'fail').catch((error: { code: string }) => (code = error.code));
        return { finalResponse: 'alone' };
      },
      [TesterHelper],
    );
    const run = await test.ask('help', { thread: 't' });
    expect((await run.terminal).data).toMatchObject({ status: 'success', finalResponse: 'alone' });
    expect(code).toBe('SUBAGENT_FAILED');
    const [, child] = byRun(await test.eventsOf('t'));
    expectLegal(child as AgentEvent[]);
    expect(child?.at(-1)?.data).toMatchObject({ status: 'failed', code: 'RUN_FAILED' });
    expect(JSON.stringify(await test.eventsOf('t'))).not.toContain('nobody may see');
  });

  it('ends when the one that asked is cancelled, or forgets to wait for it', async () => {
    await using test = await withAgent(
      async (ctx, { text }) => {
        const helping = ctx.delegate('helper', 'hang');
        if (text === 'wait') await helping;
        while (helped?.input.thread !== text) await Promise.resolve();
        return {};
      },
      [TesterHelper],
    );
    const waiting = await test.ask('wait', { thread: 't' });
    await test.clock.settle();
    const { principal } = await test.requesterOf('ann');
    void test.supervisor.cancel(principal, waiting.run, null);
    await waiting.terminal;
    expect(helped?.signal.aborted).toBe(true);
    const forgetful = await test.ask('u', { thread: 'u' });
    await forgetful.terminal;
    await test.clock.settle();
    for (const thread of ['t', 'u']) {
      const [, child] = byRun(await test.eventsOf(thread));
      expectLegal(child as AgentEvent[]);
      expect(child?.at(-1)?.data).toMatchObject({ status: 'cancelled', by: 'supervisor' });
    }
    expect(test.supervisor.activeRuns).toBe(0);
  });

  it('can be cancelled by itself, and is refused when nobody has its name', async () => {
    const codes: unknown[] = [];
    await using test = await withAgent(
      async (ctx) => {
        for (const name of ['nobody', 'helper'])
          await ctx.delegate(name, 'hang').catch((error: { code: string }) => codes.push(error.code));
        return {};
      },
      [TesterHelper],
    );
    const run = await test.ask('help', { thread: 't' });
    await test.clock.settle();
    const [, child] = byRun(await test.eventsOf('t'));
    const { principal } = await test.requesterOf('ann');
    void test.supervisor.cancel(principal, child?.[0]?.run as string, null);
    expect((await run.terminal).data).toMatchObject({ status: 'success' });
    expect(codes).toEqual(['AGENT_UNKNOWN', 'SUBAGENT_FAILED']);
  });

  it('cannot go on for ever with another that asks it in turn', async () => {
    await using test = await withAgent(async (ctx) => ctx.delegate('helper', 'deeper'), [TesterHelper]);
    const run = await test.ask('help', { thread: 't' });
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'SUBAGENT_FAILED' });
    const runs = byRun(await test.eventsOf('t'));
    expect(runs).toHaveLength(9);
    for (const events of runs) expectLegal(events);
    expect(runs.at(-1)?.at(-1)?.data).toMatchObject({ status: 'failed', code: 'AGENTS_TOO_DEEP' });
  });

  it('gets its terminal like the one that asked when the app stops', async () => {
    await using test = await withAgent(async (ctx) => ctx.delegate('helper', 'hang'), [TesterHelper]);
    const run = await test.ask('help', { thread: 't' });
    await test.clock.settle();
    const stopping = test.app.stop();
    await test.clock.advance(9_000);
    await stopping;
    expect((await run.terminal).data).toMatchObject({ status: 'interrupted' });
    for (const events of byRun(await test.eventsOf('t'))) expectLegal(events);
  });
});
