import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as v from 'valibot';
import { type AgentContext, defineTool } from '@muster/agents';
import { EventLog } from '@muster/core';
import { eventsIn } from '@muster/core/testing';
import { type Body, expectLegal, names, withAgent } from './harness.ts';

const SECRET = 'hunter2-at-/srv/app/db.ts';
const tool = (run: () => unknown, timeoutMs = 1_000) =>
  defineTool({ name: 'probe', description: 'for tests', input: v.object({}), timeoutMs, run });

describe('a run', () => {
  it('has its five kinds of events in order, though the author wrote none of the required ones', async () => {
    await using test = await withAgent(async (ctx) => {
      await ctx.think('looking', { step: 1, totalSteps: 2 });
      const found = await ctx.tool(
        tool(() => 42),
        {},
      );
      ctx.output('It is ');
      ctx.output(String(found));
      return { finalResponse: `It is ${String(found)}`, usage: { tokens: 3 } };
    });
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({
      status: 'success',
      by: 'agent',
      finalResponse: 'It is 42',
      usage: { tokens: 3 },
    });
    const events = await run.events();
    expect(names(events)).toEqual([
      'agent_started',
      'agent_thinking',
      'agent_thinking',
      'tool_executing',
      'tool_completed',
      'agent_output',
      'agent_completed',
    ]);
    expect(events[4]?.data).toMatchObject({ toolName: 'probe', status: 'ok', result: 42 });
    expect(events[5]?.data).toEqual({ delta: 'It is 42' });
    expectLegal(events);
  });

  it('is accepted only when its first two events are in the log, in one append', async () => {
    await using test = await withAgent(() => new Promise(() => {}));
    const sizes: number[] = [];
    let release!: () => void;
    const flushed = new Promise<void>((resolve) => {
      release = resolve;
    });
    const append = test.log.append.bind(test.log);
    (test.app.get(EventLog) as { append: typeof append }).append = async (stream, events, expected) => {
      const taken = typeof events === 'function' ? eventsIn(events()) : events;
      sizes.push(taken.length);
      await flushed;
      return append(stream, taken, expected);
    };
    let isAccepted = false;
    const asking = test.ask('what?').then((run) => {
      isAccepted = true;
      return run;
    });
    await test.clock.settle();
    expect([isAccepted, sizes]).toEqual([false, [2]]);
    release();
    const run = await asking;
    expect(sizes).toEqual([2]);
    expect((await run.events()).map(({ event, data }) => [event, data])).toEqual([
      ['agent_started', { message: 'what?' }],
      ['agent_thinking', { reasoning: 'tester takes up the question' }],
    ]);
  });

  const endings: [string, Body, object][] = [
    [
      'throws',
      () => {
        throw new Error(SECRET);
      },
      { status: 'failed', by: 'agent', code: 'RUN_FAILED', error: { message: 'The agent failed.' } },
    ],
    ['rejects', () => Promise.reject(new TypeError(SECRET)), { status: 'failed', code: 'RUN_FAILED' }],
    ['rejects with no Error', () => Promise.reject(SECRET), { status: 'failed', code: 'RUN_FAILED' }],
    ['returns nothing', () => undefined as never, { status: 'success', by: 'agent' }],
    ['returns something odd', () => ({ finalResponse: 7, result: 10n }) as never, { status: 'success', result: '10' }],
    [
      'forgets to await',
      (ctx) => {
        void ctx.think('a');
        void ctx.tool(
          tool(() => new Promise(() => {})),
          {},
        );
        return {};
      },
      { status: 'success' },
    ],
    [
      'forgets a tool that fails',
      (ctx) => {
        void ctx.tool(
          tool(() => {
            throw new Error(SECRET);
          }),
          {},
        );
        return {};
      },
      { status: 'success' },
    ],
  ];
  it.each(endings)('that %s gets exactly one terminal, last, without a foreign text', async (_, body, end) => {
    await using test = await withAgent(body);
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject(end);
    const events = await run.events();
    expectLegal(events);
    expect(JSON.stringify(events)).not.toContain(SECRET);
    await test.clock.settle();
    expect(test.supervisor.activeRuns).toBe(0);
  });

  it('says of each event when it was emitted', async () => {
    const { sleep } = await import('@muster/core');
    const times: number[] = [];
    await using test = await withAgent(async (ctx) => {
      for (const ms of [0, 3, 0, 5_000]) {
        await sleep(test.clock, ms);
        times.push(test.clock.now());
        await ctx.think('hm');
      }
      return {};
    });
    const run = await test.ask();
    await test.clock.advance(6_000);
    const thoughts = (await run.events()).filter(({ event }) => event === 'agent_thinking').slice(1);
    expect(thoughts.map(({ at }) => at)).toEqual(times);
    expect(new Set(times).size).toBe(3);
  });

  it('that hangs is ended by its supervisor after ten minutes', async () => {
    await using test = await withAgent(() => new Promise(() => {}));
    const run = await test.ask();
    await test.clock.advance(599_999);
    expect(await run.events()).toHaveLength(2);
    await test.clock.advance(1);
    expect((await run.terminal).data).toMatchObject({ status: 'failed', by: 'supervisor', code: 'RUN_TIMEOUT' });
    expectLegal(await run.events());
  });

  it('can be cancelled once; again, or after the end, changes nothing; by others it is refused', async () => {
    let signal: AbortSignal | undefined;
    await using test = await withAgent((ctx) => {
      ({ signal } = ctx);
      return new Promise(() => {});
    });
    const run = await test.ask();
    await test.clock.settle();
    const { principal } = await test.requesterOf('ann');
    const { principal: foreign } = await test.requesterOf('bob');
    expect(() => test.supervisor.cancel(foreign, run.run, null)).toThrow(
      expect.objectContaining({ code: 'RUN_NOT_FOUND' }),
    );
    expect(signal?.aborted).toBe(false);
    void test.supervisor.cancel(principal, run.run, 'changed my mind');
    void test.supervisor.cancel(principal, run.run, 'really');
    expect(signal?.aborted).toBe(true);
    expect((await run.terminal).data).toMatchObject({
      status: 'cancelled',
      by: 'user',
      error: { message: 'The run was cancelled: changed my mind.' },
    });
    void test.supervisor.cancel(principal, run.run, null);
    expectLegal(await run.events());
  });

  it('may finish while the app stops, and is interrupted with a terminal when it does not', async () => {
    let finish!: () => void;
    const answered = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await using test = await withAgent(async (_, { text }) => {
      await (text === 'quick' ? answered : new Promise(() => {}));
      return { finalResponse: 'done' };
    });
    const [quick, slow] = [await test.ask('quick'), await test.ask('slow')];
    const stopping = test.app.stop();
    await test.clock.advance(1_000);
    finish();
    expect((await quick.terminal).data).toMatchObject({ status: 'success' });
    expect(await slow.events()).toHaveLength(2);
    // Nine tenths of the time for draining, so that the terminal is out before sockets close.
    await test.clock.advance(2_645);
    expect((await slow.terminal).data).toMatchObject({ status: 'interrupted', by: 'supervisor', retryable: true });
    await stopping;
    expectLegal(await slow.events());
    await expect(
      test.supervisor.accept({ ...(await quickRequester()), follow: async () => {} }, { text: 'late' }),
    ).rejects.toMatchObject({ code: 'NOT_ACCEPTING' });
    async function quickRequester() {
      return { principal: (await import('@muster/core')).principalOf('ann'), permit: { live: false } as never };
    }
  });

  it('closes its open tool calls before the terminal, and refuses whatever comes after it', async () => {
    let kept!: AgentContext;
    let late!: Promise<unknown>;
    await using test = await withAgent((ctx) => {
      kept = ctx;
      late = ctx
        .tool(
          tool(() => new Promise(() => {})),
          {},
        )
        .catch((error: unknown) => error);
      return new Promise((_, reject) => queueMicrotask(() => queueMicrotask(() => reject(new Error('enough')))));
    });
    const run = await test.ask();
    await run.terminal;
    await late;
    const before = await run.events();
    expect(names(before).slice(-3)).toEqual(['tool_executing', 'tool_completed', 'agent_completed']);
    expect(before.at(-2)?.data).toMatchObject({ status: 'abandoned' });
    await expect(kept.think('one more thing')).rejects.toMatchObject({ code: 'CONTRACT_VIOLATION' });
    await expect(
      kept.tool(
        tool(() => 1),
        {},
      ),
    ).rejects.toMatchObject({ code: 'CONTRACT_VIOLATION' });
    kept.output('!');
    await test.clock.advance(100);
    expect(await run.events()).toEqual(before);
  });

  it('is shown only when it is in the log: an append that fails rejects at the producer, and the run does not go on in silence', async () => {
    let broken = false;
    await using test = await withAgent(async (ctx) => {
      broken = true;
      await ctx.think('this cannot be kept');
      return { finalResponse: 'never reached' };
    });
    const log = test.app.get(EventLog) as { append: EventLog['append'] };
    const append = log.append.bind(log);
    log.append = async (...call) => {
      if (broken) throw new Error('disk full');
      return append(...call);
    };
    const run = await test.ask();
    await test.clock.settle();
    expect(names(await run.events())).toEqual(['agent_started', 'agent_thinking']);
    expect(test.supervisor.activeRuns).toBe(0);
    expect(test.faults.map((fault) => (fault as { code?: string }).code)).toContain('APPEND_FAILED');
    await expect(test.ask('again', { thread: 'u' })).rejects.toMatchObject({ code: 'APPEND_FAILED' });
    expect(test.supervisor.activeRuns).toBe(0);
  });

  it('does not wait for a run of anybody else, also when that hangs for ever', async () => {
    await using test = await withAgent((_, { text }) =>
      text === 'hang' ? new Promise(() => {}) : { finalResponse: text },
    );
    const hanging = await Promise.all(Array.from({ length: 20 }, (_, i) => test.ask('hang', { user: `u${i}` })));
    const quick = await test.ask('quick', { user: 'ann' });
    expect((await quick.terminal).data).toMatchObject({ finalResponse: 'quick' });
    for (const run of hanging) expect(await run.events()).toHaveLength(2);
  });

  it('is never seen in the stream of another user, even under the same thread id', async () => {
    await using test = await withAgent((_, { text }) => ({ finalResponse: text }));
    const ann = await test.ask('mine', { user: 'ann', thread: 't-ann' });
    const bob = await test.ask('his', { user: 'bob', thread: 't-bob' });
    await Promise.all([ann.terminal, bob.terminal]);
    expect(await test.eventsOf('t-ann', 'bob')).toEqual([]);
    expect(JSON.stringify(await bob.events())).not.toContain('mine');
    const own = await test.ask('under the same id', { user: 'bob', thread: 't-ann' });
    await own.terminal;
    expect(JSON.stringify(await test.eventsOf('t-ann', 'bob'))).not.toContain('mine');
    expect(JSON.stringify(await test.eventsOf('t-ann', 'ann'))).not.toContain('the same id');
  });

  it('is refused with a dead permit, and leaves no question open', async () => {
    await using test = await withAgent(() => ({}));
    const requester = { ...(await test.requesterOf('ann')), permit: { live: false } as never };
    await expect(test.supervisor.accept(requester, { text: 'hi', thread: 't' })).rejects.toMatchObject({
      code: 'PERMIT_DEAD',
    });
    const { ThreadService } = await import('@muster/agents');
    const rows = await test.app.get(ThreadService).messages(requester.principal, 't');
    expect(rows).toMatchObject([{ role: 'user', content: 'hi', status: 'failed' }]);
    expect(await test.eventsOf('t')).toEqual([]);
  });

  it('joins streamed pieces for up to 40 ms, and keeps every character in its place among the other events', async () => {
    const piece = fc.record({
      text: fc.string({ minLength: 1, maxLength: 50 }),
      pauseMs: fc.nat(60),
      think: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 15 }), async (pieces) => {
        const { sleep } = await import('@muster/core');
        await using test = await withAgent(async (ctx) => {
          for (const { text, pauseMs, think } of pieces) {
            ctx.output(text);
            if (think) await ctx.think('…');
            await sleep(test.clock, pauseMs, ctx.signal);
          }
          return {};
        });
        const run = await test.ask();
        await test.clock.advance(2_000);
        await run.terminal;
        const events = await run.events();
        expectLegal(events);
        const shape = events.slice(2, -1).reduce<string[]>(
          (parts, event) => {
            if (event.event === 'agent_output') parts[parts.length - 1] += event.data.delta;
            else parts.push('');
            return parts;
          },
          [''],
        );
        const wanted = pieces.reduce<string[]>(
          (parts, { text, think }) => {
            parts[parts.length - 1] += text;
            if (think) parts.push('');
            return parts;
          },
          [''],
        );
        expect(shape).toEqual(wanted);
      }),
      { numRuns: 25 },
    );
  });

  it('writes one delta for what was streamed within 40 ms, and a second one after it', async () => {
    const { sleep } = await import('@muster/core');
    await using test = await withAgent(async (ctx) => {
      for (let i = 0; i < 6; i += 1) {
        ctx.output(`${i}`);
        await sleep(test.clock, 10);
      }
      return {};
    });
    const run = await test.ask();
    await test.clock.advance(39);
    expect(await run.events()).toHaveLength(2);
    await test.clock.advance(100);
    const deltas = (await run.events()).flatMap((event) => (event.event === 'agent_output' ? [event.data.delta] : []));
    expect(deltas).toEqual(['0123', '45']);
  });

  it('is legal whatever its agent does', async () => {
    const step = fc.constantFrom('think', 'output', 'ok', 'throw', 'forget', 'parallel');
    const end = fc.constantFrom('return', 'throw', 'nothing');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), end, async (steps, ending) => {
        await using test = await withAgent(async (ctx) => {
          for (const each of steps) {
            if (each === 'think') await ctx.think('hm');
            if (each === 'output') ctx.output('x');
            if (each === 'ok')
              await ctx.tool(
                tool(() => 1),
                {},
              );
            if (each === 'throw')
              await ctx
                .tool(
                  tool(() => {
                    throw new Error('no');
                  }),
                  {},
                )
                .catch(() => {});
            if (each === 'forget')
              void ctx.tool(
                tool(() => new Promise(() => {})),
                {},
              );
            if (each === 'parallel')
              await Promise.all([
                ctx.tool(
                  tool(() => 1),
                  {},
                ),
                ctx.tool(
                  tool(async () => 2),
                  {},
                ),
              ]);
          }
          if (ending === 'throw') throw new Error('no');
          return ending === 'return' ? { finalResponse: 'x' } : (undefined as never);
        });
        const run = await test.ask();
        await run.terminal;
        expectLegal(await run.events());
      }),
      { numRuns: 60 },
    );
  });
});

describe('a tool call', () => {
  const circular: Record<string, unknown> = { when: new Date(0) };
  circular['self'] = circular;
  const calls: [string, () => unknown, object, string | null][] = [
    [
      'that throws',
      () => {
        throw new Error(SECRET);
      },
      { status: 'error', error: { code: 'TOOL_FAILED', message: 'The tool probe failed.' } },
      'TOOL_FAILED',
    ],
    ['that rejects', () => Promise.reject(new Error(SECRET)), { status: 'error' }, 'TOOL_FAILED'],
    [
      'that returns a circle',
      () => circular,
      { status: 'ok', result: { when: '1970-01-01T00:00:00.000Z', self: '[circular]' } },
      null,
    ],
    ['that returns a bigint', () => ({ big: 10n }), { status: 'ok', result: { big: '10' } }, null],
    ['that returns nothing', () => undefined, { status: 'ok', result: null }, null],
  ];
  it.each(calls)('%s completes once with its status, and the agent decides', async (_, run, completed, code) => {
    let caught: unknown = null;
    await using test = await withAgent(async (ctx) => {
      await ctx.tool(tool(run), {}).catch((error: { code: string }) => {
        caught = error.code;
      });
      return { finalResponse: 'went on' };
    });
    const asked = await test.ask();
    expect((await asked.terminal).data).toMatchObject({ status: 'success', finalResponse: 'went on' });
    const events = await asked.events();
    expectLegal(events);
    expect(events.filter(({ event }) => event === 'tool_completed').map(({ data }) => data)).toMatchObject([completed]);
    expect(caught).toBe(code);
    expect(JSON.stringify(events)).not.toContain(SECRET);
    expect(test.faults.map(String)).toEqual(code === null ? [] : [`Error: ${SECRET}`]);
  });

  it('that takes too long is given up with its signal aborted', async () => {
    let signal: AbortSignal | undefined;
    const slow = defineTool({
      name: 'slow',
      description: '',
      input: v.object({}),
      timeoutMs: 500,
      run: (__, ctx) => (({ signal } = ctx), new Promise(() => {})),
    });
    await using test = await withAgent(async (ctx) => ({ finalResponse: String(await ctx.tool(slow, {})) }));
    const run = await test.ask();
    await test.clock.advance(500);
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'TOOL_TIMEOUT' });
    expect(signal?.aborted).toBe(true);
    const completed = (await run.events()).find(({ event }) => event === 'tool_completed');
    expect(completed?.data).toMatchObject({ status: 'timeout', durationMs: 500 });
  });

  it('with an input that does not fit never reaches the tool', async () => {
    let reached = false;
    const strict = defineTool({
      name: 'strict',
      description: '',
      input: v.object({ n: v.number() }),
      run: () => (reached = true),
    });
    await using test = await withAgent(async (ctx) => ({ result: await ctx.tool(strict, { n: 'x' } as never) }));
    const run = await test.ask();
    expect((await run.terminal).data).toMatchObject({ status: 'failed', code: 'TOOL_INPUT_INVALID', retryable: false });
    expect((await run.events()).find(({ event }) => event === 'tool_completed')?.data).toMatchObject({
      status: 'error',
    });
    expect(reached).toBe(false);
  });
});
