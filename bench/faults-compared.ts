/**
 * What arrives through a bad network, by Muster and by what else is used for it: the same seeded faults for everybody.
 *
 * The proxy and the schedules are those of `npm run faults`: cuts, resets, silence, stalls and slowness at exact bytes, in the
 * handshake, while events flow and while a client comes back. The server lives on. Each contender sends numbered events to
 * clients that reconnect by the library's own means; the options are those that its documentation recommends, with heartbeats
 * and delays of the same length for all. Everything is counted on the receiving side, before any clean-up by an application.
 */
import { fork } from 'node:child_process';
import type { Found } from './faults-compared/trial.ts';
import type { BenchOptions } from './measure.ts';
import { told } from './processes.ts';

export const comparesPeers = true;

const OURS = { 'Muster, event log in memory': ['faults-compared/muster.ts'] } as const;
const PEERS = {
  'raw ws': ['faults-compared/raw.ts'],
  'graphql-ws': ['peers/faults-graphql-ws.ts'],
  'socket.io, connection state recovery': ['peers/faults-socket-io.ts', 'recovery'],
  'socket.io, recovery and offsets kept by the application': ['peers/faults-socket-io.ts', 'offsets'],
  'socket.io, acks and retries, from client to server': ['peers/faults-socket-io.ts', 'retries'],
} as const;
const FULL_SEEDS = [1, 2, 3, 4, 5];
const SHORT_SEEDS = [1];
/** Trials that run at the same time: they wait more than they work. */
const AT_ONCE = 6;

export async function run({ short, peers, bundle }: BenchOptions): Promise<object> {
  const seeds = short ? SHORT_SEEDS : FULL_SEEDS;
  const contenders = Object.entries<readonly [entry: string, variant?: string]>(peers ? { ...OURS, ...PEERS } : OURS);
  const trials: { name: string; program: string; args: string[] }[] = [];
  for (const [name, [entry, variant]] of contenders) {
    const program = await bundle(entry);
    for (const seed of seeds)
      trials.push({ name, program, args: [`${seed}`, ...(variant === undefined ? [] : [variant])] });
  }
  const found = new Map<string, Found>();
  const work = async (): Promise<void> => {
    for (let next = trials.shift(); next !== undefined; next = trials.shift()) {
      const one = await tried(next.program, next.args);
      found.set(next.name, sum(found.get(next.name), one));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const results = Object.fromEntries(contenders.map(([name]) => [name, found.get(name)]));
  return { bench: 'faults-compared', node: process.version, seeds: seeds.length, results };
}

/** One line for each contender, for people. */
export function rows({ results }: { readonly results: Readonly<Record<string, Found>> }): object {
  return results;
}

async function tried(program: string, args: readonly string[]): Promise<Found> {
  const trial = fork(program, [...args]);
  try {
    return await told<Found>(trial, [trial]);
  } finally {
    trial.kill('SIGKILL');
  }
}

function sum(before: Found | undefined, one: Found): Found {
  if (before === undefined) return one;
  const keys = Object.keys(one) as (keyof Found)[];
  return Object.fromEntries(keys.map((key) => [key, before[key] + one[key]])) as unknown as Found;
}
