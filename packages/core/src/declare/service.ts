/**
 * `@service`: a class that the engine starts, watches and stops.
 *
 * A constructor does no I/O; everything asynchronous happens in `start()`.
 */
import { callSite, declareClass } from './declaration.ts';
import type { Class, Dependency } from './dependency.ts';
import type { Fits } from './fits.ts';
import type { ServiceOptions } from './service-contract.ts';

/**
 * Declares a service.
 *
 * @param options `dependsOn`: the constructor's arguments in order, checked by the compiler.
 */
export function service<const D extends readonly Dependency[] = []>(
  options: ServiceOptions & { readonly dependsOn?: D } = {},
): <C extends Class>(target: C, context?: ClassDecoratorContext) => Fits<ConstructorParameters<C>, D> {
  const declaredAt = callSite(service);
  return (target) => {
    const { dependsOn = [], ...rest } = options;
    declareClass(target, { kind: 'service', options: rest, tag: undefined }, dependsOn, declaredAt);
    return undefined as never;
  };
}
