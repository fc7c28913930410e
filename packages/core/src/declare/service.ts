/**
 * `@service` and `@task`: classes that the engine starts, watches and stops.
 *
 * A constructor does no I/O; everything asynchronous happens in `start()`.
 */
import { callSite, declareClass } from './declaration.ts';
import type { Class, DependencyEntry } from './dependency.ts';
import type { Fits } from './fits.ts';
import type { ServiceOptions, Task, TaskOptions } from './service-contract.ts';

/**
 * Declares a service.
 *
 * @param options `dependsOn`: the constructor's arguments in order, checked by the compiler.
 */
export function service<const D extends readonly DependencyEntry[] = []>(
  options: ServiceOptions & { readonly dependsOn?: D } = {},
): <C extends Class>(target: C, context?: ClassDecoratorContext) => Fits<ConstructorParameters<C>, D> {
  const declaredAt = callSite(service);
  return (target) => {
    const { dependsOn = [], ...rest } = options;
    declareClass(target, { kind: 'service', options: rest, tag: undefined }, dependsOn, declaredAt);
    return undefined as never;
  };
}

/**
 * Declares a task: a migration, a seed. Who depends on it starts when it has completed.
 *
 * @param options `dependsOn`: the constructor's arguments in order, checked by the compiler.
 */
export function task<const D extends readonly DependencyEntry[] = []>(
  options: TaskOptions & { readonly dependsOn?: D } = {},
): <C extends Class<Task>>(target: C, context?: ClassDecoratorContext) => Fits<ConstructorParameters<C>, D> {
  const declaredAt = callSite(task);
  return (target) => {
    const { dependsOn = [], ...rest } = options;
    declareClass(target, { kind: 'task', options: rest, tag: undefined }, dependsOn, declaredAt);
    return undefined as never;
  };
}
