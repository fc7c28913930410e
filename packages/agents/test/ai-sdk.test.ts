import { describe, expect, it } from '@jest/globals';
import type { LanguageModelV3StreamPart } from '@ai-sdk/provider';
import { simulateReadableStream } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { z } from 'zod';
import { type AgentContext, defineTool, type RunInput, type RunResult } from '@muster/agents';
import { runModel } from '@muster/agents/ai-sdk';
import { deferred, expectLegal, names, withAgent } from './harness.ts';

const SECRET = 'hunter2-at-/srv/app/db.ts';
type Parts = readonly LanguageModelV3StreamPart[];

const text = (...deltas: string[]): Parts => [
  { type: 'text-start', id: 't' },
  ...deltas.map((delta) => ({ type: 'text-delta' as const, id: 't', delta })),
  { type: 'text-end', id: 't' },
];
const reasoning = (...deltas: string[]): Parts => [
  { type: 'reasoning-start', id: 'r' },
  ...deltas.map((delta) => ({ type: 'reasoning-delta' as const, id: 'r', delta })),
  { type: 'reasoning-end', id: 'r' },
];
const call = (toolName: string, input: object): Parts => [
  { type: 'tool-call', toolCallId: `call of ${toolName}`, toolName, input: JSON.stringify(input) },
];
const finish = (unified: 'stop' | 'tool-calls' | 'content-filter' | 'length', input = 10, output = 5): Parts => [
  {
    type: 'finish',
    finishReason: { unified, raw: unified },
    usage: {
      inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: output, text: output, reasoning: 0 },
    },
  },
];

/** A model that answers its nth call with the nth list of parts, and the last one again. */
function modelOf(...answers: readonly Parts[]) {
  let calls = 0;
  return new MockLanguageModelV3({
    modelId: 'mock',
    doStream: async () => {
      const chunks = [...(answers[Math.min(calls, answers.length - 1)] as Parts)];
      calls += 1;
      return { stream: simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }) };
    },
  });
}

const weather = (run: (input: { city: string }) => unknown) =>
  defineTool({ name: 'weather', description: 'tells the weather', input: z.object({ city: z.string().min(2) }), run });

/** Runs an agent that a model drives; the events of its run. */
async function events(body: (ctx: AgentContext, input: RunInput) => RunResult | Promise<RunResult>) {
  await using test = await withAgent(body);
  const run = await test.ask('How is the weather?', { thread: 't' });
  await run.terminal;
  await test.clock.settle();
  const all = await run.events();
  expectLegal(all);
  return { all, end: all.at(-1)?.data as Record<string, unknown>, faults: test.faults };
}

describe('a run that a model drives', () => {
  it('streams what the model says, thinks what it reasons, and ends with the whole and the usage', async () => {
    const model = modelOf([...reasoning('Let me ', 'see'), ...text('It is ', 'sunny.'), ...finish('stop')]);
    const { all, end } = await events((ctx, input) => runModel(input, ctx, { model, system: 'Be kind.' }));
    expect(names(all)).toEqual([
      'agent_started',
      'agent_thinking',
      'agent_thinking',
      'agent_output',
      'agent_completed',
    ]);
    expect(all[2]?.data).toEqual({ reasoning: 'Let me see' });
    expect(all[3]?.data).toEqual({ delta: 'It is sunny.' });
    expect(end).toMatchObject({
      status: 'success',
      finalResponse: 'It is sunny.',
      result: { model: 'mock', finishReason: 'stop' },
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 },
    });
    expect(model.doStreamCalls[0]?.prompt).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: [{ type: 'text', text: 'How is the weather?' }] },
    ]);
  });

  it('calls the tools of the run, and gives the model their results and their JSON Schema', async () => {
    const model = modelOf(
      [...text('Let me look.'), ...call('weather', { city: 'Bern' }), ...finish('tool-calls')],
      [...text('It is sunny.'), ...finish('stop')],
    );
    const tools = [weather(({ city }) => ({ city, sky: 'clear' }))];
    const { all, end } = await events((ctx, input) => runModel(input, ctx, { model, tools }));
    expect(names(all).slice(2)).toEqual([
      'agent_output',
      'tool_executing',
      'tool_completed',
      'agent_output',
      'agent_completed',
    ]);
    expect(all[4]?.data).toMatchObject({ toolName: 'weather', status: 'ok', result: { city: 'Bern', sky: 'clear' } });
    expect(end).toMatchObject({
      finalResponse: 'Let me look.\n\nIt is sunny.',
      usage: { inputTokens: 20, outputTokens: 10, totalTokens: 30 },
    });
    const streamed = all.flatMap((event) => (event.event === 'agent_output' ? [event.data.delta] : []));
    expect(streamed.join('')).toBe(end['finalResponse']);
    const [first, second] = model.doStreamCalls;
    expect(first?.tools).toMatchObject([
      { name: 'weather', description: 'tells the weather', inputSchema: { required: ['city'] } },
    ]);
    expect(JSON.stringify(second?.prompt)).toContain('"sky":"clear"');
  });

  it.each([
    ['throws', { city: 'Bern' }, 'The tool weather failed.'],
    ['is given a bad input', { city: 'B' }, 'The input of the tool weather does not fit'],
  ])('tells the model of a tool that %s, in words without a secret, and goes on', async (_, input, said) => {
    const model = modelOf([...call('weather', input), ...finish('tool-calls')], [...text('Sorry.'), ...finish('stop')]);
    const tools = [
      weather(() => {
        throw new Error(SECRET);
      }),
    ];
    const { all, end } = await events((ctx, given) => runModel(given, ctx, { model, tools }));
    expect(all.find(({ event }) => event === 'tool_completed')?.data).toMatchObject({ status: 'error' });
    expect(end).toMatchObject({ status: 'success', finalResponse: 'Sorry.' });
    const prompt = JSON.stringify(model.doStreamCalls[1]?.prompt);
    expect(prompt).toContain(said);
    expect(prompt + JSON.stringify(all)).not.toContain(SECRET);
  });

  it('goes on when the model calls a tool that there is not', async () => {
    const model = modelOf([...call('nothing', {}), ...finish('tool-calls')], [...text('Sorry.'), ...finish('stop')]);
    const { all, end } = await events((ctx, input) => runModel(input, ctx, { model, tools: [weather(() => 1)] }));
    expect(end).toMatchObject({ status: 'success', finalResponse: 'Sorry.' });
    expect(names(all)).not.toContain('tool_executing');
  });

  it('ends as failed when the model fails, with the cause in the log and not in the events', async () => {
    const failing = new MockLanguageModelV3({ modelId: 'mock', doStream: () => Promise.reject(new Error(SECRET)) });
    const half = modelOf([...text('It is '), { type: 'error', error: new Error(SECRET) }]);
    for (const model of [failing, half]) {
      const { all, end, faults } = await events((ctx, input) => runModel(input, ctx, { model, maxRetries: 0 }));
      expect(end).toMatchObject({ status: 'failed', code: 'MODEL_FAILED', retryable: true });
      expect(JSON.stringify(all)).not.toContain(SECRET);
      expect(faults.map((fault) => String((fault as Error).cause))).toEqual([`Error: ${SECRET}`]);
    }
  });

  it.each([
    ['content-filter', { code: 'MODEL_REFUSED', retryable: false }],
    ['tool-calls', { code: 'MODEL_OUT_OF_STEPS', retryable: true }],
  ] as const)('ends as failed when the model ends with %s', async (reason, expected) => {
    const model = modelOf([...call('weather', { city: 'Bern' }), ...finish(reason)]);
    const tools = [weather(() => 'sunny')];
    const { end } = await events((ctx, input) => runModel(input, ctx, { model, tools, maxSteps: 3 }));
    expect(end).toMatchObject({ status: 'failed', ...expected });
    expect(model.doStreamCalls).toHaveLength(reason === 'tool-calls' ? 3 : 1);
  });

  it('says of an answer that was cut short that it was', async () => {
    const model = modelOf([...text('It is su'), ...finish('length')]);
    const { end } = await events((ctx, input) => runModel(input, ctx, { model }));
    expect(end).toMatchObject({ status: 'success', finalResponse: 'It is su', result: { finishReason: 'length' } });
  });

  it('stops the model when it is cancelled, and ends as cancelled', async () => {
    const called = deferred<AbortSignal | undefined>();
    const model = new MockLanguageModelV3({
      doStream: async ({ abortSignal }) => {
        called.resolve(abortSignal);
        const stream = new ReadableStream<LanguageModelV3StreamPart>({
          start: (controller) => {
            for (const part of text('It is ').slice(0, 2)) controller.enqueue(part);
            abortSignal?.addEventListener('abort', () => controller.error(abortSignal.reason));
          },
        });
        return { stream };
      },
    });
    await using test = await withAgent((ctx, input) => runModel(input, ctx, { model }));
    const run = await test.ask();
    const signal = await called.promise;
    const { principal } = await test.requesterOf('ann');
    void test.supervisor.cancel(principal, run.run, null);
    expect((await run.terminal).data).toMatchObject({ status: 'cancelled', by: 'user' });
    expect(signal?.aborted).toBe(true);
    expectLegal(await run.events());
  });

  it('is told what was asked and answered before in the thread, as far as it ended well', async () => {
    const model = modelOf([...text('Yes.'), ...finish('stop')]);
    await using test = await withAgent((ctx, input) => {
      if (input.text === 'fail') throw new Error('no');
      return runModel(input, ctx, { model });
    });
    for (const question of ['first', 'fail', 'second']) {
      await (
        await test.ask(question, { thread: 't' })
      ).terminal;
      await test.clock.settle();
    }
    const told = model.doStreamCalls.at(-1)?.prompt.map(({ role, content }) => [role, JSON.stringify(content)]);
    expect(told?.map(([role]) => role)).toEqual(['user', 'assistant', 'user']);
    expect(JSON.stringify(told)).toContain('first');
    expect(JSON.stringify(told)).not.toContain('fail');
  });
});
