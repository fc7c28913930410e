/**
 * `npm run sim -- [--cluster] --seeds N [--seed S] [--json]`: bundles the simulator and runs it.
 *
 * `--cluster` simulates several instances on one store and log, whose messages are lost, late and doubled.
 * `--mutants` runs it on engines that lack one mechanism each, and fails if it does not notice; with `--every N` on every
 * so manieth of them.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bundleForNode } from './bundle.mjs';
import { mutate, outputOf, resultIn, tryMutants } from './mutants.mjs';

const sim = fileURLToPath(new URL('../test/sim/', import.meta.url));
/** Every mutant has to be noticed within so many seeds. */
const MUTANT_SEEDS = { lifecycle: 1_500, cluster: 1_500 };

const args = process.argv.slice(2);
const isCluster = args.includes('--cluster');
if (args.includes('--mutants')) {
  const { MUTANTS } = await import(isCluster ? '../test/sim/cluster/mutants.mjs' : '../test/sim/mutants.mjs');
  const atOnce = Math.min(4, availableParallelism());
  const every = args.includes('--every') ? Number(args[args.indexOf('--every') + 1]) : 1;
  const some = MUTANTS.filter((_, index) => index % every === 0);
  process.exit(await tryMutants(some, { atOnce, isJson: args.includes('--json'), tryOne }));
}
const outfile = await bundleForNode(`${sim}main.ts`, `${sim}dist/main.mjs`);
process.exit(spawnSync(process.execPath, [outfile, ...args], { stdio: 'inherit' }).status ?? 1);

async function tryOne(mutant, index) {
  const file = await bundleForNode(`${sim}main.ts`, `${sim}dist/mutant-${isCluster ? 'cluster-' : ''}${index}.mjs`, {
    plugins: [mutate(mutant)],
  });
  const seeds = String(isCluster ? MUTANT_SEEDS.cluster : MUTANT_SEEDS.lifecycle);
  const cluster = isCluster ? ['--cluster'] : [];
  const out = await outputOf([file, ...cluster, '--seeds', seeds, '--until', mutant.invariant, '--json']);
  const { invariants, seed } = resultIn(out);
  const isCaught = invariants[mutant.invariant] !== undefined;
  const place = isCaught ? `seed ${String(seed).padStart(4)}  ` : '';
  return { isCaught, words: `${place}${mutant.invariant.padEnd(40)} ${mutant.name}` };
}
