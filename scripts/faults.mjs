/**
 * `npm run faults -- [--runs N] [--seed S] [--json]`: bundles the backend and the faults, and runs them.
 *
 * `--mutants` runs the drills on backends that lack one mechanism each, and fails if they do not notice. With `--cluster` it
 * runs the tests of the ports on NATS without one mechanism each, with `--connections` those of servers and clients, and with
 * `--inspect` those of the inspector.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { bundleForNode } from './bundle.mjs';
import { mutate, outputOf, resultIn, tryMutants } from './mutants.mjs';

const faults = fileURLToPath(new URL('../test/faults/', import.meta.url));
const main = await bundleForNode(`${faults}main.ts`, `${faults}dist/main.mjs`);
const args = process.argv.slice(2);
/** Where the mutants are that tests try, by the option that takes them. */
const TESTED = {
  cluster: 'packages/nats/test',
  connections: 'packages/server/test',
  inspect: 'packages/inspect/test',
};
if (args.includes('--mutants')) process.exit(await tryAll());
const backend = await bundleForNode(`${faults}backend.ts`, `${faults}dist/backend.mjs`);
process.exit(spawnSync(process.execPath, [main, '--backend', backend, ...args], { stdio: 'inherit' }).status ?? 1);

/** Takes the list of the option that is given; `--only` takes of it those whose name or guarantee it is. */
async function tryAll() {
  const lists = Object.keys(TESTED);
  const flags = ['mutants', 'json', ...lists].map((name) => [name, { type: 'boolean', default: false }]);
  const options = { ...Object.fromEntries(flags), only: { type: 'string' } };
  const { only, json: isJson, ...given } = parseArgs({ args, options }).values;
  const [list, another] = lists.filter((name) => given[name]);
  if (another !== undefined) throw new Error(`One list of mutants at a time: --${list} or --${another}.`);
  const { MUTANTS } = await import(`../${TESTED[list] ?? 'test/faults'}/mutants.mjs`);
  const chosen = MUTANTS.filter(({ guarantee, name }) => only === undefined || [guarantee, name].includes(only));
  // Tests are tried one after the other, since their processes and servers have work for every core.
  if (list !== undefined) return tryMutants(chosen, { atOnce: 1, isJson, tryOne: tryTests });
  const atOnce = Math.min(2, availableParallelism());
  return tryMutants(chosen, { atOnce, isJson, tryOne: (mutant) => tryDrill(mutant, MUTANTS.indexOf(mutant)) });
}

/** A mutant is noticed by a test that fails; one that does not run notices nothing. */
async function tryTests(mutant) {
  const { guarantee, name, test, only } = mutant;
  const began = performance.now();
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const asked = [test, '-t', only, '--json', '--silent', '--forceExit'];
  const out = await outputOf([...jest, ...asked], { MUSTER_MUTANT: JSON.stringify(mutant) });
  const { numFailedTests, numPassedTests, testResults } = resultIn(out);
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed');
  const seconds = `${((performance.now() - began) / 1_000).toFixed(1)} s`;
  const what = failed?.title ?? `${numPassedTests} tests pass`;
  return { isCaught: numFailedTests > 0, words: `${guarantee}: ${name}\n          ${seconds}: ${what}` };
}

async function tryDrill(mutant, index) {
  const { guarantee, name, drill } = mutant;
  const plugins = [mutate(mutant)];
  const file = await bundleForNode(`${faults}backend.ts`, `${faults}dist/mutant-${index}.mjs`, { plugins });
  const began = performance.now();
  const asked = ['--drill', drill, '--runs', '0', '--until', guarantee, '--json', '--quiet'];
  const out = await outputOf([main, '--backend', file, ...asked]);
  const { broken, stuck } = resultIn(out);
  const found = broken.find((sentence) => sentence.startsWith(`${guarantee}: `));
  const seconds = `${((performance.now() - began) / 1_000).toFixed(1)} s`;
  const what = found === undefined ? `found ${JSON.stringify({ broken, stuck })}` : found.slice(guarantee.length + 2);
  return {
    isCaught: found !== undefined,
    words: `${guarantee.padEnd(7)} ${name}\n          ${drill}, ${seconds}: ${what}`,
  };
}
