/** `muster start`: gives an app this process, as `runApp` does, and shows its boot. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { type App, consoleReporter, runApp } from '@muster/core';
import type { Request } from '../commands.ts';
import { reasonOf } from '../entry/thrown.ts';
import { inspectError } from '../errors.ts';
import { asData } from '../report.ts';
import { appOf } from '../sources/dump-of.ts';
import type { Terminal } from '../terminal.ts';

export async function start(request: Request, terminal: Terminal): Promise<undefined> {
  const [entry] = request.args as [string];
  if (request.dump !== undefined) checkWritable(request.dump);
  const app = await appOf('start', entry, request);
  if (request.dump !== undefined) dumpAfterBoot(app, request.dump);
  if (request.json) tellMachines(app, terminal);
  // With --json, what people read goes elsewhere, so that the one line stays the last.
  await runApp(app, request.json ? { reporter: consoleReporter(process.stderr) } : {});
  return undefined;
}

function tellMachines(app: App, terminal: Terminal): void {
  app.events.on((event) => {
    if (event.type === 'boot-completed') terminal.printJson({ state: 'running', wallMs: event.wallMs });
    if (event.type === 'boot-failed') terminal.printJson(asData(event.error));
  });
}

function dumpAfterBoot(app: App, file: string): void {
  app.events.on(({ type }) => {
    if (type === 'boot-completed' || type === 'boot-failed')
      writeFileSync(file, `${JSON.stringify(app.graph(), null, 2)}\n`);
  });
}

/** Now, and not after a boot whose dump would be lost. */
function checkWritable(file: string): void {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw inspectError('FILE_UNWRITABLE', { file, reason: reasonOf(error) }, error);
  }
}
