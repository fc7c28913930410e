/** `npm run faults`: many seeds in a row. Nothing may be lost, doubled, out of order or seen by another user. */
import { parseArgs } from 'node:util';
import { cleanVerdict } from './ledger.ts';
import { scenario } from './scenario.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    first: { type: 'string', default: '1' },
    backend: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const runs = Number(values.runs);
const verdict = cleanVerdict();
let stuck = 0;
for (let seed = Number(values.first); seed < Number(values.first) + runs; seed += 1) {
  const before = JSON.stringify({ ...verdict, events: 0 });
  try {
    await scenario(seed, values.backend as string, verdict);
  } catch (error) {
    stuck += 1;
    console.error(`✘ seed ${seed}: ${(error as Error).message.slice(0, 2_000)}`);
  }
  const after = JSON.stringify({ ...verdict, events: 0 });
  if (after !== before) console.error(`✘ seed ${seed}: ${after}`);
  else if (!values.json) console.log(`  seed ${seed}: ${verdict.events} events so far`);
}
const result = { runs, ...verdict, stuck };
console.log(values.json ? JSON.stringify(result) : result);
const { lost, duplicated, disordered, foreign, terminals } = verdict;
process.exit(lost + duplicated + disordered + foreign + terminals.missing + terminals.extra + stuck === 0 ? 0 : 1);
