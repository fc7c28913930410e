/** `npm run sim`: many seeds in a row, or one with its story. */
import { parseArgs } from 'node:util';
import { simulateCluster } from './cluster/simulation.ts';
import { simulate, type SimulationResult } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    first: { type: 'string', default: '1' },
    /** Of several instances, and not of one that boots. */
    cluster: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** Stops as soon as this invariant, or with `any` whichever, is violated. */
    until: { type: 'string' },
  },
});

const simulateOne = values.cluster ? simulateCluster : simulate;

/** Prints a seed's story as far as its first violation, and how to see it again. */
function tell(result: SimulationResult): void {
  const end = result.story.findIndex((line) => line.includes('VIOLATION'));
  const told = end < 0 ? result.story : result.story.slice(0, end + 1);
  console.log(told.join('\n'));
  for (const { invariant, text, atMs } of result.violations) console.log(`✘ at ${atMs} ms: ${invariant}: ${text}`);
  console.log(`Again: npm run sim -- ${values.cluster ? '--cluster ' : ''}--seed ${result.seed}`);
}

async function run(): Promise<number> {
  if (values.seed !== undefined) {
    const result = await simulateOne(Number(values.seed));
    tell(result);
    if (values.json)
      console.log(JSON.stringify({ seeds: 1, steps: result.steps, violations: result.violations.length }));
    return result.violations.length;
  }
  const outcomes: Record<string, number> = {};
  const invariants: Record<string, number> = {};
  const seen: Record<string, number> = {};
  let seed = Number(values.first);
  let steps = 0;
  let violations = 0;
  const seeds = Number(values.seeds);
  for (const end = seed + seeds; seed < end; seed += 1) {
    const result = await simulateOne(seed);
    steps += result.steps;
    violations += result.violations.length;
    outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;
    if (result.violations.length > 0 && (!values.json || violations === result.violations.length)) tell(result);
    for (const [what, times] of Object.entries(result.seen ?? {})) seen[what] = (seen[what] ?? 0) + times;
    for (const { invariant } of result.violations) invariants[invariant] = (invariants[invariant] ?? 0) + 1;
    if (violations > 0 && (values.until === 'any' || invariants[values.until ?? ''] !== undefined)) break;
  }
  if (values.json)
    console.log(
      JSON.stringify({ seeds, steps, violations, outcomes, invariants, ...(values.cluster ? { seen } : {}), seed }),
    );
  else console.log(`${seeds} seeds, ${steps} steps, ${violations} violations; ${JSON.stringify(outcomes)}`);
  return violations;
}

process.exitCode = (await run()) === 0 ? 0 : 1;
