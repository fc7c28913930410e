/**
 * A server and its clients in processes of their own, for as long as a bench asks them something.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { asked, told } from '../processes.ts';
import type { Contender, Task, Usage } from './protocol.ts';

/** The two programs as bundles. */
export interface Programs {
  readonly server: string;
  readonly client: string;
}

/** What a bench can have done. */
export interface Pair {
  /** Resolves when the clients have done it. */
  readonly perform: (task: Task) => Promise<void>;
  /** What the server has used, as soon as it has so many connections. */
  readonly usage: (connections: number) => Promise<Usage>;
}

/** @param execArgv of the server's process. */
export async function withPair<T>(
  programs: Programs,
  contender: Contender,
  execArgv: readonly string[],
  work: (pair: Pair) => Promise<T>,
): Promise<T> {
  const server = fork(programs.server, [contender], { execArgv: [...execArgv] });
  const processes: ChildProcess[] = [server];
  try {
    const { url } = await told<{ url: string }>(server, processes);
    const client = fork(programs.client, [url]);
    processes.push(client);
    await told(client, processes);
    return await work({
      perform: (task) => asked(client, task, processes),
      usage: (connections) => asked(server, { connections }, processes),
    });
  } finally {
    for (const each of processes) each.kill('SIGKILL');
  }
}

export async function programsOf(bundle: (entry: string) => Promise<string>): Promise<Programs> {
  return { server: await bundle('connections/server.ts'), client: await bundle('connections/client.ts') };
}
