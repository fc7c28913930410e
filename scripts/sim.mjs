/**
 * `npm run sim -- --seeds N [--seed S] [--json]`: bundles the simulator and runs it.
 *
 * `--mutants` runs it on engines that lack one mechanism each, and fails if it does not notice.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bundleForNode } from './bundle.mjs';
import { mutate, outputOf, resultIn, tryMutants } from './mutants.mjs';

const sim = fileURLToPath(new URL('../test/sim/', import.meta.url));
/** Every mutant has to be noticed within so many seeds. */
const MUTANT_SEEDS = 1_500;

const args = process.argv.slice(2);
if (args.includes('--mutants')) {
  const { MUTANTS } = await import('../test/sim/mutants.mjs');
  const atOnce = Math.min(4, availableParallelism());
  process.exit(await tryMutants(MUTANTS, { atOnce, isJson: args.includes('--json'), tryOne }));
}
const outfile = await bundleForNode(`${sim}main.ts`, `${sim}dist/main.mjs`);
process.exit(spawnSync(process.execPath, [outfile, ...args], { stdio: 'inherit' }).status ?? 1);

async function tryOne(mutant, index) {
  const file = await bundleForNode(`${sim}main.ts`, `${sim}dist/mutant-${index}.mjs`, { plugins: [mutate(mutant)] });
  const out = await outputOf([file, '--seeds', String(MUTANT_SEEDS), '--until', mutant.invariant, '--json']);
  const { invariants, seed } = resultIn(out);
  const isCaught = invariants[mutant.invariant] !== undefined;
  const place = isCaught ? `seed ${String(seed).padStart(4)}  ` : '';
  return { isCaught, words: `${place}${mutant.invariant.padEnd(40)} ${mutant.name}` };
}
