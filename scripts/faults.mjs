/** `npm run faults -- [--runs N] [--seed S] [--json]`: bundles the backend and the faults, and runs them. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleForNode } from './bundle.mjs';

const faults = fileURLToPath(new URL('../test/faults/', import.meta.url));
const backend = await bundleForNode(`${faults}backend.ts`, `${faults}dist/backend.mjs`);
const main = await bundleForNode(`${faults}main.ts`, `${faults}dist/main.mjs`);
const args = [main, '--backend', backend, ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);
