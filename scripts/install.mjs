/** Installs what a lock file names where `node_modules` is not what it says. Uses Node's own modules alone. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Runs `npm ci` in `directory`, if need be, with `options`; ends the process when that fails. */
export function installLocked(directory, what, options = []) {
  if (isInstalled(directory)) return;
  console.log(`Installing ${what} (once; again when package-lock.json changes) …`);
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...options], {
    cwd: directory,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('npm ci failed; its own message is above.');
    process.exit(status ?? 1);
  }
}

/** Compares the lock with the one that npm keeps of what it has installed. */
function isInstalled(directory) {
  const installed = `${directory}node_modules/.package-lock.json`;
  if (!existsSync(installed)) return false;
  const [wanted, found] = [`${directory}package-lock.json`, installed].map(
    (file) => JSON.parse(readFileSync(file)).packages,
  );
  return (
    Object.entries(wanted).every(
      ([path, { version, integrity, optional }]) =>
        path === '' ||
        (found[path] === undefined
          ? optional === true // built for another platform
          : found[path].version === version && found[path].integrity === integrity),
    ) && Object.keys(found).every((path) => wanted[path] !== undefined)
  );
}
