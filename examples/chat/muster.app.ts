/** Makes the chat and starts nothing: for `muster check`, `muster graph` and their like, which are given this file. */
import { fileURLToPath } from 'node:url';
import type { App } from '@muster/core';
import { chatApp } from './app.ts';
import { chatOptions } from './options.ts';

export default function makeChat(): App {
  return chatApp(
    chatOptions(process.env, {
      docsRoot: fileURLToPath(new URL('../../', import.meta.url)),
      // What `npm start` has built.
      pageDirectory: fileURLToPath(new URL('dist/page', import.meta.url)),
    }),
  );
}
