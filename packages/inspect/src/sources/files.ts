/** Finds the file that an argument names, or says which were near. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { inspectError } from '../errors.ts';
import { nearest } from '@muster/core/graph';

const MODULE = /\.([cm]?[jt]s|[jt]sx)$/;

/** What a file is for, by its ending. */
export type FileKind = 'entry' | 'dump';

/**
 * The absolute path of a file that exists, and its kind.
 *
 * @throws MusterError `FILE_MISSING` with near names, or `FILE_UNREADABLE`.
 */
export function findFile(name: string): { readonly path: string; readonly kind: FileKind } {
  const path = resolve(name);
  if (!existsSync(path)) throw inspectError('FILE_MISSING', { file: name, near: nearFiles(name) });
  const refuse = (reason: string): Error => inspectError('FILE_UNREADABLE', { file: name, reason });
  if (statSync(path).isDirectory()) throw refuse('it is a directory');
  if (path.endsWith('.json')) return { path, kind: 'dump' };
  if (MODULE.test(path)) return { path, kind: 'entry' };
  throw refuse(`its ending is that of neither a module nor a dump`);
}

/** Files that are called alike; for what looks like an address, the address as it should have been written. */
function nearFiles(name: string): string[] {
  const host = /^(?:wss?:\/\/)?([\w.-]+:\d+)(?:\/.*)?$/.exec(name)?.[1];
  if (host !== undefined) return [`http://${host}`];
  const directory = dirname(name);
  if (!existsSync(directory) || !statSync(directory).isDirectory()) return [];
  const known = readdirSync(directory).filter((file) => MODULE.test(file) || file.endsWith('.json'));
  return nearest(basename(name), known).map((file) => join(directory, file));
}
