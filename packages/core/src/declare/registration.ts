/**
 * What an app is made of: the entries of `createApp({ services })`.
 */
import type { Class, Dependency, Provided, Token } from './dependency.ts';

/** A class for a token, or a ready value for a dependency. */
export interface Registration {
  readonly provides: Dependency;
  readonly by: { readonly class: Class } | { readonly value: unknown };
}

/** Registers `implementation` as the provider of `token`; it may also be asked for by its class. */
export function provide<T>(token: Token<T>, implementation: Class<T & object>): Registration {
  return { provides: token, by: { class: implementation } };
}

/** Registers a value that exists already; it has no lifecycle. */
export function provideValue<D extends Dependency>(dependency: D, value: Provided<D>): Registration {
  return { provides: dependency, by: { value } };
}
