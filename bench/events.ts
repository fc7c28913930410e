/**
 * What an event costs a server from its emitting to its client, relative to raw `ws` with one JSON text for each event.
 *
 * Muster's events are sequenced, in the log before they are shown, and acknowledged; those of `ws` are none of that. CPU is
 * that of the server's whole process, the threads of the storage engine included; clients have a process of their own.
 */
import { fork } from 'node:child_process';
import { type Contender, eventsOf, type Load, type Mode, warmUpOf } from './events/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';
import { told } from './processes.ts';
import { lookAt } from './watched.ts';

export interface Measured {
  readonly cpuPerEventUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** So many connections, runs of each by mode, and rounds of which the median counts. */
const FULL = { connections: 200, runs: { flood: 20, burst: 6, open20k: 3 }, rounds: 3 } as const;
const SHORT = { connections: 5, runs: { flood: 1, burst: 1, open20k: 1 }, rounds: 1 } as const;
const MODES: readonly Mode[] = ['flood', 'burst', 'open20k'];
const CONTENDERS: readonly Contender[] = ['raw', 'memory', 'lmdb'];

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const { connections, runs, rounds } = short ? SHORT : FULL;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const measured = new Map<string, Measured[]>();
  for (let i = 0; i < rounds; i += 1) {
    for (const mode of MODES) {
      for (const contender of CONTENDERS) {
        const key = `${mode} ${contender}`;
        const one = await measure(programs, contender, { mode, connections, runs: runs[mode] });
        measured.set(key, [...(measured.get(key) ?? []), one]);
      }
    }
  }
  const of = (mode: Mode, contender: Contender, figure: keyof Measured): number =>
    median((measured.get(`${mode} ${contender}`) ?? []).map((one) => one[figure]));
  const row = (mode: Mode, contender: Contender): object => ({
    ratio: round(of(mode, contender, 'cpuPerEventUs') / of(mode, 'raw', 'cpuPerEventUs')),
    p99Ms: round(of(mode, contender, 'p99Ms'), 1),
    cpuPerEventUs: round(of(mode, contender, 'cpuPerEventUs')),
  });
  const rows = (contender: Contender): object => Object.fromEntries(MODES.map((mode) => [mode, row(mode, contender)]));
  const { open20k: open20kMemory, ...memory } = rows('memory') as Record<Mode, object>;
  return { bench: 'events', node: process.version, ...rows('lmdb'), open20kMemory, memory, raw: rows('raw') };
}

/** One line for each contender and load, for people. */
export function rows(result: Record<string, Record<string, object>>): object {
  const { flood, burst, open20k, open20kMemory, memory, raw } = result as Record<string, any>;
  return {
    'LMDB, flood': flood,
    'LMDB, burst': burst,
    'LMDB, 20 000/s': open20k,
    'memory, flood': memory.flood,
    'memory, burst': memory.burst,
    'memory, 20 000/s': open20kMemory,
    'raw ws, flood': raw.flood,
    'raw ws, burst': raw.burst,
    'raw ws, 20 000/s': raw.open20k,
  };
}

/** Where a server is: its WebSockets, and its inspector. */
export interface Urls {
  readonly url: string;
  readonly inspector?: string;
}

/** A server under load. */
export interface Loaded extends Urls {
  /** The process of the clients. */
  readonly clients: number;
}

/** One server and its clients, from the first event to the last one received. `beside` does something meanwhile until what it returns is called. */
export async function measure(
  programs: { readonly server: string; readonly client: string },
  contender: Contender,
  load: Load,
  beside: (loaded: Loaded) => () => void = () => () => {},
): Promise<Measured> {
  const total = eventsOf(load);
  const server = fork(programs.server, [contender, load.mode, `${load.connections}`, `${load.runs}`]);
  const processes = [server];
  let stopLooking = (): void => {};
  let stopBeside = (): void => {};
  try {
    const urls = await told<Urls>(server, processes);
    const { url, inspector } = urls;
    if (inspector !== undefined) stopLooking = lookAt(inspector);
    const warmUp = eventsOf(warmUpOf(load));
    const client = fork(programs.client, [contender, url, `${load.connections}`, `${warmUp}`, `${total}`]);
    processes.push(client);
    await told(server, processes);
    server.send('warm up');
    await told(client, processes);
    stopBeside = beside({ ...urls, clients: client.pid as number });
    server.send('go');
    const { p50Ms, p99Ms } = await told<{ p50Ms: number; p99Ms: number }>(client, processes);
    server.send('done');
    const { cpuUs } = await told<{ cpuUs: number }>(server, processes);
    return { cpuPerEventUs: cpuUs / total, p50Ms, p99Ms };
  } finally {
    stopBeside();
    stopLooking();
    for (const each of processes) each.kill('SIGKILL');
  }
}
