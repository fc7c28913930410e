/**
 * `@factory`: a class behind the gate, of which there is nothing before the gate is opening.
 *
 * What serves connections or runs is made from one. It is had with a permit only: `dependsOn: [gated(Engines)]` injects a
 * `Gated<Engines>`, and other factories may name it plainly.
 */
import { callSite, declareClass } from './declaration.ts';
import type { Class, DependencyEntry } from './dependency.ts';
import type { Fits } from './fits.ts';

export interface FactoryOptions {
  readonly tags?: readonly string[];
  readonly prepare?: {
    /** Time for `prepare()`, and as much again for `adopt()`, in milliseconds. @default 15_000 */
    readonly timeoutMs?: number;
    /**
     * Of instances on a shared store one calls `prepare()`, and all adopt what it returned, which is JSON; those that have
     * configured it otherwise prepare their own. With `instance` each calls it, for what cannot be shared. @default 'cluster'
     */
    readonly scope?: 'cluster' | 'instance';
  };
}

/**
 * Declares a factory; it may have the methods of `Factory`.
 *
 * @param options `dependsOn`: the constructor's arguments in order, checked by the compiler.
 */
export function factory<const D extends readonly DependencyEntry[] = []>(
  options: FactoryOptions & { readonly dependsOn?: D } = {},
): <C extends Class>(target: C, context?: ClassDecoratorContext) => Fits<ConstructorParameters<C>, D> {
  const declaredAt = callSite(factory);
  return (target) => {
    const { dependsOn = [], ...rest } = options;
    declareFactory(target, rest, undefined, dependsOn, declaredAt);
    return undefined as never;
  };
}

/** As `declareClass`, for authors of decorators of what stands behind the gate. */
export function declareFactory(
  target: Class,
  { prepare, tags }: FactoryOptions,
  tag: unknown,
  dependsOn: readonly DependencyEntry[],
  declaredAt: () => string | undefined,
): void {
  const { timeoutMs, scope = 'cluster' } = prepare ?? {};
  const options = {
    ...(tags === undefined ? {} : { tags }),
    ...(timeoutMs === undefined ? {} : { start: { timeoutMs } }),
  };
  declareClass(target, { kind: 'factory', options, tag, preparedIn: scope }, dependsOn, declaredAt);
}
