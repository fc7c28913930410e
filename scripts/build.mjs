/**
 * `npm run build`: brings `dist/` of every package up to date.
 *
 * What the compiler once made of a source that is gone is removed, so that nothing stale is ever packed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildInspectPage } from './inspect-page.mjs';
import { packages, root } from './packages.mjs';

const compiler = `${root}node_modules/typescript/bin/tsc`;
/** Installations without development tools lack the second, though they may have the first. */
const tools = [compiler, `${root}node_modules/@types/node`];

/** Builds everything; `status` is null when the tools are not installed. Takes a fifth of a second when nothing has changed. */
export function build() {
  if (!tools.every((tool) => existsSync(tool)))
    return { status: null, output: 'Development tools are not installed.\n' };
  for (const { directory } of packages) removeStale(directory);
  // First, because what the compiler reads imports it.
  const page = pageProblem();
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-b'], { cwd: root, encoding: 'utf8' });
  return { status: status === 0 && page !== '' ? 1 : status, output: stdout + stderr + page };
}

/** Builds the live page; empty when that went well. */
function pageProblem() {
  try {
    buildInspectPage();
    return '';
  } catch (error) {
    return `The live page of @muster/inspect could not be built: ${error.message}\n`;
  }
}

/** Only the compiler leaves maps, so what other tools put into `dist/` stays. */
function removeStale(directory) {
  if (!existsSync(`${directory}/dist`)) return;
  for (const file of readdirSync(`${directory}/dist`, { recursive: true, encoding: 'utf8' })) {
    const stem = /^(.*)\.js\.map$/.exec(file)?.[1];
    if (stem === undefined || ['.ts', '.tsx'].some((ending) => existsSync(`${directory}/src/${stem}${ending}`)))
      continue;
    for (const ending of ['.d.ts', '.d.ts.map', '.js', '.js.map'])
      rmSync(`${directory}/dist/${stem}${ending}`, { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { status, output } = build();
  process.stdout.write(output);
  process.exit(status ?? 1);
}
