/**
 * Values that a scope is opened with: tokens that have a value in scopes of certain kinds, and nowhere else.
 */
import { type Token, token } from './dependency.ts';
import type { ScopeKind } from './scope-kind.ts';

declare const kinds: unique symbol;

/** A token whose value is given when a scope of one of the kinds `K` is opened. */
export type ScopeValue<T, K extends ScopeKind = ScopeKind> = Token<T> & { readonly [kinds]: K };

/** A value of somebody's own. A scope of a user has none: it is opened by whatever of theirs comes first. */
type OwnKind = Exclude<ScopeKind, 'user'>;

const declared = new WeakMap<symbol, readonly ScopeKind[]>();

/**
 * Makes a token for a value that scopes of these kinds are opened with; whoever opens one passes `withValue(token, value)`.
 *
 * @param name shown in errors; the interface's own name.
 */
export function scopeValue<T>(name: string, kind: 'run'): ScopeValue<T, 'run'>;
export function scopeValue<T>(name: string, kind: 'connection'): ScopeValue<T, 'connection'>;
export function scopeValue<T>(name: string, ...in_: readonly [OwnKind, ...OwnKind[]]): ScopeValue<T, OwnKind>;
export function scopeValue<T>(name: string, ...in_: readonly OwnKind[]): ScopeValue<T> {
  return declareValue(name, in_);
}

/** As `scopeValue`, for what every scope has. */
export function declareValue<T, K extends ScopeKind>(name: string, in_: readonly K[]): ScopeValue<T, K> {
  const made = token<T>(name) as ScopeValue<T, K>;
  declared.set(made, in_);
  return made;
}

/** The kinds of scopes in which it has a value; `undefined` for what is no scope value. */
export function valueKindsOf(dependency: unknown): readonly ScopeKind[] | undefined {
  return declared.get(dependency as symbol);
}

/** A value for one scope. */
export interface Given<K extends ScopeKind = never> {
  readonly token: ScopeValue<unknown>;
  readonly value: unknown;
  /** Never there: a value of two kinds fits either. */
  readonly fits?: (kind: K) => void;
}

/** A value to open a scope with. */
export function withValue<T, K extends ScopeKind>(token: ScopeValue<T, K>, value: T): Given<K> {
  return { token, value };
}

/** The entries of `D` that have no value in scopes of kind `K`. */
export type Outside<K extends ScopeKind, D extends readonly unknown[]> = D[number] extends infer Entry
  ? Entry extends { readonly [kinds]: infer In }
    ? K extends In
      ? never
      : Entry
    : never
  : never;
