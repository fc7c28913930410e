/** The packages that are published: every folder of packages/ whose manifest is not private. Nothing else lists them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Sorted by folder; `tarball` is the name that `npm pack` gives. */
export const packages = readdirSync(`${root}packages`)
  .sort()
  .map((folder) => ({ folder, directory: `${root}packages/${folder}` }))
  .filter(({ directory }) => existsSync(`${directory}/package.json`))
  .map((each) => ({ ...each, manifest: JSON.parse(readFileSync(`${each.directory}/package.json`, 'utf8')) }))
  .filter(({ manifest }) => manifest.private !== true)
  .map((each) => ({
    ...each,
    tarball: `${each.manifest.name.replace('@', '').replace('/', '-')}-${each.manifest.version}.tgz`,
  }));
