/**
 * `npm run bench -- <name> [--json] [--no-peers] [--short]`: bundles one bench as an application would be bundled, and runs it.
 *
 * Other frameworks that a bench compares with are installed into `bench/node_modules` on first use, and for nobody else.
 * `--short` shows that a bench works, without peers; its figures mean nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleForNode, bundleWithCodeCache } from './bundle.mjs';
import { installLocked } from './install.mjs';

const directory = fileURLToPath(new URL('../bench/', import.meta.url));
/** What Nest asks for when it is there, and does without when it is not. */
const OPTIONAL = ['class-transformer', 'class-validator', '@nestjs/microservices*', '@nestjs/websockets*'];

const flags = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('--')));
const [name] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const names = readdirSync(directory)
  .filter(
    (file) => file.endsWith('.ts') && /^export async function run\(/m.test(readFileSync(directory + file, 'utf8')),
  )
  .map((file) => file.slice(0, -3))
  .sort();
if (name === undefined || !names.includes(name)) {
  console.error(`Usage: npm run bench -- <name> [--json] [--no-peers] [--short]\nNames: ${names.join(', ')}`);
  process.exit(name === undefined ? 0 : 1);
}

/** Bundles a program of `bench/`; identifiers stay as they are, so that nothing has to keep names at run time. */
async function bundle(entry, { codeCache = false, ...options } = {}) {
  const outfile = `${directory}dist/${codeCache ? 'cached/' : ''}${entry.replace(/\.ts$/, options.format === 'cjs' ? '.cjs' : '.mjs')}`;
  return (codeCache ? bundleWithCodeCache : bundleForNode)(directory + entry, outfile, {
    keepNames: false,
    sourcemap: false,
    external: [...OPTIONAL, 'lmdb'],
    // The built packages, as an application has them.
    conditions: [],
    ...options,
  });
}

const bench = await import(await bundle(`${name}.ts`));
const short = flags.has('--short');
const peers = bench.comparesPeers === true && !short && !flags.has('--no-peers');
if (peers) installLocked(directory, 'what the bench compares with', ['--ignore-scripts']);
const result = await bench.run({ short, peers, bundle });
if (flags.has('--json')) console.log(JSON.stringify(result));
else console.table(bench.rows?.(result) ?? result.results);
