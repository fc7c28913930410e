/**
 * The dump of whatever can have one: an entry, a file, a running app.
 *
 * All three are the same document, so what is said of one can be said of all.
 */
import { readFileSync } from 'node:fs';
import { GRAPH_FORMAT, type GraphDump } from '@muster/contracts';
import type { App } from '@muster/core';
import type { Request } from '../commands.ts';
import { inspectError } from '../errors.ts';
import { findFile } from './files.ts';
import { readDump } from './read-dump.ts';

type Options = Pick<Request, 'export' | 'token'> & Partial<Pick<Request, 'cluster'>>;

const isAddress = (source: string): boolean => /^https?:\/\//i.test(source);

/** @throws MusterError of `INSPECT_ERRORS` when there is no dump to be had. */
export async function dumpOf(source: string, options: Options): Promise<GraphDump> {
  if (isAddress(source)) {
    const { dumpOfRunningApp } = await import('./running-app.ts');
    const path = options.cluster === true ? '/muster/cluster.json' : '/muster/graph.json';
    return dumpOfRunningApp(source, path, options.token ?? process.env['MUSTER_TOKEN']);
  }
  const { path, kind } = findFile(source);
  if (kind === 'dump') return readDump(source, readFileSync(path, 'utf8'));
  const { loadApp } = await import('../entry/load-app.ts');
  return planOf(source, await loadApp(path, options.export));
}

/**
 * The graph of an app that has not been started.
 *
 * @throws MusterError `NO_DUMP` when the app was made by a version of Muster whose dumps cannot be read here.
 */
export function planOf(source: string, app: App): GraphDump {
  const dump = app.graph().toJSON();
  const { format } = dump as { readonly format: string };
  if (format === GRAPH_FORMAT) return dump;
  throw inspectError('NO_DUMP', { source, problem: `its app writes ${format}`, path: 'format' });
}

/**
 * The app of an entry, for commands that need one.
 *
 * @throws MusterError `NO_ENTRY` where the source is something else, and what `loadApp` throws.
 */
export async function appOf(command: string, source: string, options: Options): Promise<App> {
  const refuse = (got: string): Error => inspectError('NO_ENTRY', { command: `muster ${command}`, source, got });
  if (isAddress(source)) throw refuse('an address');
  const { path, kind } = findFile(source);
  if (kind === 'dump') throw refuse('a dump');
  const { loadApp } = await import('../entry/load-app.ts');
  return loadApp(path, options.export);
}
