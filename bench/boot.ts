/**
 * What a boot costs: how near it comes to its critical path, and how much CPU a service takes when its start takes none.
 *
 * Every contender boots the same seeded graphs, in turn and in fresh processes, and every start is checked: once, and
 * after all that the service needs. Muster stands in it three times: the start alone, with graph and validation before
 * it, and as a whole app with Inversify.
 */
import { layers, LONG_MS } from './boot/shape.ts';
import { type Contender, joined, type Outcome, Trials } from './boot/trials.ts';
import { type BenchOptions, median, round } from './measure.ts';

/** The peers have to be installed before `run()` is called with them. */
export const comparesPeers = true;

/** The limit of all; the weights of the critical path come from its boots, because it disturbs the starts least. */
const PROMISES: Contender = { name: 'promises', file: 'boot/promises.ts' };
const ENGINE: Contender = { name: 'muster', file: 'muster-engine.ts' };
const WHOLE: Contender = { name: 'whole', file: 'boot/muster-whole.ts' };
const APP: Contender = { name: 'app', file: 'boot/muster-app.ts' };
/** Parts of a boot, of which nothing but their CPU time is measured. */
const GRAPH: Contender = { name: 'graph', file: 'boot/muster-graph.ts' };
const CONTAINER: Contender = { name: 'container', file: 'boot/inversify-share.ts' };
const PEERS: readonly Contender[] = [
  { name: 'inversify', file: 'peers/inversify.ts' },
  { name: 'nest', file: 'peers/nest.ts' },
  { name: 'nest-hooks', file: 'peers/nest-hooks.ts' },
  { name: 'effect', file: 'peers/effect.ts' },
  { name: 'effect-cached', file: 'peers/effect-cached.ts' },
  { name: 'systemic', file: 'peers/systemic.ts', oneByOne: true },
  { name: 'awilix-manager', file: 'peers/awilix-manager.ts', oneByOne: true },
];

/** `free` is how many boots whose starts cost nothing there are in one process, and in how many processes. */
const FULL = { small: 1_000, large: 10_000, boots: { small: 3, large: 2 }, free: { boots: 12, processes: 3 } } as const;
const SHORT = { small: 100, large: 300, boots: { small: 1, large: 1 }, free: { boots: 2, processes: 1 } } as const;

/** What one contender took; keys are named after the numbers of services, which are smaller in the short form. */
type Row = Readonly<Record<string, unknown>>;

export async function run(options: BenchOptions): Promise<object> {
  const { small, large, boots, free } = options.short ? SHORT : FULL;
  const peers = [PROMISES, ...(options.peers ? PEERS : [])];
  const contenders = [...peers, ENGINE, WHOLE, APP];
  const trials = await Trials.of([...contenders, GRAPH, CONTAINER], options);

  const worked = new Map<string, Outcome>();
  for (const [size, times] of [
    [small, boots.small],
    [large, boots.large],
  ] as const) {
    for (let boot = 0; boot < times; boot += 1) {
      for (const each of contenders) {
        const key = `${each.name} ${size}`;
        const before = worked.get(key);
        if (each.oneByOne !== true && !isSlow(before)) {
          worked.set(key, joined(before, await trials.run(each, 'layers', size, 1)));
        }
      }
    }
  }
  // These sleep most of their time, so they do not disturb each other.
  const slow = contenders.map(async (each) => {
    if (each.oneByOne !== true) return;
    worked.set(`${each.name} ${small}`, await trials.run(each, 'layers', small, 1));
    worked.set(`${each.name} ${large}`, oneAfterAnother(large));
  });
  await Promise.all(slow);

  const measured = [...contenders, GRAPH, CONTAINER];
  const cpu = new Map<Contender, Cpu[]>();
  for (let i = 0; i < free.processes; i += 1) {
    for (const each of measured) {
      const before = cpu.get(each) ?? [];
      if (before.some(({ isSlow }) => isSlow)) continue;
      cpu.set(each, [...before, cpuOf(await trials.run(each, 'free', large, free.boots), large)]);
    }
  }
  const figures = (each: Contender): Cpu => leastOf(cpu.get(each) as Cpu[]);

  const rows = new Map<Contender, Row>();
  for (const each of contenders) {
    const reached = (size: number): object =>
      makespan(worked.get(`${each.name} ${size}`) as Outcome, worked.get(`${PROMISES.name} ${size}`) as Outcome);
    rows.set(each, {
      [`n${small}`]: reached(small),
      [`n${large}`]: reached(large),
      ...figures(each).figures,
    });
  }
  for (const each of [ENGINE, APP]) {
    rows.set(each, { ...rows.get(each), [`chain${large}`]: chained(await trials.run(each, 'chain', large, 1)) });
  }
  return {
    bench: 'boot',
    node: process.version,
    ...rows.get(ENGINE),
    graphPerServiceUs: figures(GRAPH).us,
    inversifyPerServiceUs: figures(CONTAINER).us,
    withGraph: rows.get(WHOLE),
    app: rows.get(APP),
    peers: Object.fromEntries(peers.map((each) => [each.name, rows.get(each)])),
  };
}

/** True for what took so long that once has to be enough. */
function isSlow(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && ('why' in outcome || outcome.some(({ wallMs }) => wallMs > LONG_MS));
}

/** One line per contender, for people. */
export function rows(result: Record<string, Row> & { peers: Record<string, Row> }): object {
  const { peers, withGraph, app, ...engine } = result;
  const all = {
    'Muster, start': engine,
    'Muster, graph and start': withGraph as Row,
    'Muster, app with Inversify': app as Row,
    ...peers,
  };
  return Object.fromEntries(
    Object.entries(all).map(([name, row]) => [
      name,
      Object.fromEntries(
        Object.entries(row).flatMap(([key, value]): [string, unknown][] => {
          if (/^n\d/.test(key)) return [[`makespan ${key}`, (value as { makespanRatio: unknown }).makespanRatio]];
          if (key.startsWith('chain')) return [[key, (value as { ok: boolean }).ok ? 'ok' : 'fails']];
          return key.endsWith('Us') ? [[key, value]] : [];
        }),
      ),
    ]),
  );
}

/** Wall time ÷ critical path. */
function makespan(outcome: Outcome, undisturbed: Outcome): object {
  if ('why' in outcome) return { makespanRatio: null, why: outcome.why };
  if ('why' in undisturbed) return { makespanRatio: null, why: `${PROMISES.name}: ${undisturbed.why}` };
  const wallMs = median(outcome.map((boot) => boot.wallMs));
  const criticalMs = median(undisturbed.map((boot) => boot.criticalMs));
  return {
    makespanRatio: round(wallMs / criticalMs, 3),
    // Each start weighing what it took in this very boot: forgives a contender what it delayed itself.
    toOwnStarts: round(median(outcome.map((boot) => boot.wallMs / boot.criticalMs)), 3),
    // Each start weighing what it was told to take, as if timers were exact.
    toDeclared: round(median(outcome.map((boot) => boot.wallMs / boot.declaredMs)), 3),
    wallMs: round(wallMs, 0),
  };
}

/** CPU time of one process. */
interface Cpu {
  /** By service, once everything is compiled; `null` where the boots failed. */
  readonly us: number | null;
  readonly figures: object;
  /** Once is enough. */
  readonly isSlow: boolean;
}

/** The process that was disturbed least: other work on the machine only adds. */
function leastOf(processes: readonly Cpu[]): Cpu {
  const usOf = ({ us }: Cpu): number => us ?? Number.POSITIVE_INFINITY;
  return processes.reduce((least, each) => (usOf(each) < usOf(least) ? each : least));
}

/** The median of the later half of the boots, when everything is compiled, and the first, when nothing is. */
function cpuOf(outcome: Outcome, services: number): Cpu {
  if ('why' in outcome) {
    const figures = { cpuPerServiceUs: null, firstBootPerServiceUs: null, why: outcome.why };
    return { us: null, figures, isSlow: true };
  }
  const all = outcome.map(({ cpuUs }) => cpuUs / services);
  const [first = Number.NaN] = all;
  const us = round(median(all.slice(Math.floor(all.length / 2))));
  return { us, figures: { cpuPerServiceUs: us, firstBootPerServiceUs: round(first) }, isSlow: isSlow(outcome) };
}

function chained(outcome: Outcome): object {
  return 'why' in outcome
    ? { ok: false, why: outcome.why }
    : { ok: true, wallMs: round(outcome[0]?.wallMs ?? Number.NaN, 0) };
}

function oneAfterAnother(services: number): Outcome {
  const seconds = layers(services).startMs.reduce((sum, ms) => sum + ms, 0) / 1_000;
  return { why: `it starts one service after another: at least ${round(seconds, 0)} s` };
}
