/** Starts the chat with what the environment says; `npm start` builds and runs this. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runApp } from '@muster/core';
import { chatApp } from './app.ts';

const { env } = process;
// Built to dist/main.js, so the checkout is three levels up.
const root = fileURLToPath(new URL('../../../', import.meta.url));

await runApp(
  chatApp({
    port: wholeNumber('PORT', 3000),
    host: env['HOST'] ?? '127.0.0.1',
    dataDirectory: resolve(root, env['MUSTER_DATA'] ?? '.muster'),
    docsRoot: root,
    pageDirectory: fileURLToPath(new URL('page', import.meta.url)),
    databaseStartMs: wholeNumber('CHAT_DATABASE_MS', 600),
    listen: env['CHAT_LISTEN'] === 'at-once' ? 'at-once' : 'when-open',
  }),
);

function wholeNumber(name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  console.error(`${name} must be a whole number, and is "${text}".`);
  process.exit(1);
}
