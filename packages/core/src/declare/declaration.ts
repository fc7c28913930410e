/**
 * What Muster knows of a class beyond Inversify's own metadata: its kind, its options and where it was declared.
 *
 * Dependencies are written to Inversify's metadata and nowhere else, so the two can never disagree.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import 'reflect-metadata/lite';
import { inject, injectable } from 'inversify';
import { coreError } from '../errors.ts';
import { type EdgeTerms, GATED } from './edge.ts';
import { type Class, dependencyOf, type DependencyEntry, gateKey, nameOf, refKey, termsOf } from './dependency.ts';
import type { ScopeKind } from './scope-kind.ts';
import type { ServiceOptions } from './service-contract.ts';

/**
 * - `service`: one instance, started and stopped by the engine.
 * - `task`: one instance, whose start ends by itself and is over then.
 * - `factory`: one instance, resolved when the gate is opening, never before.
 * - `scoped`: one instance per scope; a scope is opened with a permit only.
 */
export type Kind = 'service' | 'task' | 'factory' | 'scoped';

/** What a decorator says of a class. */
export interface Declaration {
  readonly kind: Kind;
  /** In scopes of which kind a scoped class has instances; `undefined` for any other class. */
  readonly scope?: ScopeKind | undefined;
  readonly options: ServiceOptions;
  /** Of a factory: who has its `prepare()` called, one for all instances or each for itself. */
  readonly preparedIn?: 'cluster' | 'instance';
  /** What the declaring package adds: the path of a WebSocket factory, the name of an agent. */
  readonly tag: unknown;
  /** The terms of its constructor's arguments, in order; which dependencies they are stands in Inversify's metadata. */
  readonly terms: readonly EdgeTerms[];
  /** `file:line` of the decorator, computed when asked for. */
  readonly declaredAt: () => string | undefined;
}

/** What a decorator passes on: a scoped class says in which scopes it lives. */
export type Declaring = Omit<Declaration, 'declaredAt' | 'terms' | 'kind' | 'scope'> &
  ({ readonly kind: 'scoped'; readonly scope: ScopeKind } | { readonly kind: Exclude<Kind, 'scoped'> });

const declarations = new WeakMap<Class, Declaration>();

/** What was declared of this class; `undefined` for one without a Muster decorator. */
export function declarationOf(target: Class): Declaration | undefined {
  return declarations.get(target);
}

/** What the declaring decorator added. */
export function tagOf(target: unknown): unknown {
  return declarationOf(target as Class)?.tag;
}

/** Found on every class that any copy of this package has declared. */
const DECLARED = Symbol.for('muster.declared');

/** True of a class that another copy of this package has declared: what was said of it is not known here. */
export function isDeclaredElsewhere(target: unknown): boolean {
  return typeof target === 'function' && !declarations.has(target as Class) && Object.hasOwn(target, DECLARED);
}

/**
 * Declares a class: writes its dependencies as Inversify metadata and keeps the rest.
 *
 * For authors of decorators; applications use `@service` and its like.
 *
 * @param caller the decorator function; the frame that called it is where the class was declared.
 * @throws MusterError `DECLARED_TWICE` when the class has a decorator of Muster's already.
 * @throws MusterError `DEPENDENCY_UNDEFINED` when an entry of `dependsOn` is `undefined`, which an import cycle causes.
 */
export function declareClass(
  target: Class,
  declaration: Declaring,
  dependsOn: readonly DependencyEntry[],
  declaredAt: () => string | undefined,
): void {
  const before = declarations.get(target);
  if (before !== undefined) {
    const sites = [before.declaredAt() ?? null, declaredAt() ?? null] as const;
    throw coreError('DECLARED_TWICE', { class: nameOf(target), kinds: [before.kind, declaration.kind], sites });
  }
  const { after = [] } = declaration.options;
  [...dependsOn.map((entry) => entry && dependencyOf(entry)), ...after].forEach((dependency, index) => {
    if (dependency !== undefined) return;
    const list = index < dependsOn.length ? 'dependsOn' : 'after';
    const place = index < dependsOn.length ? index : index - dependsOn.length;
    throw coreError('DEPENDENCY_UNDEFINED', {
      service: nameOf(target),
      list,
      index: place,
      declaredAt: declaredAt() ?? null,
    });
  });
  const terms = dependsOn.map(termsOf);
  dependsOn.forEach((entry, index) => {
    const dependency = dependencyOf(entry);
    const own = terms[index];
    const key = own === GATED ? gateKey(dependency) : own?.need === 'optional' ? refKey(dependency) : dependency;
    inject(key as Class)(target, undefined, index);
  });
  injectable()(target);
  Object.defineProperty(target, DECLARED, { value: true });
  declarations.set(target, { ...declaration, terms, declaredAt });
}

/**
 * Remembers the frame that called `caller`; the stack is turned into text only when somebody asks.
 * The path is relative to the working directory where the file lies below it.
 *
 * Must be called while the decorator's arguments are evaluated, since that frame is the class's own file.
 */
export function callSite(caller: (...args: never[]) => unknown): () => string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, caller);
  Error.stackTraceLimit = limit;
  // A dump asks for every node and every edge, and who watches an app makes one after another.
  let site: { readonly text: string | undefined } | undefined;
  return () => {
    site ??= { text: siteIn(holder.stack) };
    return site.text;
  };
}

function siteIn(stack: string | undefined): string | undefined {
  const frame = stack?.split('\n').find((line) => line.trimStart().startsWith('at '));
  const place = frame?.match(/(?:^\s*at (?:async )?|\()((?:file:\/\/)?[^()]+):(\d+):\d+\)?$/);
  if (!place) return undefined;
  const file = (place[1] as string).startsWith('file:') ? fileURLToPath(place[1] as string) : (place[1] as string);
  const near = relative(process.cwd(), file);
  return `${near.startsWith('..') ? file : near}:${place[2]}`;
}
