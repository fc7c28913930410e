/** `npm run faults`: many seeds. Nothing may be lost, doubled, out of order or seen by another user. */
import { parseArgs } from 'node:util';
import { addVerdict, cleanVerdict, isClean } from './ledger.ts';
import { scenario } from './scenario.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    backend: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
/** Runs at a time: most of a run is waiting. */
const AT_ONCE = 4;

const runs = Number(values.runs);
const total = cleanVerdict();
let stuck = 0;
let next = Number(values.seed);
const end = next + runs;

async function one(seed: number): Promise<void> {
  const began = performance.now();
  const verdict = cleanVerdict();
  let trouble = '';
  try {
    await scenario(seed, values.backend as string, verdict);
  } catch (error) {
    stuck += 1;
    trouble = (error as Error).message.slice(0, 2_000);
  }
  addVerdict(total, verdict);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  if (trouble !== '') console.error(`✘ seed ${seed} after ${seconds} s: ${trouble}`);
  if (!isClean(verdict)) console.error(`✘ seed ${seed}: ${JSON.stringify(verdict)}`);
  else if (trouble === '' && !values.json) console.log(`✔ seed ${seed}: ${verdict.events} events in ${seconds} s`);
}

async function worker(): Promise<void> {
  while (next < end) {
    const seed = next;
    next += 1;
    await one(seed);
  }
}

await Promise.all(Array.from({ length: Math.min(AT_ONCE, runs) }, worker));
const result = { runs, ...total, stuck };
console.log(values.json ? JSON.stringify(result) : result);
process.exit(isClean(total) && stuck === 0 ? 0 : 1);
