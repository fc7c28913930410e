/**
 * What a class can depend on: another class, or a token that stands for an interface.
 *
 * Both are Inversify service identifiers as they are, so `container.get(Token)` works and is typed.
 */

/** A class that can be built. */
export type Class<T = object> = new (...args: any[]) => T;

declare const provided: unique symbol;

/** Stands for an interface `T`, which does not exist at run time. */
export type Token<T> = symbol & { readonly [provided]: T };

/** Anything that can stand in `dependsOn`. */
export type Dependency<T = any> = (abstract new (...args: any[]) => T) | Token<T>;

/** What a dependency is injected as. */
export type Provided<D> = D extends Token<infer T> ? T : D extends abstract new (...args: any[]) => infer T ? T : never;

/**
 * Makes a token for an interface.
 *
 * Two calls give two tokens, also under one name: keep the token beside the interface and import it.
 *
 * @param name shown in the graph and in errors; the interface's own name.
 */
export function token<T>(name: string): Token<T> {
  return Symbol(name) as Token<T>;
}

/** The name that a dependency has in graphs and errors. */
export function nameOf(dependency: unknown): string {
  if (typeof dependency === 'symbol') return dependency.description ?? 'unnamed token';
  if (typeof dependency === 'function') return dependency.name === '' ? 'unnamed class' : dependency.name;
  return String(dependency);
}
