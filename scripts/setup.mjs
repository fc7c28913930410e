/**
 * Makes a clone ready: installs when `node_modules` is not what package-lock.json says, then brings `dist/` up to date.
 *
 * Uses Node's own modules alone, because it runs before anything is installed. Quiet and quick when there is nothing to do.
 * `--no-build` leaves `dist/` to what comes next; `--installed` is for npm, which runs it as `prepare` after every installation.
 */
import { build } from './build.mjs';
import { installLocked } from './install.mjs';
import { root } from './packages.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Muster needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

// npm runs `prepare` for rehearsals, too.
const rehearsal = process.env.npm_config_dry_run === 'true' || process.env.npm_config_package_lock_only === 'true';
if (process.argv.includes('--installed')) {
  if (!rehearsal) buildOrTell();
} else {
  installLocked(root, 'dependencies');
  if (!process.argv.includes('--no-build')) buildOrTell();
}

/** Tests and the flagship run from the sources, so a type error stops neither; `npm run check` fails because of it. */
function buildOrTell() {
  const { status, output } = build();
  if (status !== 0) console.error(`${output}The build of dist/ is not complete.`);
}
