/** `muster start`: gives an app this process, as `runApp` does, and shows its boot, on a page as well where one is asked for. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { type App, consoleReporter, runApp, systemClock } from '@muster/core';
import type { Request } from '../commands.ts';
import { reasonOf } from '../entry/thrown.ts';
import { inspectError } from '../errors.ts';
import { asData } from '../report.ts';
import { appOf } from '../sources/dump-of.ts';
import type { Terminal } from '../terminal.ts';

/** How long what asks for a page can be looked at, in milliseconds; Ctrl-C ends it. */
const HOLD_MS = 86_400_000;

export async function start(request: Request, terminal: Terminal): Promise<undefined> {
  const [entry] = request.args as [string];
  if (request.dump !== undefined) checkWritable(request.dump);
  const port = request.inspect === undefined ? undefined : portOf(request.inspect);
  const app = await appOf('start', entry, request);
  if (port !== undefined) {
    app.inspect((await import('../inspector.ts')).inspector({ port, holdAfterFailureMs: HOLD_MS }));
    keepAlive(app);
  }
  if (request.dump !== undefined) dumpAfterBoot(app, request.dump);
  if (request.json) tellMachines(app, terminal);
  // With --json, what people read goes elsewhere, so that the one line stays the last.
  await runApp(
    app,
    request.json
      ? { reporter: consoleReporter(process.stderr, { clock: systemClock, graph: () => app.graph().toJSON() }) }
      : {},
  );
  return undefined;
}

/** Whoever asks for a page wants to look at it, also where the app has nothing left to do; a boot that fails is held by itself. */
function keepAlive(app: App): void {
  const held = systemClock.schedule(HOLD_MS, () => {});
  app.events.on(({ type }) => {
    if (type === 'stop-started' || type === 'boot-failed') held.cancel();
  });
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw inspectError('OPTION_MISUSED', { option: '--inspect', expected: 'a port', got: text });
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
