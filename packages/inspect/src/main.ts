/**
 * The command line: reads the arguments, runs a command, tells its errors, and ends with its exit code.
 *
 * Whatever happens, nobody gets a stack who has not asked for one.
 */
import { readArguments } from './arguments.ts';
import { pendingWork } from './entry/settled.ts';
import { inspectError } from './errors.ts';
import { EXIT } from './exit.ts';
import { asData, asText, known, stacksOf } from './report.ts';
import { Terminal } from './terminal.ts';

/** @param argv what stands behind the name of the program. */
export async function main(argv: readonly string[]): Promise<void> {
  const terminal = new Terminal();
  const tell = (thrown: unknown): number => {
    const error = known(thrown);
    if (argv.includes('--json')) terminal.printJson(asData(error));
    else terminal.complain(asText(error));
    if (argv.includes('--debug')) terminal.complain(stacksOf(error));
    return EXIT.trouble;
  };
  // Else a module that ends the process while it is loaded would decide what the command says.
  process.once('exit', (code) => {
    const what = pendingWork();
    if (what !== undefined) process.exitCode = tell(inspectError('ENTRY_EXITED', { what, code }));
  });
  const code = await carryOut(argv, terminal).catch(tell);
  if (code === undefined) return;
  await terminal.flush();
  // A module that was only looked at may hold timers and sockets.
  process.exit(code);
}

/** Resolves to the exit code; to nothing where the process goes on. */
async function carryOut(argv: readonly string[], terminal: Terminal): Promise<number | undefined> {
  const wish = readArguments(argv);
  if (wish.kind === 'run') return (await wish.command.load())(wish.request, terminal);
  if (wish.kind === 'version') terminal.printPlain(`${await ownVersion()}\n`);
  else terminal.printPlain((await import('./help.ts')).helpText(wish.about));
  return EXIT.good;
}

async function ownVersion(): Promise<string> {
  const { readFileSync } = await import('node:fs');
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
