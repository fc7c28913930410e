/** Waits for code that is not ours, and notices when it can never end. */
import { inspectError } from '../errors.ts';

/**
 * Awaits `work`. When Node has nothing left to do meanwhile, nobody can settle it any more.
 *
 * @throws MusterError `ENTRY_STUCK` naming `what` in that case.
 */
export async function settled<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  let onIdle: (() => void) | undefined;
  const idle = new Promise<never>((_, reject) => {
    onIdle = () => reject(inspectError('ENTRY_STUCK', { what }));
    process.once('beforeExit', onIdle);
  });
  try {
    return await Promise.race([work(), idle]);
  } finally {
    if (onIdle) process.off('beforeExit', onIdle);
  }
}
