/** Starts the chat with what the environment says; `npm start` builds and runs this. */
import { fileURLToPath } from 'node:url';
import { runApp } from '@muster/core';
import { chatApp, type ChatOptions } from './app.ts';
import { chatOptions } from './options.ts';

await runApp(chatApp(options()));

function options(): ChatOptions {
  try {
    return chatOptions(process.env, {
      // Built to dist/main.js, so the checkout is three levels up.
      docsRoot: fileURLToPath(new URL('../../../', import.meta.url)),
      pageDirectory: fileURLToPath(new URL('page', import.meta.url)),
    });
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
