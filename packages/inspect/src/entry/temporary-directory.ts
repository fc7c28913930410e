/** A directory that is there for one piece of work, and gone after it, however it ends. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Makes the directory near `file`, calls `work` with it, and removes it; also when a signal or the work ends the process. */
export async function inTemporaryDirectory<T>(file: string, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = temporaryDirectory(file);
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const onSignal = (signal: NodeJS.Signals): void => {
    remove();
    forget();
    process.kill(process.pid, signal);
  };
  const forget = (): void => {
    process.off('exit', remove);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  process.once('exit', remove);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  try {
    return await work(directory);
  } finally {
    forget();
    remove();
  }
}

/** In the cache of the nearest node_modules, or where the system keeps such things. */
function temporaryDirectory(file: string): string {
  const cache = nearestCache(dirname(file));
  if (cache !== undefined) {
    try {
      mkdirSync(cache, { recursive: true });
      return mkdtempSync(join(cache, 'entry-'));
    } catch {
      // It is not ours to write to.
    }
  }
  return mkdtempSync(join(tmpdir(), 'muster-entry-'));
}

function nearestCache(directory: string): string | undefined {
  if (existsSync(join(directory, 'node_modules'))) return join(directory, 'node_modules', '.cache', 'muster');
  const parent = dirname(directory);
  return parent === directory ? undefined : nearestCache(parent);
}
