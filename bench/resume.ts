/**
 * How long a client that comes back waits for the first event that it has missed: from the begin of the TCP connection on.
 *
 * It shows session and cursor, the server looks the cursor up in the log on LMDB, on disk, and replays from there. One client
 * at a time, so that the figure is that of a resume and not of a queue; many at once are what `handshake` is about.
 */
import { fork } from 'node:child_process';
import { type BenchOptions, round } from './measure.ts';
import { told } from './processes.ts';

/** Threads in turn, events that each has before, those that are missed each time, and resumes before and in the measurement. */
const FULL = { threads: 20, before: 500, missed: 20, warmUp: 100, resumes: 500 } as const;
const SHORT = { threads: 2, before: 50, missed: 5, warmUp: 2, resumes: 10 } as const;

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const load = short ? SHORT : FULL;
  const server = fork(await bundle('resume/server.ts'));
  const processes = [server];
  try {
    const { url } = await told<{ url: string }>(server, processes);
    const client = fork(await bundle('resume/client.ts'), [url, JSON.stringify(load)]);
    processes.push(client);
    const times = await told<number[]>(client, processes);
    times.sort((a, b) => a - b);
    const at = (part: number): number => round(times[Math.floor((times.length - 1) * part)] as number);
    const { missed, resumes } = load;
    return { bench: 'resume', node: process.version, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), missed, resumes };
  } finally {
    const [, client] = processes;
    client?.kill('SIGKILL');
    // The server takes its directory along.
    server.kill('SIGTERM');
  }
}

/** For people. */
export function rows({ p50Ms, p99Ms, maxMs }: Record<string, any>): object {
  return { 'first missed event': { p50Ms, p99Ms, maxMs } };
}
