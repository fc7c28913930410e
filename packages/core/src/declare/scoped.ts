/**
 * `@scoped`: classes of which there is one instance per run, per connection or per user.
 */
import { callSite, declareClass } from './declaration.ts';
import type { Class, DependencyEntry } from './dependency.ts';
import type { Fits, Mismatch } from './fits.ts';
import type { ScopeKind } from './scope-kind.ts';
import type { Outside } from './scope-value.ts';

/** What fits into a constructor and exists in scopes of the kind. */
type FitsScope<K extends ScopeKind, P extends readonly unknown[], D extends readonly DependencyEntry[]> = [
  Outside<K, D>,
] extends [never]
  ? Fits<P, D>
  : Mismatch<`dependsOn: a value that scopes of kind ${K} do not have`, K, Outside<K, D>>;

/**
 * Declares a class of which there is one instance in each scope of its kind, made when it is first asked for.
 *
 * An instance that has `[Symbol.asyncDispose]`, `[Symbol.dispose]` or `dispose` is disposed of when its scope is closed.
 *
 * @param options `dependsOn`: the constructor's arguments in order, checked by the compiler: singletons, scoped classes
 * of the same kind or of `user`, and scope values.
 */
export function scoped<const K extends ScopeKind, const D extends readonly DependencyEntry[] = []>(
  kind: K,
  options: { readonly dependsOn?: D } = {},
): <C extends Class>(target: C, context?: ClassDecoratorContext) => FitsScope<K, ConstructorParameters<C>, D> {
  const declaredAt = callSite(scoped);
  return (target) => {
    const { dependsOn = [] } = options;
    declareClass(target, { kind: 'scoped', scope: kind, options: {}, tag: undefined }, dependsOn, declaredAt);
    return undefined as never;
  };
}
