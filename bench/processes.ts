/**
 * What the processes of a bench tell each other: server and clients are apart, so that the CPU of one is not that of both.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The next message of one process; rejects when any of them crashes. */
export async function told<T>(from: ChildProcess, processes: readonly ChildProcess[]): Promise<T> {
  const over = new AbortController();
  const crashed = processes.map(async (each) => {
    const [code] = await once(each, 'exit', { signal: over.signal });
    if (code !== 0) throw new Error(`a process of the bench ended with ${code}`);
    return new Promise<never>(() => {});
  });
  try {
    const [message] = await Promise.race([once(from, 'message', { signal: over.signal }), ...crashed]);
    return message as T;
  } finally {
    over.abort();
    for (const each of crashed) each.catch(() => {});
  }
}

/** Tells one process something; resolves to what it says next. */
export function asked<T>(whom: ChildProcess, what: object, processes: readonly ChildProcess[]): Promise<T> {
  const answer = told<T>(whom, processes);
  whom.send(what);
  return answer;
}
