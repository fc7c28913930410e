/**
 * What the processes of a bench tell each other, and who of them gets a core: server and clients are apart, so that the CPU of
 * one is not that of both.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';

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

/**
 * Makes a process that stands for another machine take of this one's cores only what nobody else wants. The lowest priority
 * does not do that everywhere: on Linux who wakes up waits until one of that priority has had its slice.
 */
export function yieldCores(pid: number): void {
  if (!scheduled(pid, '--idle', 0)) setPriority(pid, constants.priority.PRIORITY_LOW);
}

/** Gives a process a core before anybody who has not claimed one, too. False where that is not permitted. */
export function claimCores(pid: number): boolean {
  return scheduled(pid, '--fifo', 1);
}

/** Sets the class by which Linux schedules the threads of a process, and not that of the processes it forks. */
function scheduled(pid: number, policy: '--idle' | '--fifo', priority: number): boolean {
  const how = ['--all-tasks', '--reset-on-fork', policy, '--pid', `${priority}`, `${pid}`];
  return spawnSync('chrt', how, { stdio: 'ignore' }).status === 0;
}
