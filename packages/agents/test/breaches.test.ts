/** What an agent must not emit, and how its run ends when it does. */
import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { AgentEvent } from '@muster/contracts';
import { type AgentContext, ContentPolicy, defineTool } from '@muster/agents';
import { principalOf, provideValue, streamOf } from '@muster/core';
import { eventsIn } from '@muster/core/testing';
import { WAITING } from '../src/runs/outbox.ts';
import { type Body, deferred, expectLegal, names, withAgent } from './harness.ts';

const forever = (): Promise<never> => new Promise(() => {});
const probe = defineTool({ name: 'probe', description: 'for tests', input: v.looseObject({}), run: () => 'found' });
const hanging = defineTool({ name: 'hanging', description: 'for tests', input: v.object({}), run: forever });
const wide = defineTool({
  name: 'wide',
  description: 'for tests',
  input: v.object({}),
  run: () => ['\u0001'.repeat(800_000)],
});
/** Large enough for what is too large for an event. */
const generous = provideValue(ContentPolicy, {
  textCharacters: 10_000_000,
  valueCharacters: 10_000_000,
  thoughtCharacters: 10_000_000,
  responseCharacters: 10_000_000,
});

type Told = { readonly code?: string; readonly details?: { readonly event: string; readonly rule: string } };

/** Has an agent do something illegal, catch what it gets for it, and end as if nothing had been. */
async function breach(illegal: (ctx: AgentContext) => unknown) {
  const told: Told[] = [];
  const body: Body = async (ctx) => {
    await ctx.think('all is well');
    await Promise.resolve(illegal(ctx)).catch((error: Told) => told.push(error));
    return { finalResponse: 'as if nothing had been' };
  };
  const test = await withAgent(body, [generous]);
  const run = await test.ask();
  const terminal = await run.terminal;
  await test.clock.settle();
  return { test, told, terminal, events: await run.events() };
}

describe('an event that the contract does not allow', () => {
  const throwing = {
    get step(): number {
      throw new Error('no step');
    },
  };
  it.each<[string, string, string, (ctx: AgentContext) => unknown]>([
    ['a call of no tool', 'tool_executing', 'defineTool', (ctx) => ctx.tool('probe' as never, {})],
    ['a call of nothing', 'tool_executing', 'defineTool', (ctx) => ctx.tool(undefined as never, {})],
    ['a call of a copy', 'tool_executing', 'defineTool', (ctx) => ctx.tool(Object.create(probe) as typeof probe, {})],
    [
      'a thought whose step throws',
      'agent_thinking',
      'no event can be made',
      (ctx) => ctx.think('hm', throwing as never),
    ],
    ['a thought with no step', 'agent_thinking', 'no event can be made', (ctx) => ctx.think('hm', null as never)],
    [
      'a thought of five megabytes',
      'agent_thinking',
      '4194304 bytes at the most',
      (ctx) => ctx.think('x'.repeat(5_000_000)),
    ],
    [
      'parameters of five megabytes',
      'tool_executing',
      '4194304 bytes at the most',
      (ctx) => ctx.tool(probe, { page: 'ü'.repeat(2_500_000) }),
    ],
    ['a result of five megabytes', 'tool_completed', '4194304 bytes at the most', (ctx) => ctx.tool(wide, {})],
  ])(
    '%s is refused at its producer by its rule, and fails the run though that is caught',
    async (_, event, rule, illegal) => {
      const { test, told, terminal, events } = await breach(illegal);
      expect(told).toMatchObject([
        { code: 'CONTRACT_VIOLATION', details: { event, rule: expect.stringContaining(rule) as unknown } },
      ]);
      expect(terminal.data).toMatchObject({
        status: 'failed',
        by: 'supervisor',
        code: 'CONTRACT_VIOLATION',
        retryable: false,
      });
      expect(terminal.data).not.toHaveProperty('finalResponse');
      expectLegal(events);
      expect(test.faults).toEqual(told);
      await test[Symbol.asyncDispose]();
    },
  );

  it('fails a run that goes on for ever after it, at once and with its signal', async () => {
    let signal: AbortSignal | undefined;
    await using test = await withAgent((ctx) => {
      ({ signal } = ctx);
      void ctx.tool({} as never, {});
      return forever();
    });
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'CONTRACT_VIOLATION' });
    expect(signal?.aborted).toBe(true);
    expectLegal(await run.events());
  });

  it('fails a run whose agent has thrown something else because of it, by the rule that was broken first', async () => {
    await using test = await withAgent(async (ctx) => {
      await ctx.tool(null as never, {}).catch(() => {});
      throw new Error('something else');
    });
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ by: 'supervisor', code: 'CONTRACT_VIOLATION' });
    expectLegal(await run.events());
  });

  it('closes the calls that are open before the terminal, like every end', async () => {
    await using test = await withAgent(async (ctx) => {
      void ctx.tool(hanging, {});
      await ctx.think('on its way');
      await ctx.tool({ name: 'probe' } as never, {});
      return {};
    });
    const run = await test.ask();
    await run.terminal;
    const events = await run.events();
    expectLegal(events);
    expect(names(events).slice(-2)).toEqual(['tool_completed', 'agent_completed']);
  });

  it('does not change how a run ended that was cancelled before', async () => {
    const go = deferred();
    await using test = await withAgent(async (ctx) => {
      await go.promise;
      await ctx.tool(null as never, {});
      return {};
    });
    const run = await test.ask();
    await test.clock.settle();
    void test.supervisor.cancel(principalOf('ann'), run.run, null);
    go.resolve();
    expect((await run.terminal).data).toMatchObject({ status: 'cancelled', by: 'user' });
    expectLegal(await run.events());
  });
});

describe('an event that comes about when the run ends', () => {
  it('fails the run or comes after its end, at whatever moment, and never before an end that knows nothing of it', async () => {
    const ends = new Set<string>();
    for (let moment = 0; moment < 40; moment += 1) {
      const refused = deferred<unknown>();
      await using test = await withAgent((ctx) => {
        let later = Promise.resolve();
        for (let i = 0; i < moment; i += 1) later = later.then(() => {});
        void later.then(async () => ctx.tool(null as never, {}).catch(refused.resolve));
        return {};
      });
      const components: string[] = [];
      test.app.events.on((event) => void (event.type === 'fault' && components.push(event.component)));
      const run = await test.ask();
      const { status } = (await run.terminal).data as { readonly status: string };
      await refused.promise;
      await test.clock.settle();
      ends.add(status);
      expect([moment, status, components]).toEqual([moment, status, [status === 'failed' ? 'agent' : 'run recorder']]);
      expectLegal(await run.events());
    }
    expect(ends).toEqual(new Set(['failed', 'success']));
  });
});

describe('what comes after the terminal', () => {
  it.each<[string, string, (ctx: AgentContext) => unknown]>([
    ['a thought', 'agent_thinking', (ctx) => ctx.think('late')],
    ['a piece of output', 'agent_output', (ctx) => ctx.output('late')],
    ['a call', 'tool_executing', (ctx) => ctx.tool(probe, {})],
    ['a call for help', 'agent_started', (ctx) => ctx.delegate('tester', 'late')],
  ])('%s is refused and told as a fault, once for a run, and changes nothing', async (_, event, late) => {
    const kept = deferred<AgentContext>();
    await using test = await withAgent((ctx) => {
      kept.resolve(ctx);
      return {};
    });
    const run = await test.ask();
    await run.terminal;
    const before = await run.events();
    const ctx = await kept.promise;
    for (let i = 0; i < 3; i += 1) {
      const refused = late(ctx);
      if (refused !== undefined)
        await expect(refused).rejects.toMatchObject({ code: 'CONTRACT_VIOLATION', details: { event } });
    }
    await test.clock.advance(100);
    expect(await run.events()).toEqual(before);
    expect(test.supervisor.activeRuns).toBe(0);
    expect(test.faults).toMatchObject([
      { code: 'CONTRACT_VIOLATION', details: { event, rule: expect.stringContaining('completed') as unknown } },
    ]);
  });
});

describe('a terminal that is too large for an event', () => {
  it('goes without what makes it so, and says that it was cut', async () => {
    await using test = await withAgent(() => ({ finalResponse: 'ü'.repeat(3_000_000) }), [generous]);
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'success', altered: ['cut'] });
    expectLegal(await run.events());
  });
});

describe('a thought that is no text', () => {
  it.each([
    ['an object', { a: 1 }, '{"a":1}'],
    ['one that says what it is in no text', { toString: 1 }, '{"toString":1}'],
    ['nothing', undefined, 'null'],
    ['a symbol', Symbol('x'), '[symbol]'],
  ])('%s is converted and flagged', async (_, given, reasoning) => {
    await using test = await withAgent(async (ctx) => {
      await ctx.think(given as never);
      ctx.output(given as never);
      return {};
    });
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'success' });
    const events = await run.events();
    expect(events[2]?.data).toEqual({ reasoning, altered: ['converted'] });
    expect(events[3]?.data).toEqual({ delta: reasoning });
  });
});

/** A run whose events are gathered as the log shows them: it keeps fewer than a run may have. */
async function flooded(body: Body) {
  const test = await withAgent(body);
  const shown: AgentEvent[] = [];
  const sizes: number[] = [];
  test.log.subscribe(streamOf(principalOf('ann'), 't'), (batch) => {
    sizes.push(batch.json.length);
    shown.push(...eventsIn(batch));
  });
  const run = await test.ask('hi', { thread: 't' });
  return { test, run, shown, sizes };
}

describe('what waits for the log', () => {
  it('is bounded: a run that emits more without awaiting ends as failed once what was accepted is in the log', async () => {
    const outcomes: Promise<unknown>[] = [];
    const { test, run, shown } = await flooded(async (ctx) => {
      for (let i = 0; i < WAITING.events + 5; i += 1) outcomes.push(ctx.think(`${i}`));
      await Promise.allSettled(outcomes);
      return { finalResponse: 'never mind' };
    });
    expect((await run.terminal).data).toMatchObject({
      status: 'failed',
      by: 'supervisor',
      code: 'RUN_OVERFLOW',
      retryable: true,
      count: WAITING.events + 3,
    });
    const settled = await Promise.allSettled(outcomes);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(WAITING.events);
    expect(settled.at(-1)).toMatchObject({
      reason: { code: 'RUN_OVERFLOW', details: { run: run.run, events: WAITING.events } },
    });
    // The schema is slow for so many; numbers and order are what is looked at.
    expect(shown.map(({ n }) => n)).toEqual(Array.from({ length: WAITING.events + 3 }, (_, i) => i + 1));
    expect(test.faults).toMatchObject([{ code: 'RUN_OVERFLOW' }]);
    await test[Symbol.asyncDispose]();
  });

  it('is bounded in bytes as well, also for output, which nobody awaits', async () => {
    const piece = 'x'.repeat(65_536);
    const { test, run, shown, sizes } = await flooded(async (ctx) => {
      for (let i = 0; i < 200; i += 1) ctx.output(piece);
      await ctx.drain();
      return { finalResponse: 'never mind' };
    });
    expect((await run.terminal).data).toMatchObject({ status: 'failed', by: 'supervisor', code: 'RUN_OVERFLOW' });
    const deltas = shown.flatMap(({ event, data }) => (event === 'agent_output' ? [data.delta.length] : []));
    // As many as fit, and the one that began below the bound.
    expect(deltas).toHaveLength(WAITING.bytes / 65_536);
    expectLegal(shown);
    expect(Math.max(...sizes)).toBeLessThan(1_200_000);
    await test[Symbol.asyncDispose]();
  });

  it('is below the bound for whoever awaits, however slow the log', async () => {
    await using test = await withAgent(async (ctx) => {
      for (let i = 0; i < 300; i += 1) {
        ctx.output('x'.repeat(65_536));
        await ctx.drain();
      }
      return { finalResponse: 'done' };
    });
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'success', count: 303 });
  });

  it('leaves in parcels that a log takes, whatever an agent emits in one tick', async () => {
    const { test, run, shown, sizes } = await flooded((ctx) => {
      ctx.output('ü'.repeat(4_000_000));
      return { finalResponse: 'x'.repeat(900_000) };
    });
    expect((await run.terminal).data).toMatchObject({ status: 'success' });
    expectLegal(shown);
    const text = shown.map(({ event, data }) => (event === 'agent_output' ? data.delta : '')).join('');
    expect(text).toBe('ü'.repeat(4_000_000));
    expect(Math.max(...sizes)).toBeLessThan(1_200_000);
    await test[Symbol.asyncDispose]();
  });

  it('keeps its order and its numbers when appends fail in the middle of a burst', async () => {
    const { test, run, shown } = await flooded(async (ctx) => {
      await burst.promise;
      ctx.output('x'.repeat(3_500_000));
      await ctx.drain().catch(() => {});
      await ctx.think('and on').catch(() => {});
      await ctx.think('and on again');
      return { finalResponse: 'all there' };
    });
    const append = test.log.append.bind(test.log);
    let calls = 0;
    test.log.append = (stream, events, expected) => {
      calls += 1;
      if (calls === 2 || calls === 3 || calls === 5) {
        // One that was asked for, and one that is refused before it is.
        if (calls === 2 && typeof events === 'function') events();
        return Promise.reject(new Error('busy'));
      }
      return append(stream, events, expected);
    };
    burst.resolve();
    expect((await run.terminal).data).toMatchObject({ status: 'success' });
    expectLegal(shown);
    expect(calls).toBeGreaterThan(5);
    await test[Symbol.asyncDispose]();
  });

  it('leaves room for the ends of calls: one that is open when too much waits is closed before the terminal', async () => {
    const held = deferred();
    const { test, run, shown } = await flooded(async (ctx) => {
      void ctx.tool(hanging, {});
      await ctx.think('on its way');
      const append = test.log.append.bind(test.log);
      test.log.append = async (...call) => {
        await held.promise;
        return append(...call);
      };
      ctx.output('x'.repeat(WAITING.bytes + 1_000_000));
      return {};
    });
    await test.clock.settle();
    held.resolve();
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'RUN_OVERFLOW' });
    expectLegal(shown);
    expect(shown.at(-2)?.data).toMatchObject({ toolName: 'hanging', status: 'abandoned' });
    await test[Symbol.asyncDispose]();
  });

  it('is written when a log that has hung comes back, and then the terminal', async () => {
    const go = deferred();
    const back = deferred();
    const { test, run, shown } = await flooded(async (ctx) => {
      await go.promise;
      for (;;) {
        void ctx.think('x'.repeat(10_000));
        await Promise.resolve();
        ctx.signal.throwIfAborted();
      }
    });
    const append = test.log.append.bind(test.log);
    test.log.append = async (...call) => {
      await back.promise;
      return append(...call);
    };
    go.resolve();
    await test.clock.settle();
    expect(names(shown)).toEqual(['agent_started', 'agent_thinking']);
    back.resolve();
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'RUN_OVERFLOW' });
    expectLegal(shown);
    await test[Symbol.asyncDispose]();
  });
});

const burst = deferred();
