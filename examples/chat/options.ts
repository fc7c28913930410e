/** What the environment says of the chat, with a default for everything it does not say. */
import { resolve } from 'node:path';
import type { ChatOptions } from './app.ts';

/** Places that depend on how the chat is run: from its sources, or built into one file. */
export type Places = Pick<ChatOptions, 'docsRoot' | 'pageDirectory'>;

/** @throws Error naming the variable that is wrong. */
export function chatOptions(env: NodeJS.ProcessEnv, places: Places): ChatOptions {
  return {
    ...places,
    port: wholeNumber(env, 'PORT', 3000),
    host: env['HOST'] ?? '127.0.0.1',
    dataDirectory: resolve(places.docsRoot, env['MUSTER_DATA'] ?? '.muster'),
    databaseStartMs: wholeNumber(env, 'CHAT_DATABASE_MS', 600),
    // The gateway of the AI SDK finds the key by itself.
    model: env['AI_GATEWAY_API_KEY'] ? (env['CHAT_MODEL'] ?? 'openai/gpt-5-mini') : undefined,
    inspectPort: wholeNumber(env, 'INSPECT_PORT', 9464),
    // Whoever sits before it can look at what went wrong; a platform that starts it again must not wait for that.
    holdAfterFailureMs: process.stdout.isTTY ? 300_000 : 0,
    listen: env['CHAT_LISTEN'] === 'at-once' ? 'at-once' : 'when-open',
  };
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`${name} must be a whole number, and is "${text}".`);
}
