/**
 * `npm run sim -- --seeds N [--seed S] [--json]`: bundles the simulator and runs it.
 *
 * `--mutants` runs it on engines that lack one mechanism each, and fails if it does not notice.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import { bundleForNode } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const sim = `${root}test/sim/`;
/** Every mutant has to be noticed within so many seeds. */
const MUTANT_SEEDS = 1_500;

const args = process.argv.slice(2);
if (args.includes('--mutants')) process.exit(await tryMutants(args.includes('--json')));
const outfile = await bundleForNode(`${sim}main.ts`, `${sim}dist/main.mjs`);
process.exit(spawnSync(process.execPath, [outfile, ...args], { stdio: 'inherit' }).status ?? 1);

/** As many at a time as there are processors. */
async function tryMutants(isJson) {
  const { MUTANTS } = await import('../test/sim/mutants.mjs');
  const queue = MUTANTS.map((mutant, index) => ({ mutant, index }));
  const alive = [];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { mutant, index } = next;
      const found = await tryMutant(mutant, index);
      if (!found.isCaught) alive.push(mutant.name);
      if (!isJson) {
        const said = found.isCaught ? `✔ seed ${String(found.seed).padStart(4)}` : '✘ NOT NOTICED';
        console.log(`${said}  ${mutant.invariant.padEnd(40)} ${mutant.name}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  const result = { mutants: MUTANTS.length, caught: MUTANTS.length - alive.length, alive };
  console.log(isJson ? JSON.stringify(result) : `${result.caught} of ${result.mutants} mutants noticed`);
  return alive.length === 0 ? 0 : 1;
}

async function tryMutant(mutant, index) {
  const file = await bundleForNode(`${sim}main.ts`, `${sim}dist/mutant-${index}.mjs`, { plugins: [mutate(mutant)] });
  const out = await output([file, '--seeds', String(MUTANT_SEEDS), '--until', mutant.invariant, '--json']);
  const { invariants, seed } = JSON.parse(out.trim().split('\n').at(-1));
  return { isCaught: invariants[mutant.invariant] !== undefined, seed };
}

function output(argv) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.on('close', () => resolve(text));
  });
}

/** Takes one mechanism out of one source file while it is bundled. */
function mutate({ file, find, replace, name }) {
  return {
    name: 'mutant',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (path !== `${root}${file}`) return undefined;
        const source = readFileSync(path, 'utf8');
        if (source.split(find).length !== 2) throw new Error(`The mutant "${name}" does not fit ${file} any more.`);
        return { contents: source.replace(find, () => replace), loader: 'ts' };
      });
    },
  };
}
