/**
 * Loads the module that makes an app, and the app from it.
 *
 * What exports nothing is not run at all: a module that starts its app itself would do so here.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { App } from '@muster/core';
import { inspectError } from '../errors.ts';
import { type Exports, findApp } from './find-app.ts';
import { settled } from './settled.ts';
import { inTemporaryDirectory } from './temporary-directory.ts';
import { isMusterError, nearPath, placeOf, reasonOf } from './thrown.ts';

/**
 * The app of an entry, unstarted.
 *
 * @param file the absolute path of a module that exists.
 * @param chosen the name of the export to take.
 * @throws MusterError `ENTRY_…`, `EXPORT_…` or `MAKER_FAILED`, or the error of Muster that the entry has thrown.
 */
export async function loadApp(file: string, chosen?: string): Promise<App> {
  // From here on stacks name the sources of compiled modules.
  process.setSourceMapsEnabled(true);
  const entry = nearPath(file);
  const module = /\.([cm]?tsx?|jsx)$/.test(file) ? await loadCompiled(file, entry) : await loadPlain(file, entry);
  const app = await findApp(entry, module, chosen);
  if (app.state === 'new') return app;
  const { state } = app;
  await app.stop('the module that makes an app has started it');
  throw inspectError('ENTRY_STARTED', { entry, state });
}

async function loadPlain(file: string, entry: string): Promise<Exports> {
  if (!/\bexports?\b/.test(readFileSync(file, 'utf8'))) throw inspectError('ENTRY_EMPTY', { entry });
  return load(file, entry);
}

async function loadCompiled(file: string, entry: string): Promise<Exports> {
  const { compile } = await import('./compile.ts');
  return inTemporaryDirectory(file, async (directory) => {
    const outfile = join(directory, `${basename(file)}.mjs`);
    const { code, exportsAnything } = await compile(file, outfile);
    if (!exportsAnything) throw inspectError('ENTRY_EMPTY', { entry });
    writeFileSync(outfile, code);
    return load(outfile, entry);
  });
}

async function load(file: string, entry: string): Promise<Exports> {
  try {
    return await settled(entry, () => import(pathToFileURL(file).href) as Promise<Exports>);
  } catch (error) {
    if (isMusterError(error)) throw error;
    throw inspectError('ENTRY_FAILED', { entry, place: placeOf(error), reason: reasonOf(error) }, error);
  }
}
