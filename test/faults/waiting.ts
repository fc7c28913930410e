/** Waiting for what happens, and never for longer than a bound; nothing here waits for a time to pass. */

/** Within this everything has come to rest, in milliseconds, or something is wrong. */
export const REST_MS = 60_000;

/** Resolves as soon as that is so. @throws Error when it is not within `ms` */
export async function until(isSo: () => boolean, ms: number = REST_MS): Promise<void> {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  const look = setInterval(() => {
    if (isSo()) resolve();
  }, 2);
  try {
    await inTime(promise, 'what was waited for', ms);
  } finally {
    clearInterval(look);
  }
}

/** @throws Error when the work has not ended within `ms` */
export async function inTime<T>(work: Promise<T>, what: string, ms: number = REST_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come to rest within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** True when the work has ended within `ms`, however it has. */
export function isInTime(work: Promise<unknown>, ms: number): Promise<boolean> {
  const ended = work.then(
    () => true,
    () => true,
  );
  return inTime(ended, '', ms).catch(() => false);
}
