/**
 * What an app is made of: the entries of `createApp({ services })`.
 */
import { callSite } from './declaration.ts';
import type { Class, Dependency, Provided, Token } from './dependency.ts';
import type { Factory } from './factory-contract.ts';
import type { HookContext } from './service-contract.ts';

/** What is done with an instance before anybody depends on it. */
export type ReadyHook = (instance: never, ctx: HookContext) => void | Promise<void>;

/** A class for a token, a ready value for a dependency, a hook on one, or the configuration of a factory. */
export type Registration =
  | { readonly provides: Dependency; readonly by: { readonly class: Class } | { readonly value: unknown } }
  | { readonly ready: Dependency; readonly hook: ReadyHook }
  | { readonly configures: Dependency; readonly config: unknown; readonly declaredAt: () => string | undefined };

/** Registers `implementation` as the provider of `token`; it may also be asked for by its class. */
export function provide<T>(token: Token<T>, implementation: Class<T & object>): Registration {
  return { provides: token, by: { class: implementation } };
}

/** Registers a value that exists already; it has no lifecycle. */
export function provideValue<D extends Dependency>(dependency: D, value: Provided<D>): Registration {
  return { provides: dependency, by: { value } };
}

/**
 * Registers what has to be done with a service once it is healthy and before anything that depends on it starts: seed,
 * migrate, warm up. Several hooks of one service run in the order of their registration, after each successful start.
 *
 * A throw fails the attempt, and the hook's time is part of the attempt's.
 */
export function onReady<D extends Dependency>(
  dependency: D,
  hook: (instance: Provided<D>, ctx: HookContext) => void | Promise<void>,
): Registration {
  return { ready: dependency, hook: hook as ReadyHook };
}

/** What the `prepare()` of a factory is given as `ctx.config`. */
export type ConfigOf<F> = F extends Factory<any, infer Config> ? Config : never;

/**
 * Registers the configuration of a factory. A factory has one: a second is an error of the graph that names both places,
 * because which of them would win depended on the order of things.
 */
export function configure<F extends object>(factory: Class<F>, config: ConfigOf<F>): Registration {
  return { configures: factory, config, declaredAt: callSite(configure) };
}
