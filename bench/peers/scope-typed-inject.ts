/** typed-inject, a child injector per scope, and one more in it for each class; it disposes of what has `dispose()`. */
import { createInjector } from 'typed-inject';
import { nameOf, type Shape, SCOPED, SINGLETONS } from '../scope/contender.ts';
import type { Journal, Root, User } from '../scope/shapes.ts';
import { measure } from '../scope/trial.ts';

/** Its types grow with each class; a list of classes has none. */
interface Injector {
  provideClass(token: string, shape: Shape): Injector;
  provideValue(token: string, value: unknown): Injector;
  createChildInjector(): Injector;
  resolve(token: string): unknown;
  dispose(): Promise<void>;
}

for (const { shape, needs } of SCOPED) Object.assign(shape, { inject: needs.map(nameOf) });
const shared = SINGLETONS.reduce(
  (injector, singleton) => injector.provideClass(nameOf(singleton), singleton),
  createInjector() as unknown as Injector,
);

await measure({
  userOf: (user) => ({ user }),
  open: (user: User) => {
    const scope = shared.createChildInjector();
    const inner = SCOPED.reduce(
      (injector, { shape }) => injector.provideClass(nameOf(shape), shape),
      scope.provideValue('user', user),
    );
    return { scope, root: inner.resolve('Root') as Root };
  },
  rootOf: ({ root }) => root,
  close: ({ scope }) => scope.dispose(),
  disposed: () => (shared.resolve('Journal') as Journal).disposed,
});
