/**
 * What it costs to be watched: the events bench on LMDB and the boot bench, with metrics, traces and an open page, relative to
 * the same in an application that makes traces of its own. Events by the CPU of the server's process, boots by the time until the gate is open.
 */
import { type Contender as Booted, type Outcome, Trials } from './boot/trials.ts';
import { inTurn } from './events.ts';
import type { Mode } from './events/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';

const FULL = {
  connections: 200,
  runs: { flood: 2, burst: 1, open20k: 1 },
  warmUp: { flood: 20, burst: 12, open20k: 4 },
  // What differs most is one launch from the next, most of all where events come at a rate: there are more of those, and each is short.
  launches: { flood: 2, burst: 5, open20k: 7 },
  slices: { flood: 6, burst: 6, open20k: 4 },
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
const PLAIN: Booted = { name: 'traced', file: 'boot/muster-traced.ts' };
const INSPECTED: Booted = { name: 'inspected', file: 'boot/muster-inspected.ts' };

export async function run(options: BenchOptions): Promise<object> {
  const { connections, runs, warmUp, launches, slices, services, boots } = options.short ? SHORT : FULL;
  const { bundle } = options;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const measured = new Map<string, number[]>();
  const add = (key: string, value: number): void => void measured.set(key, [...(measured.get(key) ?? []), value]);
  for (const mode of MODES) {
    for (let i = 0; i < launches[mode]; i += 1) {
      const load = { mode, connections, runs: runs[mode], warmUp: warmUp[mode] };
      for (const [contender, taken] of await inTurn(programs, ['traced', 'inspected'], load, slices[mode]))
        add(`${mode} ${contender}`, taken.reduce((sum, { cpuPerEventUs }) => sum + cpuPerEventUs, 0) / taken.length);
    }
  }
  const trials = await Trials.of([PLAIN, INSPECTED], options);
  for (let i = 0; i < boots; i += 1)
    for (const each of [PLAIN, INSPECTED])
      add(`boot ${each.name}`, wallOf(await trials.run(each, 'layers', services, 1)));
  // Of each launch for itself, since neither the machine nor what the compiler has made is the same in all of them.
  const overhead = (what: string): number => {
    const [watched, plain] = ['inspected', 'traced'].map((contender) => measured.get(`${what} ${contender}`) ?? []);
    const ratios = (watched as number[]).map((value, at) => value / (plain?.[at] as number));
    return round((median(ratios) - 1) * 100, 1);
  };
  const events = Object.fromEntries(MODES.map((mode) => [mode, overhead(mode)])) as Record<Mode, number>;
  const boot = overhead('boot');
  const overheadPercent = Math.max(...Object.values(events), boot);
  return { bench: 'inspect', node: process.version, overheadPercent, events, boot };
}

/** One line for each, for people. */
export function rows({ events, boot }: { events: Record<Mode, number>; boot: number }): object {
  const named = Object.entries(events).map(([mode, percent]) => [`events, ${mode}`, { 'overhead in %': percent }]);
  return Object.fromEntries([...named, ['boot', { 'overhead in %': boot }]]);
}

function wallOf(outcome: Outcome): number {
  if ('why' in outcome) throw new Error(`a boot failed: ${outcome.why}`);
  return outcome[0]?.wallMs ?? Number.NaN;
}
