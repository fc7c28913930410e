/** `node scripts/pack.mjs <directory>`: builds, and packs every published package into it as `npm publish` would. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { packages, root } from './packages.mjs';

/** Returns the paths of the tarballs. @throws Error with the output of the step that failed. */
export function pack(destination) {
  const built = build();
  if (built.status !== 0) throw new Error(`The build failed:\n${built.output}`);
  mkdirSync(destination, { recursive: true });
  const chosen = packages.map(({ folder }) => `--workspace=packages/${folder}`);
  // Without each package's own `prepack`: it would build once more.
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['pack', '--ignore-scripts', `--pack-destination=${destination}`, ...chosen],
    { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' },
  );
  if (status !== 0) throw new Error(`npm pack failed:\n${stdout}${stderr}`);
  return packages.map(({ tarball }) => `${destination}/${tarball}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , destination] = process.argv;
  if (destination === undefined) {
    console.error('Usage: node scripts/pack.mjs <directory>');
    process.exit(1);
  }
  for (const tarball of pack(resolve(destination))) console.log(tarball);
}
