/**
 * What it costs to be watched: the events bench on LMDB and the boot bench, with metrics, traces and an open page, relative to
 * the same in an application that makes traces of its own. Events by the CPU of the server's process, boots by the time until the gate is open.
 */
import { type Contender as Booted, type Outcome, Trials } from './boot/trials.ts';
import { type Measured, measure } from './events.ts';
import type { Contender, Mode } from './events/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';

const FULL = {
  connections: 200,
  runs: { flood: 20, burst: 8, open20k: 2 },
  rounds: 5,
  services: 1_000,
  boots: 9,
} as const;
const SHORT = { connections: 5, runs: { flood: 1, burst: 1, open20k: 1 }, rounds: 1, services: 100, boots: 1 } as const;
const MODES: readonly Mode[] = ['flood', 'burst', 'open20k'];
const PLAIN: Booted = { name: 'traced', file: 'boot/muster-traced.ts' };
const INSPECTED: Booted = { name: 'inspected', file: 'boot/muster-inspected.ts' };

export async function run(options: BenchOptions): Promise<object> {
  const { connections, runs, rounds, services, boots } = options.short ? SHORT : FULL;
  const { bundle } = options;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const measured = new Map<string, number[]>();
  const add = (key: string, value: number): void => void measured.set(key, [...(measured.get(key) ?? []), value]);
  for (let i = 0; i < rounds; i += 1) {
    for (const mode of MODES) {
      // In turn, so that what slows the machine slows both.
      const order: readonly Contender[] = i % 2 === 0 ? ['traced', 'inspected'] : ['inspected', 'traced'];
      for (const contender of order) {
        const one: Measured = await measure(programs, contender, { mode, connections, runs: runs[mode] });
        add(`${mode} ${contender}`, one.cpuPerEventUs);
      }
    }
  }
  const trials = await Trials.of([PLAIN, INSPECTED], options);
  for (let i = 0; i < boots; i += 1)
    for (const each of [PLAIN, INSPECTED])
      add(`boot ${each.name}`, wallOf(await trials.run(each, 'layers', services, 1)));
  // Of each round for itself, since the machine is not the same in all of them.
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
