#!/usr/bin/env node
/** `muster`: runs what is built in dist/, or says how to build it. */
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';

const SOURCE = '@muster/source';

// For work on Muster itself: this condition is for what is compiled, and the program that compiles runs as it is built.
if ([...process.execArgv, process.env['NODE_OPTIONS']].join(' ').includes(SOURCE)) {
  if (nodeModule.registerHooks) nodeModule.registerHooks({ resolve });
  else
    nodeModule.register(
      `data:text/javascript,${encodeURIComponent(`const SOURCE = '${SOURCE}'; export ${String(resolve)}`)}`,
    );
}

function resolve(specifier, context, next) {
  return next(specifier, { ...context, conditions: context.conditions.filter((each) => each !== SOURCE) });
}

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) await (await import(main.href)).main(process.argv.slice(2));
else {
  console.error('muster is not built yet: run "npm run build" in the repository first.');
  process.exitCode = 2;
}
