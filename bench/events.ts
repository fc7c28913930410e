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
import { Looker } from './watched.ts';

export interface Measured {
  readonly cpuPerEventUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * So many connections, runs that each has of a load before it is measured and in every slice, how many slices, and how often
 * all of that. With a shorter warm-up the compiler is still at work.
 */
const FULL = {
  connections: 200,
  warmUp: { flood: 40, burst: 12, open20k: 6 },
  runs: { flood: 4, burst: 2, open20k: 1 },
  slices: 8,
  launches: 2,
} as const;
const ONCE = { flood: 1, burst: 1, open20k: 1 } as const;
const SHORT = { connections: 5, warmUp: ONCE, runs: ONCE, slices: 1, launches: 1 } as const;
const MODES: readonly Mode[] = ['flood', 'burst', 'open20k'];
const CONTENDERS: readonly Contender[] = ['raw', 'memory', 'lmdb'];

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const { connections, warmUp, runs, slices, launches } = short ? SHORT : FULL;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const measured = new Map<string, Measured[]>();
  const of = (mode: Mode, contender: Contender): readonly Measured[] => measured.get(`${mode} ${contender}`) ?? [];
  for (let i = 0; i < launches; i += 1) {
    for (const mode of MODES) {
      const load = { mode, connections, runs: runs[mode], warmUp: warmUp[mode] };
      for (const [contender, taken] of await inTurn(programs, CONTENDERS, load, slices))
        measured.set(`${mode} ${contender}`, [...of(mode, contender), ...taken]);
    }
  }
  const row = (mode: Mode, contender: Contender): object => {
    const own = of(mode, contender);
    // Of neighbours, since what slows the machine for a while slows both.
    const ratios = of(mode, 'raw').map((raw, i) => (own[i]?.cpuPerEventUs ?? Number.NaN) / raw.cpuPerEventUs);
    return {
      ratio: round(median(ratios)),
      p99Ms: round(median(own.map(({ p99Ms }) => p99Ms)), 1),
      cpuPerEventUs: round(median(own.map(({ cpuPerEventUs }) => cpuPerEventUs))),
    };
  };
  const rows = (contender: Contender): object => Object.fromEntries(MODES.map((mode) => [mode, row(mode, contender)]));
  const { open20k: open20kMemory, ...memory } = rows('memory') as Record<Mode, object>;
  return { bench: 'events', node: process.version, ...rows('lmdb'), open20kMemory, memory, raw: rows('raw') };
}

/** All servers are there all the time, and in turn one of them has work. What each slice took, by contender. */
export async function inTurn<C extends Contender>(
  programs: Programs,
  contenders: readonly C[],
  load: Load,
  slices: number,
): Promise<Map<C, readonly Measured[]>> {
  const benches = new Map<C, ServerUnderLoad>();
  const took = new Map<C, Measured[]>(contenders.map((contender) => [contender, []]));
  try {
    for (const contender of contenders) benches.set(contender, await ServerUnderLoad.begin(programs, contender, load));
    for (let i = 0; i < slices; i += 1) {
      // The other way round each time, so that none is always the first.
      for (const [contender, bench] of i % 2 === 0 ? [...benches] : [...benches].reverse())
        took.get(contender)?.push(await bench.measure());
    }
  } finally {
    for (const bench of benches.values()) bench.end();
  }
  return took;
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
  /** The process of the server. */
  readonly server: number;
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
  readonly #looker: Looker | undefined;
  /** Where it is looked at while it is loaded. */
  readonly loaded: Loaded;

  private constructor(load: Load, server: ChildProcess, clients: ChildProcess, urls: Urls, looker?: Looker) {
    this.#load = load;
    this.#server = server;
    this.#clients = clients;
    this.#looker = looker;
    this.loaded = { ...urls, server: server.pid as number, clients: clients.pid as number };
  }

  static async begin({ server, client }: Programs, contender: Contender, load: Load): Promise<ServerUnderLoad> {
    const { mode, connections, runs, warmUp } = load;
    const looker = contender === 'inspected' || contender === 'hanging' ? await Looker.begin() : undefined;
    const serving = fork(server, [contender, mode, ...[connections, runs, warmUp].map(String)]);
    const processes = [serving];
    try {
      const urls = await told<Urls>(serving, processes);
      const events = [eventsOf(warmUpOf(load)), eventsOf(load)].map(String);
      const clients = fork(client, [contender, urls.url, `${connections}`, ...events]);
      processes.push(clients);
      if (urls.inspector !== undefined) looker?.lookAt(urls.inspector);
      const bench = new ServerUnderLoad(load, serving, clients, urls, looker);
      await told(serving, processes);
      serving.send('warm up');
      await told(clients, processes);
      return bench;
    } catch (error) {
      looker?.end();
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
    this.#looker?.end();
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
