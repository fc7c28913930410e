/**
 * Makes a fresh clone ready: installs the locked dependencies when the lock file has changed since the last time.
 *
 * Uses Node's own modules alone, because it runs before anything is installed. Quiet and quick when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.installed-lock`;

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Muster needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

const lock = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');
let installed = '';
try {
  installed = readFileSync(stamp, 'utf8');
} catch {
  // Never installed, or someone removed node_modules: install below.
}

if (installed !== lock) {
  console.log('Installing dependencies (once; again when package-lock.json changes) …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('npm ci failed; its own message is above.');
    process.exit(status ?? 1);
  }
  writeFileSync(stamp, lock);
}
