/**
 * Programs that lack one mechanism each, made by replacing source while it is bundled, and the report of which were noticed.
 *
 * A mutant that does not fit its source any more is an error, so that none goes stale.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * A source file without the mechanism.
 *
 * @param {{ name: string, file: string, find: string, replace: string }} mutant `find` stands in the file exactly once.
 */
export function mutated(source, { file, find, replace, name }) {
  if (source.split(find).length !== 2) throw new Error(`The mutant "${name}" does not fit ${file} any more.`);
  return source.replace(find, () => replace);
}

/** A plugin of esbuild that takes one mechanism out of one source file. */
export function mutate(mutant) {
  return {
    name: 'mutant',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (path !== `${root}${mutant.file}`) return undefined;
        return { contents: mutated(readFileSync(path, 'utf8'), mutant), loader: 'ts' };
      });
    },
  };
}

/**
 * Tries mutants, so many at a time, and tells of each in a line; the last line sums up, as JSON where that is wanted.
 *
 * @param tryOne resolves to whether the mutant was noticed, and to the words for how.
 * @returns the exit code: 1 when one was not noticed.
 */
export async function tryMutants(mutants, { atOnce, isJson, tryOne }) {
  const queue = mutants.map((mutant, index) => ({ mutant, index }));
  const alive = [];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { isCaught, words } = await tryOne(next.mutant, next.index);
      if (!isCaught) alive.push(next.mutant.name);
      if (!isJson) console.log(`${isCaught ? '✔' : '✘ NOT NOTICED'} ${words}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const result = { mutants: mutants.length, caught: mutants.length - alive.length, alive };
  console.log(isJson ? JSON.stringify(result) : `${result.caught} of ${result.mutants} mutants noticed`);
  return alive.length === 0 ? 0 : 1;
}

/** What a program of Node says on its output; resolves when it has ended, however it has. */
export function outputOf(argv, env = {}) {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'pipe', 'inherit'];
    const child = spawn(process.execPath, argv, { stdio, cwd: root, env: { ...process.env, ...env } });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.on('close', () => resolve(text));
  });
}

/** The last line of an output, which is JSON. */
export function resultIn(output) {
  return JSON.parse(output.trim().split('\n').at(-1));
}
