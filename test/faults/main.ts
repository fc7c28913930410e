/** `npm run faults`: directed drills and many seeds. Nothing may be lost, doubled, out of order, seen by another user, or other than promised. */
import { parseArgs } from 'node:util';
import { RunningProcess } from '../journeys/process.ts';
import { clusterScenario, DISASTERS } from './cluster-scenario.ts';
import { ClusterSite } from './cluster-site.ts';
import { DRILLS } from './drills.ts';
import { addVerdict, cleanVerdict, isBroken, isClean, type Verdict } from './ledger.ts';
import { scenario } from './scenario.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    backend: { type: 'string' },
    json: { type: 'boolean', default: false },
    /** Three servers of NATS and three backends, and what can happen to them. */
    cluster: { type: 'boolean', default: false },
    /** Only this one; `none` for no drill at all. @default all */
    drill: { type: 'string' },
    /** Of the points at which a drill does something, every so manieth. */
    every: { type: 'string', default: '1' },
    /** Ends as soon as this guarantee is found broken. */
    until: { type: 'string' },
    /** Only the result. */
    quiet: { type: 'boolean', default: false },
  },
});
/** Seeds at a time: most of a run is waiting. Drills look at times, and have more room. */
const AT_ONCE = { drills: 2, seeds: 4 } as const;

const backend = values.backend as string;
const runs = Number(values.runs);
const total = cleanVerdict();
let stuck = 0;

// A backend that spins does not see that nobody wants it any more.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void RunningProcess.endAll().finally(() => process.exit(1)));

/** @param verdict where the work writes what it finds. */
async function one(name: string, verdict: Verdict, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  let trouble = '';
  try {
    await work();
  } catch (error) {
    stuck += 1;
    trouble = (error as Error).message.slice(0, 2_000);
  }
  addVerdict(total, verdict);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  if (values.quiet) return;
  if (trouble !== '') console.error(`✘ ${name} after ${seconds} s: ${trouble}`);
  if (!isClean(verdict)) console.error(`✘ ${name}: ${JSON.stringify(verdict)}`);
  else if (trouble === '' && !values.json) console.log(`✔ ${name}: ${verdict.events} events in ${seconds} s`);
}

function drill(name: string): Promise<void> {
  const verdict = cleanVerdict();
  const isEnough = (): boolean => values.until !== undefined && isBroken(verdict, values.until);
  const context = { backend, verdict, every: Number(values.every), isEnough };
  return one(name, verdict, () => (DRILLS[name] as (typeof DRILLS)[string])(context));
}

function seed(number: number): Promise<void> {
  const verdict = cleanVerdict();
  return one(`seed ${number}`, verdict, () => scenario(number, backend, verdict));
}

async function all(works: (() => Promise<void>)[], atOnce: number): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let work = works.shift(); work !== undefined; work = works.shift()) await work();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** One seed after the other on one cluster: what happens to one run happens to all that go on. */
async function cluster(): Promise<never> {
  const takeovers = { ms: [] as number[], ofInstancesMs: [] as number[] };
  const site = await ClusterSite.open(backend);
  for (let number = Number(values.seed); number < Number(values.seed) + runs; number += 1) {
    const verdict = cleanVerdict();
    await one(`seed ${number}, ${DISASTERS[number % DISASTERS.length]}`, verdict, async () => {
      await clusterScenario(number, site, verdict, takeovers);
    });
    // What has not come to rest would be part of the next run.
    if (stuck > 0) {
      console.error(site.lastWords());
      break;
    }
  }
  const longest = (ms: readonly number[]): number | null => (ms.length === 0 ? null : Math.max(...ms));
  const { ms, ofInstancesMs } = takeovers;
  const taken = { count: ms.length, longestMs: longest(ofInstancesMs), longestOfAllMs: longest(ms) };
  const found = { runs, ...total, stuck, takeovers: taken };
  console.log(values.json ? JSON.stringify(found) : found);
  await site[Symbol.asyncDispose]();
  process.exit(isClean(total) && stuck === 0 ? 0 : 1);
}

if (values.cluster) await cluster();
const names = Object.keys(DRILLS).filter((name) => values.drill === undefined || name === values.drill);
const first = Number(values.seed);
await all(
  names.map((name) => () => drill(name)),
  AT_ONCE.drills,
);
await all(
  Array.from({ length: runs }, (_, i) => () => seed(first + i)),
  AT_ONCE.seeds,
);
const result = { runs, drills: names.length, ...total, stuck };
console.log(values.json ? JSON.stringify(result) : result);
await RunningProcess.endAll();
process.exit(isClean(total) && stuck === 0 ? 0 : 1);
