import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { AgentSupervisor, defineTool, RunLimits, ThreadService } from '@muster/agents';
import { provideValue, sleep } from '@muster/core';
import { deferred, expectLegal, names, withAgent } from './harness.ts';

const limits = (perUser: number, waitingPerUser = 1_000) => [
  provideValue(RunLimits, { perUser, total: 10, waitingPerUser }),
];

describe('a run that has to wait', () => {
  it('is accepted with its place, and begins when a run of the same user has ended', async () => {
    const ends = [deferred(), deferred(), deferred()];
    const begun: string[] = [];
    await using test = await withAgent(async (_, { text }) => {
      begun.push(text);
      await ends[Number(text)]!.promise;
      return { finalResponse: text };
    }, limits(1));
    const runs = [await test.ask('0'), await test.ask('1'), await test.ask('2')];
    const first = (await Promise.all(runs.map((run) => run.events()))).map(([started]) => started?.data);
    expect(first).toEqual([{ message: '0' }, { message: '1', queuePosition: 1 }, { message: '2', queuePosition: 2 }]);
    expect((await runs[2]!.events())[1]?.data).toEqual({ reasoning: 'The question waits at place 2' });
    await test.clock.settle();
    expect([begun, test.supervisor.activeRuns, test.supervisor.waitingRuns]).toEqual([['0'], 3, 2]);
    ends[0]!.resolve();
    await runs[0]!.terminal;
    await test.clock.settle();
    expect(begun).toEqual(['0', '1']);
    ends[1]!.resolve();
    ends[2]!.resolve();
    for (const run of runs) {
      expect((await run.terminal).data).toMatchObject({ status: 'success' });
      expectLegal(await run.events());
    }
    expect(test.supervisor.waitingRuns).toBe(0);
  });

  it('can be cancelled, and ends at once without its agent', async () => {
    let begun = 0;
    await using test = await withAgent(() => {
      begun += 1;
      return new Promise(() => {});
    }, limits(1));
    await test.ask('first');
    const waiting = await test.ask('second');
    const { principal } = await test.requesterOf('ann');
    void test.supervisor.cancel(principal, waiting.run, null);
    expect((await waiting.terminal).data).toMatchObject({ status: 'cancelled', by: 'user' });
    expectLegal(await waiting.events());
    await test.clock.settle();
    expect([begun, test.supervisor.waitingRuns]).toEqual([1, 0]);
  });

  it('is refused when too many wait, with an error that says so and when to try again, and leaves no question open', async () => {
    await using test = await withAgent(() => new Promise(() => {}), limits(1, 2));
    for (const text of ['running', 'waits', 'waits as well']) await test.ask(text);
    await expect(test.ask('too much', { thread: 't' })).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      fatal: false,
      details: { waiting: 2, limit: 2, retryAfterMs: 5_000 },
    });
    const { principal } = await test.requesterOf('ann');
    await expect(test.app.get(ThreadService).messages(principal, 't')).rejects.toMatchObject({
      code: 'THREAD_NOT_FOUND',
    });
    expect((await test.ask('of another', { user: 'bob' })).run).toEqual(expect.any(String));
  });

  it('does not keep another user waiting: one has 200 runs of 5 s, and the other begins at once', async () => {
    await using test = await withAgent(
      async (ctx, { text }) => {
        await sleep(test.clock, 5_000, ctx.signal);
        return { finalResponse: text };
      },
      [provideValue(RunLimits, { perUser: 4, total: 8 })],
    );
    const many = await Promise.all(Array.from({ length: 200 }, (_, i) => test.ask(`${i}`)));
    const asked = test.clock.now();
    const other = await test.ask('hello', { user: 'bob' });
    const [started] = await other.events();
    expect((started?.at as number) - asked).toBeLessThanOrEqual(1_000);
    expect(started?.data).toEqual({ message: 'hello' });
    await test.clock.advance(5_000);
    await other.terminal;
    for (let i = 0; i < 50; i += 1) await test.clock.advance(5_000);
    await Promise.all(many.map(({ terminal }) => terminal));
    expect(test.app.get(AgentSupervisor).activeRuns).toBe(0);
  });

  it('gets its terminal when the app stops before its turn', async () => {
    await using test = await withAgent(() => new Promise(() => {}), limits(1));
    const runs = [await test.ask('first'), await test.ask('second')];
    const stopping = test.app.stop();
    await test.clock.advance(9_000);
    await stopping;
    for (const run of runs) {
      expect((await run.terminal).data).toMatchObject({ status: 'interrupted', by: 'supervisor' });
      expectLegal(await run.events());
    }
  });
});

describe('a tool that ignores its signal', () => {
  it('is given up, keeps the turn of its run until it settles, and is counted', async () => {
    const stubborn = deferred();
    const tool = defineTool({
      name: 'stubborn',
      description: '',
      input: v.object({}),
      timeoutMs: 1_000,
      run: () => stubborn.promise,
    });
    await using test = await withAgent(async (ctx, { text }) => {
      if (text === 'stubborn') await ctx.tool(tool, {});
      return { finalResponse: text };
    }, limits(1));
    const first = await test.ask('stubborn');
    const second = await test.ask('next');
    await test.clock.advance(1_000);
    expect((await first.terminal).data).toMatchObject({ status: 'failed', code: 'TOOL_TIMEOUT' });
    await test.clock.settle();
    expect(names(await second.events())).toEqual(['agent_started', 'agent_thinking']);
    expect([test.supervisor.abandonedRuns, test.supervisor.waitingRuns]).toEqual([1, 1]);
    stubborn.resolve();
    expect((await second.terminal).data).toMatchObject({ finalResponse: 'next' });
    expect(test.supervisor.abandonedRuns).toBe(0);
  });

  it('keeps it for a minute at the most, and is counted for as long as it goes on', async () => {
    await using test = await withAgent((_, { text }) => (text === 'never' ? new Promise(() => {}) : {}), limits(1));
    const first = await test.ask('never');
    const second = await test.ask('next');
    const { principal } = await test.requesterOf('ann');
    void test.supervisor.cancel(principal, first.run, null);
    await first.terminal;
    await test.clock.advance(59_999);
    expect(names(await second.events())).toHaveLength(2);
    await test.clock.advance(1);
    expect((await second.terminal).data).toMatchObject({ status: 'success' });
    await test.clock.settle();
    expect([test.supervisor.abandonedRuns, test.supervisor.waitingRuns]).toEqual([1, 0]);
  });
});
