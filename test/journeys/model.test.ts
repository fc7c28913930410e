/** The chat with a model instead of rules: the same tools, the same events, the same answer on the page. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { LanguageModelV3StreamPart } from '@ai-sdk/provider';
import { simulateReadableStream } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { connect } from '@muster/client';
import { WebSocket } from 'ws';
import { chatApp } from '../../examples/chat/app.ts';
import { chatOptions } from '../../examples/chat/options.ts';
import { root } from './process.ts';

const finish = (unified: 'stop' | 'tool-calls'): LanguageModelV3StreamPart => ({
  type: 'finish',
  finishReason: { unified, raw: unified },
  usage: {
    inputTokens: { total: 7, noCache: 7, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 3, text: 3, reasoning: 0 },
  },
});

const answers: LanguageModelV3StreamPart[][] = [
  [
    { type: 'tool-call', toolCallId: 'c', toolName: 'calculate', input: '{"expression":"6 * 7"}' },
    finish('tool-calls'),
  ],
  [
    { type: 'text-start', id: 't' },
    { type: 'text-delta', id: 't', delta: 'It is 42.' },
    { type: 'text-end', id: 't' },
    finish('stop'),
  ],
];

it('answers with a model and the tools of the chat', async () => {
  const data = await mkdtemp(join(tmpdir(), 'muster-'));
  const places = { docsRoot: root, pageDirectory: join(root, 'examples/chat/page') };
  const options = chatOptions({ PORT: '0', INSPECT_PORT: '0', MUSTER_DATA: data, CHAT_DATABASE_MS: '0' }, places);
  const model = new MockLanguageModelV3({
    modelId: 'mock',
    doStream: async () => {
      const chunks = answers[model.doStreamCalls.length - 1] ?? [];
      return { stream: simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }) };
    },
  });
  const app = chatApp({ ...options, model });
  let url = '';
  app.events.on((event) => {
    if (event.type === 'listening') url = event.address;
  });
  await app.start();
  try {
    const login = await fetch(`${url}/login`, { method: 'POST', body: JSON.stringify({ name: 'Ann' }) });
    const { token } = (await login.json()) as { token: string };
    const client = await connect({ url: `${url.replace('http', 'ws')}/ws`, token, WebSocket: WebSocket as never });
    const run = client.run('What is 6 * 7?');
    const seen: string[] = [];
    for await (const { event } of run) seen.push(event);
    expect(seen.slice(2)).toEqual(['tool_executing', 'tool_completed', 'agent_output', 'agent_completed']);
    expect(await run.result).toMatchObject({
      status: 'success',
      finalResponse: 'It is 42.',
      usage: { inputTokens: 14, outputTokens: 6, totalTokens: 20 },
    });
    const [first] = model.doStreamCalls;
    expect(first?.tools?.map(({ name }) => name)).toEqual(['calculate', 'search_docs']);
    await client.close();
  } finally {
    await app.stop();
    await rm(data, { recursive: true, force: true });
  }
});

it.each([
  [{}, undefined],
  [{ CHAT_MODEL: 'a/b' }, undefined],
  [{ AI_GATEWAY_API_KEY: 'key' }, 'openai/gpt-5-mini'],
  [{ AI_GATEWAY_API_KEY: 'key', CHAT_MODEL: 'a/b' }, 'a/b'],
])('is chosen by the environment %j', (env, expected) => {
  expect(chatOptions(env, { docsRoot: root, pageDirectory: root }).model).toBe(expected);
});
