import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import type { AgentEvent, MusterError } from '@muster/contracts';
import { type AgentContext, defineTool, KeyValueThreadStore, runMethods, ThreadService } from '@muster/agents';
import { type EventLog, KeyValueStore, principalOf, streamOf } from '@muster/core';
import { eventsIn, recordEvents } from '@muster/core/testing';
import { deferred, expectLegal, names, withAgent } from './harness.ts';

const SECRET = 'hunter2-at-/srv/app/db.ts';
const forever = (): Promise<never> => new Promise(() => {});

const toolNamed = (name: string, run: (ctx: { signal: AbortSignal }) => unknown) =>
  defineTool({ name, description: 'for tests', input: v.object({}), run: (_, ctx) => run(ctx) });

type Append = EventLog['append'];

/** Puts `around` in front of the log's append from now on; the returned function takes it away again. */
function intercept(
  log: EventLog,
  around: (append: () => ReturnType<Append>, events: readonly AgentEvent[]) => ReturnType<Append>,
) {
  const original: Append = log.append.bind(log);
  log.append = (stream, events, expected) => {
    const taken = typeof events === 'function' ? eventsIn(events()) : events;
    return around(() => original(stream, taken, expected), taken);
  };
  return () => {
    log.append = original;
  };
}

const numbers = (events: readonly AgentEvent[]): number[] => events.map(({ n }) => n);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('an accepted request', () => {
  it('has its asker follow the thread before the first event is appended', async () => {
    await using test = await withAgent(() => ({}));
    const order: string[] = [];
    intercept(test.log, (append) => {
      order.push('append');
      return append();
    });
    const requester = {
      ...(await test.requesterOf('ann')),
      follow: async (thread: string) => void order.push(`follow ${thread}`),
    };
    await test.supervisor.accept(requester, { text: 'hi', thread: 't' });
    expect(order.slice(0, 2)).toEqual(['follow t', 'append']);
  });

  it('is one run when it comes twice at the same time', async () => {
    await using test = await withAgent(() => ({ finalResponse: 'once' }));
    const requester = { ...(await test.requesterOf('ann')), id: 'a session' };
    const ask = () => test.supervisor.accept(requester, { text: 'hi', thread: 't' }, 'a request');
    const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
    expect(others).toEqual([first, first]);
    await test.clock.settle();
    expectLegal(await test.eventsOf('t'));
  });

  it('is not answered while its first append is under way', async () => {
    await using test = await withAgent(() => ({}));
    const held = deferred();
    intercept(test.log, async (append) => {
      await held.promise;
      return append();
    });
    let accepted = false;
    const asking = test.ask().then((run) => {
      accepted = true;
      return run;
    });
    await test.clock.settle();
    expect(accepted).toBe(false);
    held.resolve();
    expect(names(await (await asking).events()).slice(0, 2)).toEqual(['agent_started', 'agent_thinking']);
  });

  it('gets a terminal also when the app stops while its first append is under way', async () => {
    await using test = await withAgent(forever);
    const held = deferred();
    const end = intercept(test.log, async (append) => {
      await held.promise;
      return append();
    });
    const asking = test.ask('hi', { thread: 't' });
    await test.clock.settle();
    const stopping = test.app.stop();
    await test.clock.settle();
    end();
    held.resolve();
    await asking;
    await test.clock.advance(9_000);
    await stopping;
    expect((await test.eventsOf('t')).at(-1)).toMatchObject({
      event: 'agent_completed',
      data: { status: 'interrupted' },
    });
    expect(test.supervisor.activeRuns).toBe(0);
  });

  it('can be cancelled while its first append is under way', async () => {
    let called = false;
    await using test = await withAgent(() => {
      called = true;
      return {};
    });
    const held = deferred();
    const ids: string[] = [];
    intercept(test.log, async (append, events) => {
      ids.push(events[0]?.run as string);
      await held.promise;
      return append();
    });
    const asking = test.ask();
    await test.clock.settle();
    void test.supervisor.cancel(principalOf('ann'), ids[0] as string, null);
    held.resolve();
    const run = await asking;
    expect((await run.terminal).data).toMatchObject({ status: 'cancelled', by: 'user' });
    expect(called).toBe(false);
  });

  it('is refused with the cause when the log cannot be written, and leaves neither a run nor an open question', async () => {
    await using test = await withAgent(() => ({}));
    const cause = new Error('disk full');
    intercept(test.log, () => Promise.reject(cause));
    await expect(test.ask('hi', { thread: 't' })).rejects.toMatchObject({
      code: 'APPEND_FAILED',
      details: { count: 2 },
      cause,
    });
    expect(test.supervisor.activeRuns).toBe(0);
    const rows = await test.app.get(ThreadService).messages(principalOf('ann'), 't');
    expect(rows).toMatchObject([{ role: 'user', status: 'failed' }]);
  });

  it('is refused with its own reason when the store fails too, and the failure of the store goes to the log', async () => {
    await using test = await withAgent(() => ({}));
    const down = new Error('the store is down');
    test.app.get(KeyValueThreadStore).settle = () => Promise.reject(down);
    const requester = { ...(await test.requesterOf('ann')), permit: { live: false } as never };
    await expect(test.supervisor.accept(requester, { text: 'hi' })).rejects.toMatchObject({ code: 'PERMIT_DEAD' });
    expect(test.faults).toEqual([down]);
  });

  it('ends though its answer cannot be stored, and the failure of the store goes to the log', async () => {
    await using test = await withAgent(() => ({}));
    const down = new Error('the store is down');
    test.app.get(KeyValueThreadStore).settle = () => Promise.reject(down);
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'success' });
    await test.clock.settle();
    expect(test.faults).toEqual([down, down]);
    expect(test.supervisor.activeRuns).toBe(0);
  });

  it('is refused when its asker cannot follow, and leaves nothing', async () => {
    await using test = await withAgent(() => ({}));
    const gone = new Error('the connection has gone');
    const requester = { ...(await test.requesterOf('ann')), follow: () => Promise.reject(gone) };
    await expect(test.supervisor.accept(requester, { text: 'hi', thread: 't' })).rejects.toBe(gone);
    expect(await test.eventsOf('t')).toEqual([]);
    expect(await test.app.get(ThreadService).list(principalOf('ann'))).toEqual([]);
    expect(await test.app.get(KeyValueStore).list('runs/')).toEqual([]);
  });

  it('for an agent that there is not is refused before anything is stored', async () => {
    await using test = await withAgent(() => ({}));
    const asking = test.supervisor.accept(await test.requesterOf('ann'), { text: 'hi', thread: 't', agent: 'nobody' });
    await expect(asking).rejects.toMatchObject({
      code: 'AGENT_UNKNOWN',
      details: { agent: 'nobody', known: ['tester'] },
    });
    await expect(test.app.get(ThreadService).messages(principalOf('ann'), 't')).rejects.toMatchObject({
      code: 'THREAD_NOT_FOUND',
    });
  });

  it('shows its question as running until its end, which question and answer both bear', async () => {
    const answer = deferred();
    await using test = await withAgent(async () => {
      await answer.promise;
      return { finalResponse: 'forty-two' };
    });
    const run = await test.ask('what?', { thread: 't' });
    const rows = async () => test.app.get(ThreadService).messages(principalOf('ann'), 't');
    await test.clock.settle();
    expect(await rows()).toMatchObject([{ role: 'user', status: 'running', run: run.run }]);
    answer.resolve();
    await run.terminal;
    await test.clock.settle();
    expect(await rows()).toMatchObject([
      { role: 'user', content: 'what?', status: 'success', run: run.run },
      { role: 'assistant', content: 'forty-two', status: 'success', run: run.run },
    ]);
  });

  it('shows a cancelled question and why it has no answer', async () => {
    await using test = await withAgent(forever);
    const run = await test.ask('what?', { thread: 't' });
    void test.supervisor.cancel(principalOf('ann'), run.run, null);
    await run.terminal;
    await test.clock.settle();
    const rows = await test.app.get(ThreadService).messages(principalOf('ann'), 't');
    expect(rows.map(({ status, content }) => [status, content])).toEqual([
      ['cancelled', 'what?'],
      ['cancelled', 'The run was cancelled.'],
    ]);
  });
});

describe('a run in the log', () => {
  it('numbers its own events without holes while another goes on in the same stream', async () => {
    await using test = await withAgent(async (ctx) => {
      for (const thought of ['a', 'b', 'c']) await ctx.think(thought);
      return {};
    });
    const [one, two] = await Promise.all([test.ask('1', { thread: 't' }), test.ask('2', { thread: 't' })]);
    await Promise.all([one.terminal, two.terminal]);
    await test.clock.settle();
    const all = await test.eventsOf('t');
    for (const { run } of [one, two]) {
      expect(numbers(all.filter((event) => event.run === run))).toEqual([1, 2, 3, 4, 5, 6]);
    }
    expect(all).toHaveLength(12);
  });

  it('appends what is emitted until the log asks together, and what comes meanwhile in the next append', async () => {
    const go = deferred();
    await using test = await withAgent(async (ctx) => {
      await go.promise;
      const first = [ctx.think('a'), ctx.think('b')];
      await Promise.resolve();
      await Promise.resolve();
      await Promise.all([...first, ctx.think('c'), ctx.think('d')]);
      return {};
    });
    const run = await test.ask();
    const sizes: number[] = [];
    intercept(test.log, async (append, events) => {
      sizes.push(events.length);
      await test.clock.settle();
      return append();
    });
    go.resolve();
    await run.terminal;
    expect(sizes).toEqual([2, 2, 1]);
    expect(numbers(await run.events())).toEqual(upTo(7));
  });

  it('has no hole where an append failed: the agent is told, and the terminal brings what was missing', async () => {
    let told: unknown;
    const go = deferred();
    await using test = await withAgent(async (ctx) => {
      await go.promise;
      try {
        await ctx.think('lost');
      } catch (error) {
        told = error;
        throw error;
      }
      return {};
    });
    const run = await test.ask();
    const cause = new Error(SECRET);
    const recover = intercept(test.log, () => {
      recover();
      return Promise.reject(cause);
    });
    go.resolve();
    expect((await run.terminal).data).toMatchObject({
      status: 'failed',
      code: 'APPEND_FAILED',
      retryable: true,
      count: 4,
    });
    expect(told).toMatchObject({ code: 'APPEND_FAILED', cause });
    const events = await run.events();
    expect(numbers(events)).toEqual([1, 2, 3, 4]);
    expect(test.faults).toMatchObject([{ code: 'APPEND_FAILED', cause }]);
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });

  it('brings what was missing once, when its agent goes on after an append that failed', async () => {
    const go = deferred();
    await using test = await withAgent(async (ctx) => {
      await go.promise;
      await ctx.think('kept back').catch(() => {});
      await ctx.think('next');
      await ctx.think('last');
      return { finalResponse: 'all there' };
    });
    const run = await test.ask();
    const recover = intercept(test.log, () => {
      recover();
      return Promise.reject(new Error('busy'));
    });
    go.resolve();
    expect((await run.terminal).data).toMatchObject({ status: 'success', count: 6 });
    const events = await run.events();
    expect(numbers(events)).toEqual(upTo(6));
    expect(events.slice(2, 5).map(({ data }) => (data as { reasoning: string }).reasoning)).toEqual([
      'kept back',
      'next',
      'last',
    ]);
  });

  it('fails when a streamed piece could not be written, though nobody awaited it', async () => {
    const go = deferred();
    await using test = await withAgent(async (ctx) => {
      await go.promise;
      ctx.output('lost');
      return { finalResponse: 'lost' };
    });
    const run = await test.ask();
    const recover = intercept(test.log, () => {
      recover();
      return Promise.reject(new Error('disk full'));
    });
    go.resolve();
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'APPEND_FAILED' });
    expect(numbers(await run.events())).toEqual([1, 2, 3, 4]);
  });

  it('tells its moves and those of its tool calls to whoever watches the app', async () => {
    await using test = await withAgent(async (ctx) => ({
      result: await ctx.tool(
        toolNamed('probe', () => 1),
        {},
      ),
    }));
    const recorded = recordEvents(test.app);
    const run = await test.ask();
    await run.terminal;
    const [executing] = (await run.events()).flatMap(({ event, data }) =>
      event === 'tool_executing' ? [data.callId] : [],
    );
    expect(recorded.moves('run')).toEqual([`${run.run}:running`, `${run.run}:completed`]);
    expect(recorded.moves('tool')).toEqual([`${executing}:executing`, `${executing}:completed`]);
    await test.clock.settle();
    const ends = recorded.all.filter(
      ({ type }) => type === 'run-begun' || type === 'tool-ended' || type === 'run-ended',
    );
    const stream = streamOf(principalOf('ann'), run.thread);
    expect(ends).toMatchObject([
      {
        type: 'run-begun',
        run: run.run,
        user: 'ann',
        thread: run.thread,
        stream,
        offset: 1,
        parent: null,
        isResumed: false,
      },
      { type: 'tool-ended', run: run.run, callId: executing, tool: 'probe', status: 'ok' },
      { type: 'run-ended', run: run.run, status: 'success', by: 'agent', code: null, events: 5, offset: 5 },
    ]);
  });

  it('keeps results, usage and parameters as they were when they were given, whatever becomes of them', async () => {
    const result = { list: [1] };
    const usage = { tokens: { in: 3n, out: [4] } };
    const parameters = { deep: { n: 1 } };
    const anything = defineTool({ name: 'any', description: '', input: v.looseObject({}), run: () => result });
    await using test = await withAgent(async (ctx) => {
      await ctx.tool(anything, parameters);
      parameters.deep.n = 2;
      return { result, usage };
    });
    const run = await test.ask();
    await run.terminal;
    result.list.push(2);
    usage.tokens.out.push(5);
    const events = await run.events();
    expect(events.find(({ event }) => event === 'tool_executing')?.data).toMatchObject({
      parameters: { deep: { n: 1 } },
    });
    expect(events.find(({ event }) => event === 'tool_completed')?.data).toMatchObject({ result: { list: [1] } });
    expect(events.at(-1)?.data).toMatchObject({ result: { list: [1] }, usage: { tokens: { in: '3', out: [4] } } });
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  });

  it('keeps the beginning of what is too large and nothing of what is secret, and says so in each event', async () => {
    const huge = defineTool({
      name: 'huge',
      description: '',
      input: v.looseObject({}),
      run: () => ({ page: 'x'.repeat(10_000_000), password: SECRET.padEnd(8) }),
    });
    await using test = await withAgent(async (ctx) => {
      await ctx.think('y'.repeat(100_000), { step: 1.5, totalSteps: 2 });
      await ctx.tool(huge, { apiKey: SECRET.padEnd(8) });
      return { finalResponse: 'z'.repeat(2_000_000) };
    });
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'success', altered: ['cut'] });
    const events = await run.events();
    expectLegal(events);
    const [thought, executing, completed] = events.slice(2);
    expect(thought?.data).toMatchObject({ totalSteps: 2, altered: ['cut'] });
    expect(thought?.data).not.toHaveProperty('step');
    expect(executing?.data).toMatchObject({ parameters: { apiKey: '[redacted]' }, altered: ['redacted'] });
    expect(completed?.data).toMatchObject({ result: { password: '[redacted]' }, altered: ['cut', 'redacted'] });
    expect(JSON.stringify(completed)).toContain('[cut: 10000000 characters in all]');
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });

  it('parts a streamed piece of any size into events, and leaves nothing of it out', async () => {
    const whole = Array.from({ length: 400_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
    await using test = await withAgent((ctx) => {
      ctx.output(whole);
      return {};
    });
    const run = await test.ask();
    await run.terminal;
    const events = await run.events();
    expectLegal(events);
    const deltas = events.flatMap((event) => (event.event === 'agent_output' ? [event.data.delta] : []));
    expect(deltas.join('')).toBe(whole);
    expect(Math.max(...deltas.map(({ length }) => length))).toBe(65_536);
  });

  it('says of a result that cannot be read that it cannot', async () => {
    const unreadable = {
      get secret(): string {
        throw new TypeError(SECRET);
      },
    };
    await using test = await withAgent(() => ({ result: unreadable }));
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({
      status: 'success',
      result: { secret: '[unreadable]' },
      altered: ['converted'],
    });
    expect(JSON.stringify(await run.events())).not.toContain(SECRET);
  });

  it('writes streamed text of 4 096 characters at once, without waiting for the 40 ms', async () => {
    await using test = await withAgent((ctx) => {
      ctx.output('x'.repeat(4_095));
      ctx.output('');
      ctx.output('y');
      ctx.output('z');
      return forever();
    });
    const run = await test.ask();
    await test.clock.settle();
    const sizes = async () =>
      (await run.events()).flatMap(({ event, data }) => (event === 'agent_output' ? [data.delta.length] : []));
    expect(await sizes()).toEqual([4_096]);
    await test.clock.advance(40);
    expect(await sizes()).toEqual([4_096, 1]);
  });

  it('has everything when drain() resolves', async () => {
    let seen: string[] = [];
    const asked = deferred<() => Promise<readonly AgentEvent[]>>();
    await using test = await withAgent(async (ctx) => {
      const events = await asked.promise;
      ctx.output('so far');
      await ctx.drain();
      seen = names(await events());
      return {};
    });
    const run = await test.ask();
    asked.resolve(run.events);
    await run.terminal;
    expect(seen).toEqual(['agent_started', 'agent_thinking', 'agent_output']);
  });
});

describe('drain()', () => {
  it('says of an event that was refused why, though nobody has awaited that', async () => {
    const told: unknown[] = [];
    await using test = await withAgent(async (ctx) => {
      await ctx.drain().then(() => told.push('all there'));
      void ctx.tool({ name: 'made by hand' } as never, {});
      await ctx.drain().catch((error: MusterError) => told.push(error.code));
      return {};
    });
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'CONTRACT_VIOLATION' });
    expect(told).toEqual(['all there', 'CONTRACT_VIOLATION']);
  });
});

describe('what an agent leaves behind', () => {
  it('brings no process down: a thought after the end that nobody awaits is dropped', async () => {
    let kept!: AgentContext;
    await using test = await withAgent((ctx) => {
      kept = ctx;
      return {};
    });
    const unhandled: unknown[] = [];
    const note = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const run = await test.ask();
    await run.terminal;
    void kept.think('too late');
    void kept.tool(
      toolNamed('probe', () => 1),
      {},
    );
    await test.clock.settle();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    expect((await run.events()).at(-1)?.event).toBe('agent_completed');
  });

  it('brings no process down: a drain() that nobody awaits may fail', async () => {
    const go = deferred();
    await using test = await withAgent(async (ctx) => {
      await go.promise;
      ctx.output('lost');
      void ctx.drain();
      await test.clock.settle();
      return {};
    });
    const run = await test.ask();
    const recover = intercept(test.log, () => {
      recover();
      return Promise.reject(new Error('disk full'));
    });
    // Without a listener of its own jest would fail the test too, but not say why.
    const unhandled: unknown[] = [];
    const note = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', note);
    go.resolve();
    await run.terminal;
    await test.clock.settle();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it.each([
    ['returns', () => ({})],
    ['throws', () => Promise.reject(new Error('no'))],
  ])('is told to stop: a tool whose call was not awaited sees its signal aborted when the agent %s', async (_, end) => {
    let signal: AbortSignal | undefined;
    await using test = await withAgent(async (ctx) => {
      void ctx.tool(
        toolNamed('probe', (tool) => {
          ({ signal } = tool);
          return forever();
        }),
        {},
      );
      await ctx.think('the tool is on its way');
      return end();
    });
    const run = await test.ask();
    await run.terminal;
    expect(signal?.aborted).toBe(true);
    expect((await run.events()).at(-2)?.data).toMatchObject({ toolName: 'probe', status: 'abandoned' });
  });
});

describe('tool calls', () => {
  it('go on side by side, each with an id of its own, and end in the order in which they end', async () => {
    const gates = { a: deferred(), b: deferred() };
    await using test = await withAgent(async (ctx) => {
      const wait = (name: 'a' | 'b') =>
        ctx.tool(
          toolNamed(name, async () => (await gates[name].promise, name)),
          {},
        );
      return { result: await Promise.all([wait('a'), wait('b')]) };
    });
    const run = await test.ask();
    await test.clock.settle();
    gates.b.resolve();
    await test.clock.settle();
    gates.a.resolve();
    expect((await run.terminal).data).toMatchObject({ result: ['a', 'b'] });
    const calls = (await run.events()).flatMap((event) =>
      event.event === 'tool_executing' || event.event === 'tool_completed' ? [event] : [],
    );
    expect(calls.map(({ event, data }) => `${event} ${data.toolName}`)).toEqual([
      'tool_executing a',
      'tool_executing b',
      'tool_completed b',
      'tool_completed a',
    ]);
    const [a, b] = calls.map(({ data }) => data.callId);
    expect(a).not.toBe(b);
    expect(calls.map(({ data }) => data.callId)).toEqual([a, b, b, a]);
  });

  it('are cancelled with their run, and their signal says so before the terminal', async () => {
    let signal: AbortSignal | undefined;
    await using test = await withAgent(async (ctx) => ({
      result: await ctx.tool(
        toolNamed('probe', (tool) => {
          ({ signal } = tool);
          return forever();
        }),
        {},
      ),
    }));
    const run = await test.ask();
    await test.clock.settle();
    expect(signal?.aborted).toBe(false);
    void test.supervisor.cancel(principalOf('ann'), run.run, null);
    expect(signal?.aborted).toBe(true);
    expect((await run.terminal).data).toMatchObject({ status: 'cancelled' });
    expect((await run.events()).slice(-2).map(({ data }) => (data as { status: string }).status)).toEqual([
      'cancelled',
      'cancelled',
    ]);
  });

  it('that fail and are not caught fail the run with the code of the tool; the cause goes to the log with the id of the run', async () => {
    const cause = new Error(SECRET);
    await using test = await withAgent(async (ctx) => ({
      result: await ctx.tool(
        toolNamed('probe', () => {
          throw cause;
        }),
        {},
      ),
    }));
    const recorded = recordEvents(test.app);
    const run = await test.ask('hi', { thread: 't' });
    expect((await run.terminal).data).toMatchObject({
      status: 'failed',
      by: 'agent',
      code: 'TOOL_FAILED',
      retryable: true,
    });
    await test.clock.settle();
    expect(recorded.all.filter(({ type }) => type === 'fault')).toMatchObject([
      { component: 'tool probe', correlation: run.run, error: cause },
      { component: 'agent', correlation: run.run, run: run.run, error: { code: 'TOOL_FAILED', cause } },
    ]);
    expect(JSON.stringify(await run.events())).not.toContain(SECRET);
    expect(JSON.stringify(await test.app.get(ThreadService).messages(principalOf('ann'), 't'))).not.toContain(SECRET);
  });
});

describe('runMethods', () => {
  it('run what the contract allows and refuse what it does not, before anything is stored', async () => {
    await using test = await withAgent((_, { text }) => ({ finalResponse: text }));
    const methods = runMethods(test.supervisor, await test.requesterOf('ann'));
    await expect(methods.run({ text: '   ', thread: 't' })).rejects.toMatchObject({
      code: 'FRAME_INVALID',
      details: { path: 'data.text' },
    });
    await expect(test.app.get(ThreadService).messages(principalOf('ann'), 't')).rejects.toMatchObject({
      code: 'THREAD_NOT_FOUND',
    });
    expect(await methods.run({ text: ' hi ', thread: 't' })).toEqual({ run: expect.any(String), thread: 't' });
    expect((await test.eventsOf('t'))[0]?.data).toEqual({ message: 'hi' });
  });

  it('cancel a run of their own user with the reason given, and no run of another', async () => {
    await using test = await withAgent(forever);
    const run = await test.ask();
    const foreign = runMethods(test.supervisor, await test.requesterOf('bob'));
    expect(() => foreign.cancel({ run: run.run })).toThrow(expect.objectContaining({ code: 'RUN_NOT_FOUND' }));
    await runMethods(test.supervisor, await test.requesterOf('ann')).cancel({ run: run.run, reason: 'enough' });
    expect((await run.terminal).data).toMatchObject({
      status: 'cancelled',
      error: { message: expect.stringContaining('enough') },
    });
  });
});
