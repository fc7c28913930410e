/**
 * Finds the app among the exports of a module: an app that is exported, else a function that makes one.
 *
 * Apps go first, so that nothing is called where nothing has to be called; and what is ambiguous is never guessed.
 */
import type { App } from '@muster/core';
import { inspectError } from '../errors.ts';
import { nearest } from '@muster/core/graph';
import { isMusterError, placeOf, reasonOf } from './thrown.ts';
import { settled } from './settled.ts';

export type Exports = Readonly<Record<string, unknown>>;

/** Names that say that a function makes the app, the best first. */
const MAKERS = ['default', 'app', 'createApp', 'makeApp', 'buildApp'];

/** Functions of these names start something; they are called only when `--export` says so. */
const STARTERS = new Set(['main', 'start', 'run', 'serve', 'bootstrap']);

/** True for an app of any copy of core: it is known by what it can do. */
export function isApp(value: unknown): value is App {
  if (typeof value !== 'object' || value === null) return false;
  const { state, events } = value as { state?: unknown; events?: { on?: unknown } | null };
  const can = (method: string): boolean => typeof (value as Record<string, unknown>)[method] === 'function';
  return typeof state === 'string' && ['graph', 'start', 'stop'].every(can) && typeof events?.on === 'function';
}

/**
 * @param entry as people know it, for errors.
 * @param chosen the only export to look at.
 * @throws MusterError `ENTRY_WITHOUT_APP`, `ENTRY_AMBIGUOUS`, `EXPORT_UNKNOWN`, `EXPORT_NO_APP` or `MAKER_FAILED`.
 */
export async function findApp(entry: string, module: Exports, chosen?: string): Promise<App> {
  const exports = flat(module);
  if (chosen === undefined) return appOf(entry, choose(entry, exports), exports);
  if (Object.hasOwn(exports, chosen)) return appOf(entry, chosen, exports);
  throw inspectError('EXPORT_UNKNOWN', { entry, export: chosen, near: nearest(chosen, Object.keys(exports)) });
}

/** What Node and compilers add to the exports of a CommonJS module. */
const ADDED = new Set(['module.exports', '__esModule']);

/** A CommonJS module is one default export that holds the others. */
function flat(module: Exports): Exports {
  const { default: inner, ...named } = Object.fromEntries(Object.entries(module).filter(([name]) => !ADDED.has(name)));
  if (typeof inner === 'object' && inner !== null && !isApp(inner) && !isPromise(inner))
    return { ...(inner as Exports), ...named };
  return 'default' in module ? { default: inner, ...named } : named;
}

function choose(entry: string, exports: Exports): string {
  const names = Object.keys(exports);
  const apps = distinct(
    names.filter((name) => isApp(exports[name]), exports),
    exports,
  );
  const makers = distinct(
    names.filter((name) => isMaker(exports[name]), exports),
    exports,
  ).filter((name) => !STARTERS.has(name));
  for (const candidates of [apps, makers]) {
    const named = MAKERS.find((name) => candidates.includes(name));
    if (named !== undefined) return named;
    if (candidates.length > 1) throw inspectError('ENTRY_AMBIGUOUS', { entry, candidates });
    if (candidates[0] !== undefined) return candidates[0];
  }
  throw inspectError('ENTRY_WITHOUT_APP', { entry, exports: names });
}

/** One name of each value; the best where it has several. */
function distinct(names: readonly string[], exports: Exports): string[] {
  const rank = (name: string): number => (MAKERS.includes(name) ? MAKERS.indexOf(name) : MAKERS.length);
  const sorted = [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return [...new Map(sorted.reverse().map((name) => [exports[name], name])).values()].reverse();
}

/** Classes are functions that cannot be called. */
function isMaker(value: unknown): boolean {
  return isPromise(value) || (typeof value === 'function' && !/^class\b/.test(Function.prototype.toString.call(value)));
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

async function appOf(entry: string, name: string, exports: Exports): Promise<App> {
  const value = exports[name];
  if (isApp(value)) return value;
  if (!isMaker(value)) throw inspectError('EXPORT_NO_APP', { entry, export: name, got: nounOf(value) });
  const made = await make(entry, name, value as MakerOrPromise);
  if (isApp(made)) return made;
  const got = isPromise(value) ? `a promise of ${nounOf(made)}` : `a function that returns ${nounOf(made)}`;
  throw inspectError('EXPORT_NO_APP', { entry, export: name, got });
}

type MakerOrPromise = (() => unknown) | Promise<unknown>;

async function make(entry: string, name: string, maker: MakerOrPromise): Promise<unknown> {
  try {
    return await settled(`${name} of ${entry}`, () => (typeof maker === 'function' ? maker() : maker));
  } catch (error) {
    if (isMusterError(error)) throw error;
    throw inspectError('MAKER_FAILED', { entry, export: name, place: placeOf(error), reason: reasonOf(error) }, error);
  }
}

function nounOf(value: unknown): string {
  if (value === undefined || value === null) return value === null ? 'null' : 'nothing';
  if (typeof value === 'function') return isMaker(value) ? 'a function' : `the class ${value.name}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  const { name } = (value as { constructor?: { name?: string } }).constructor ?? {};
  return name === undefined || name === 'Object' ? 'an object' : `an instance of ${name}`;
}
