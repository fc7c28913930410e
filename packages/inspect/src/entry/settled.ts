/**
 * Waits for code that is not ours while it is loaded, and notices every way in which it may not come back.
 *
 * What it prints meanwhile goes to stderr, because stdout belongs to the command.
 */
import { inspectError } from '../errors.ts';

let awaited: string | undefined;

/** What is waited for at this moment. A process that ends while there is something was ended by it. */
export function pendingWork(): string | undefined {
  return awaited;
}

/**
 * Awaits `work`; an error that nobody in it catches is its error as well.
 *
 * @throws MusterError `ENTRY_STUCK` naming `what` when Node has nothing left to do, so that nobody can settle it any more.
 */
export async function settled<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  let giveUp: (error: unknown) => void = () => {};
  const cut = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const onIdle = (): void => giveUp(inspectError('ENTRY_STUCK', { what }));
  process.once('beforeExit', onIdle);
  process.on('uncaughtException', giveUp);
  const giveBack = lendStdout();
  awaited = what;
  try {
    return await Promise.race([(async () => work())(), cut]);
  } finally {
    awaited = undefined;
    giveBack();
    process.off('beforeExit', onIdle);
    process.off('uncaughtException', giveUp);
  }
}

/** Sends to stderr what is written to stdout, until the returned function is called. */
function lendStdout(): () => void {
  const { stdout, stderr } = process;
  const own = Object.getOwnPropertyDescriptor(stdout, 'write');
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  return () => {
    if (own === undefined) Reflect.deleteProperty(stdout, 'write');
    else Object.defineProperty(stdout, 'write', own);
  };
}
