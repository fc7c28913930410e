/** tsyringe, a child container per scope with classes that are container-scoped; it disposes of what has `dispose()`. */
import 'reflect-metadata';
import { container, inject, injectable, Lifecycle } from 'tsyringe';
import { SCOPED, SINGLETONS, USER } from '../scope/contender.ts';
import { Journal, Root, type User } from '../scope/shapes.ts';
import { measure } from '../scope/trial.ts';

for (const singleton of SINGLETONS) {
  injectable()(singleton);
  container.registerSingleton(singleton as never);
}
for (const { shape, needs } of SCOPED) {
  needs.forEach((need, at) => inject(need as never)(shape, undefined, at));
  injectable()(shape);
  container.register(shape as never, { useClass: shape as never }, { lifecycle: Lifecycle.ContainerScoped });
}

await measure({
  userOf: (user) => ({ user }),
  open: (user: User) => {
    const child = container.createChildContainer();
    child.register(USER, { useValue: user });
    child.resolve(Root);
    return child;
  },
  rootOf: (child) => child.resolve(Root),
  close: (child) => child.dispose(),
  disposed: () => container.resolve(Journal).disposed,
});
