/**
 * What an event costs a server from its emitting to its client, relative to raw `ws` with one JSON text for each event.
 *
 * Muster's events are sequenced, in the log before they are shown, and acknowledged; those of `ws` are none of that. CPU is
 * that of the server's whole process, the threads of the storage engine included; clients have a process of their own.
 */
import { type ChildProcess, fork } from 'node:child_process';
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
/** How often the load comes before it is measured. */
const WARM_UP = 2;

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const { connections, runs, rounds } = short ? SHORT : FULL;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const measured = new Map<string, Measured[]>();
  for (let i = 0; i < rounds; i += 1) {
    for (const mode of MODES) {
      for (const contender of CONTENDERS) {
        const key = `${mode} ${contender}`;
        const one = await measure(programs, contender, {
          mode,
          connections,
          runs: runs[mode],
          warmUp: WARM_UP * runs[mode],
        });
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

export interface Programs {
  readonly server: string;
  readonly client: string;
}

/** One server and its clients, which have had their warm-up and are given the load as often as somebody wants to. */
export class ServerUnderLoad {
  readonly #load: Load;
  readonly #server: ChildProcess;
  readonly #clients: ChildProcess;
  readonly #stopLooking: () => void;
  /** Where it is looked at while it is loaded. */
  readonly loaded: Loaded;

  private constructor(load: Load, server: ChildProcess, clients: ChildProcess, urls: Urls, stopLooking: () => void) {
    this.#load = load;
    this.#server = server;
    this.#clients = clients;
    this.#stopLooking = stopLooking;
    this.loaded = { ...urls, clients: clients.pid as number };
  }

  static async begin({ server, client }: Programs, contender: Contender, load: Load): Promise<ServerUnderLoad> {
    const { mode, connections, runs, warmUp } = load;
    const serving = fork(server, [contender, mode, ...[connections, runs, warmUp].map(String)]);
    const processes = [serving];
    let stopLooking = (): void => {};
    try {
      const urls = await told<Urls>(serving, processes);
      const events = [eventsOf(warmUpOf(load)), eventsOf(load)].map(String);
      const clients = fork(client, [contender, urls.url, `${connections}`, ...events]);
      processes.push(clients);
      if (urls.inspector !== undefined) stopLooking = lookAt(urls.inspector);
      const bench = new ServerUnderLoad(load, serving, clients, urls, stopLooking);
      await told(serving, processes);
      serving.send('warm up');
      await told(clients, processes);
      return bench;
    } catch (error) {
      stopLooking();
      // The clients first, and the server so that it can remove what it has stored.
      for (const each of processes.reverse()) each.kill(each === serving ? 'SIGTERM' : 'SIGKILL');
      throw error;
    }
  }

  /** Gives the load, from the first event to the last one received. */
  async measure(): Promise<Measured> {
    const processes = [this.#server, this.#clients];
    this.#server.send('go');
    const { p50Ms, p99Ms } = await told<{ p50Ms: number; p99Ms: number }>(this.#clients, processes);
    this.#server.send('done');
    const { cpuUs } = await told<{ cpuUs: number }>(this.#server, processes);
    return { cpuPerEventUs: cpuUs / eventsOf(this.#load), p50Ms, p99Ms };
  }

  end(): void {
    this.#stopLooking();
    this.#clients.kill('SIGKILL');
    this.#server.kill('SIGTERM');
  }
}

/** Measures a server once. `beside` does something meanwhile until what it returns is called. */
export async function measure(
  programs: Programs,
  contender: Contender,
  load: Load,
  beside: (loaded: Loaded) => () => void = () => () => {},
): Promise<Measured> {
  const bench = await ServerUnderLoad.begin(programs, contender, load);
  let stop = (): void => {};
  try {
    stop = beside(bench.loaded);
    return await bench.measure();
  } finally {
    stop();
    bench.end();
  }
}
