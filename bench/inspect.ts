/**
 * What it costs to be watched: the events bench on LMDB and the boot bench, with metrics, traces and an open page, relative to
 * the same in an application that makes traces of its own. Events by the CPU of the server's process, boots by the time until the gate is open.
 */
import { type Contender as Booted, type Outcome, Trials } from './boot/trials.ts';
import { inTurn, type Measured, type Programs, ServerUnderLoad } from './events.ts';
import type { Load, Mode } from './events/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';

/** A warm-up is long: what watches does little in a second, so the compiler comes to it late. */
const FULL = {
  connections: 200,
  runs: { flood: 2, burst: 1, open20k: 1 },
  warmUp: { flood: 40, burst: 24, open20k: 20 },
  launches: { flood: 3, burst: 4, open20k: 4 },
  slices: { flood: 12, burst: 16, open20k: 12 },
  services: 1_000,
  boots: 15,
} as const;
const SHORT = {
  connections: 5,
  runs: { flood: 1, burst: 1, open20k: 1 },
  warmUp: { flood: 1, burst: 1, open20k: 1 },
  launches: { flood: 1, burst: 1, open20k: 1 },
  slices: { flood: 1, burst: 1, open20k: 1 },
  services: 100,
  boots: 1,
} as const;
const MODES: readonly Mode[] = ['flood', 'burst', 'open20k'];
const SERVERS = ['traced', 'inspected'] as const;
const PLAIN: Booted = { name: 'traced', file: 'boot/muster-traced.ts' };
const INSPECTED: Booted = { name: 'inspected', file: 'boot/muster-inspected.ts' };

export async function run(options: BenchOptions): Promise<object> {
  const { connections, runs, warmUp, launches, slices, services, boots } = options.short ? SHORT : FULL;
  const { bundle } = options;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const loads = new Map<Mode, number>();
  for (const mode of MODES) {
    const load = { mode, connections, runs: runs[mode], warmUp: warmUp[mode] };
    const ratios: number[] = [];
    // Two servers can have single events at the same time; of bursts and floods one takes all that the machine has.
    const compare = mode === 'open20k' ? together : alternating;
    for (let i = 0; i < launches[mode]; i += 1) ratios.push(...(await compare(programs, load, slices[mode])));
    loads.set(mode, overhead(ratios));
  }
  const trials = await Trials.of([PLAIN, INSPECTED], options);
  const wall = async (each: Booted): Promise<number> => wallOf(await trials.run(each, 'layers', services, 1));
  const ratios: number[] = [];
  for (let i = 0; i < boots; i += 1) {
    const plain = await wall(PLAIN);
    ratios.push((await wall(INSPECTED)) / plain);
  }
  const boot = overhead(ratios);
  const events = round([...loads.values()].reduce((sum, each) => sum + each, 0) / loads.size, 1);
  const overheadPercent = Math.max(events, boot);
  return { bench: 'inspect', node: process.version, overheadPercent, events, loads: Object.fromEntries(loads), boot };
}

/** CPU of the watched server relative to the other, slice by slice: each has the load for itself, and neighbours are compared. */
async function alternating(programs: Programs, load: Load, slices: number): Promise<number[]> {
  const [plain = [], watched = []] = (await inTurn(programs, SERVERS, load, slices)).values();
  return watched.map((slice, i) => ratioOf(plain[i], slice));
}

/** The same of servers that have a load at the same time, which two of them can have: what slows one slows both. */
async function together(programs: Programs, load: Load, slices: number): Promise<number[]> {
  const began = await Promise.allSettled(SERVERS.map((each) => ServerUnderLoad.begin(programs, each, load)));
  const servers = began.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  try {
    for (const each of began) if (each.status === 'rejected') throw each.reason;
    const ratios: number[] = [];
    for (let i = 0; i < slices; i += 1) {
      const [plain, watched] = await Promise.all(servers.map((server) => server.measure()));
      ratios.push(ratioOf(plain, watched));
    }
    return ratios;
  } finally {
    for (const server of servers) server.end();
  }
}

function ratioOf(plain: Measured | undefined, watched: Measured | undefined): number {
  return (watched?.cpuPerEventUs ?? Number.NaN) / (plain?.cpuPerEventUs ?? Number.NaN);
}

/** In percent. */
function overhead(ratios: readonly number[]): number {
  return round((median(ratios) - 1) * 100, 1);
}

/** One line for each, for people. */
export function rows({ events, loads, boot }: { events: number; loads: Record<Mode, number>; boot: number }): object {
  const named = Object.entries(loads).map(([mode, percent]): [string, number] => [`events, ${mode}`, percent]);
  const all: [string, number][] = [['events', events], ...named, ['boot', boot]];
  return Object.fromEntries(all.map(([name, percent]) => [name, { 'overhead in %': percent }]));
}

function wallOf(outcome: Outcome): number {
  if ('why' in outcome) throw new Error(`a boot failed: ${outcome.why}`);
  return outcome[0]?.wallMs ?? Number.NaN;
}
