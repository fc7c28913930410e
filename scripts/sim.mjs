/** `npm run sim -- --seeds N [--seed S] [--json]`: bundles the simulator and runs it; `--mutants` shows that it would notice. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleForNode } from './bundle.mjs';

const sim = fileURLToPath(new URL('../test/sim/', import.meta.url));
const args = process.argv.slice(2);
const entry = args.includes('--mutants') ? 'mutants' : 'main';
const outfile = await bundleForNode(`${sim}${entry}.ts`, `${sim}dist/${entry}.mjs`);
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', outfile, ...args.filter((a) => a !== '--mutants')],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
