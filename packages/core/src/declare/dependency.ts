/**
 * What a class can depend on: another class, or a token that stands for an interface; plain, or with terms of its own.
 *
 * Classes and tokens are Inversify service identifiers as they are, so `container.get(Token)` works and is typed.
 */
import { type EdgeTerms, GATED, type Need, type OnLoss, OPTIONAL, PLAIN, type Until } from './edge.ts';
import type { Gated } from './factory-contract.ts';

/** A class that can be built. */
export type Class<T = object> = new (...args: any[]) => T;

declare const provided: unique symbol;

/** Stands for an interface `T`, which does not exist at run time. */
export type Token<T> = symbol & { readonly [provided]: T };

/** A class or a token. */
export type Dependency<T = any> = (abstract new (...args: any[]) => T) | Token<T>;

/** A dependency with terms; what is not said is as in a plain entry. */
export interface DependencyTerms<D extends Dependency = Dependency> {
  readonly on: D;
  /** How far it must have come before this service starts. @default 'healthy', and 'completed' for a task */
  readonly until?: Until;
  /** `optional` injects a `Ref`. @default 'required' */
  readonly need?: Need;
  /** What its loss after the start means. @default 'gate', and 'degrade' where it is optional */
  readonly onLoss?: OnLoss;
}

/** A factory that is wanted in front of its gate. */
export interface GatedEntry<D extends Dependency = Dependency> {
  readonly on: D;
  readonly behind: 'gate';
}

/** Anything that can stand in `dependsOn`. */
export type DependencyEntry = Dependency | DependencyTerms | GatedEntry;

/** An optional dependency: it may be down, now or later. */
export interface Ref<T> {
  /** The instance while it is up and healthy, else `undefined`. Look at it each time; do not keep what you saw. */
  readonly current: T | undefined;
}

/** What an entry is injected as. */
export type Provided<D> = D extends { readonly on: infer On; readonly need: 'optional' }
  ? Ref<Provided<On>>
  : D extends { readonly on: infer On; readonly behind: 'gate' }
    ? Gated<Provided<On>>
    : D extends { readonly on: infer On }
      ? Provided<On>
      : D extends Token<infer T>
        ? T
        : D extends abstract new (...args: any[]) => infer T
          ? T
          : never;

/**
 * An optional dependency: the service is injected a `Ref`, is not held up by it after its first failed attempt, and is
 * degraded while it is down. Nobody has to provide it.
 */
export function optional<D extends Dependency>(dependency: D): { readonly on: D; readonly need: 'optional' } {
  return { on: dependency, need: 'optional' };
}

/** A factory behind the gate, for what stands in front of it: injects a `Gated`, which gives it out for a permit. */
export function gated<D extends Dependency>(factory: D): GatedEntry<D> {
  return { on: factory, behind: 'gate' };
}

const demands = new WeakMap<symbol, readonly string[]>();

/**
 * Makes a token for an interface.
 *
 * Two calls give two tokens, also under one name: keep the token beside the interface and import it.
 *
 * @param name shown in the graph and in errors; the interface's own name.
 * @param contract `methods`: what a provider must have; one that lacks a method is an error of the graph, not of a user.
 */
export function token<T>(name: string, contract: { readonly methods?: readonly (keyof T & string)[] } = {}): Token<T> {
  const made = Symbol(name) as Token<T>;
  if (contract.methods !== undefined && contract.methods.length > 0) demands.set(made, contract.methods);
  return made;
}

/** The methods that a token demands; none for a class. */
export function methodsOf(dependency: unknown): readonly string[] {
  return demands.get(dependency as symbol) ?? [];
}

/** The name that a dependency has in graphs and errors. */
export function nameOf(dependency: unknown): string {
  const target = refTarget(dependency) ?? gateTarget(dependency);
  if (target !== undefined) return nameOf(target);
  if (typeof dependency === 'symbol') return dependency.description ?? 'unnamed token';
  if (typeof dependency === 'function') return dependency.name === '' ? 'unnamed class' : dependency.name;
  return String(dependency);
}

/** The class or token of an entry. */
export function dependencyOf(entry: DependencyEntry): Dependency {
  return hasTerms(entry) ? entry.on : entry;
}

/** The terms of an entry of `dependsOn`. */
export function termsOf(entry: DependencyEntry): EdgeTerms {
  if (!hasTerms(entry)) return PLAIN;
  if ('behind' in entry) return GATED;
  const { until, need, onLoss } = entry;
  const base = need === 'optional' ? OPTIONAL : PLAIN;
  return { kind: 'needs', until: until ?? base.until, need: base.need, onLoss: onLoss ?? base.onLoss };
}

function hasTerms(entry: DependencyEntry): entry is DependencyTerms | GatedEntry {
  return typeof entry === 'object' && entry !== null;
}

/** Keys that stand for another dependency: one for each. */
class StandIns {
  readonly #prefix: string;
  readonly #keys = new WeakMap<Dependency, symbol>();
  readonly #targets = new WeakMap<WeakKey, Dependency>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  key(dependency: Dependency): symbol {
    const known = this.#keys.get(dependency);
    if (known !== undefined) return known;
    const key = Symbol(`${this.#prefix} ${nameOf(dependency)}`);
    this.#keys.set(dependency, key);
    this.#targets.set(key, dependency);
    return key;
  }

  target(key: unknown): Dependency | undefined {
    return this.#targets.get(key as WeakKey);
  }
}

const refs = new StandIns('optional');
const gates = new StandIns('gated');

/** Under which the `Ref` of an optional dependency is bound. */
export function refKey(dependency: Dependency): symbol {
  return refs.key(dependency);
}

/** What a key made by `refKey` leads to; `undefined` for any other key. */
export function refTarget(key: unknown): Dependency | undefined {
  return refs.target(key);
}

/** Under which the `Gated` of a factory is bound. */
export function gateKey(factory: Dependency): symbol {
  return gates.key(factory);
}

/** What a key made by `gateKey` leads to; `undefined` for any other key. */
export function gateTarget(key: unknown): Dependency | undefined {
  return gates.target(key);
}
