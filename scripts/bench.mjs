/** `npm run bench -- <name> [--json]`: bundles one bench as an application would be bundled, and runs it. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleForNode } from './bundle.mjs';

const bench = fileURLToPath(new URL('../bench/', import.meta.url));
const names = readdirSync(bench)
  .filter((file) => file.endsWith('.ts') && file !== 'measure.ts')
  .map((file) => file.slice(0, -3))
  .sort();
const [name] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
if (name === undefined || !names.includes(name)) {
  console.error(`Usage: npm run bench -- <name> [--json]\nNames: ${names.join(', ')}`);
  process.exit(name === undefined ? 0 : 1);
}
const outfile = await bundleForNode(`${bench}${name}.ts`, `${bench}dist/${name}.mjs`);
const { run } = await import(outfile);
const result = await run();
if (process.argv.includes('--json')) console.log(JSON.stringify(result));
else console.table(result.results);
