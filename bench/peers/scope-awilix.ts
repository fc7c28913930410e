/** awilix, scopes with scoped classes in its faster mode, which reads the names of parameters; disposal by disposers. */
import { asClass, asValue, createContainer, InjectionMode } from 'awilix';
import { nameOf, SCOPED, SINGLETONS } from '../scope/contender.ts';
import { Cache, type Journal, type Root, Transaction, type User } from '../scope/shapes.ts';
import { measure } from '../scope/trial.ts';

const container = createContainer({ injectionMode: InjectionMode.CLASSIC });
for (const singleton of SINGLETONS) container.register(nameOf(singleton).toLowerCase(), asClass(singleton).singleton());
for (const { shape } of SCOPED) container.register(nameOf(shape).toLowerCase(), asClass(shape).scoped());
container.register(
  'transaction',
  asClass(Transaction)
    .scoped()
    .disposer((each) => each.dispose()),
);
container.register(
  'cache',
  asClass(Cache)
    .scoped()
    .disposer((each) => each.dispose()),
);

await measure({
  userOf: (user) => ({ user }),
  open: (user: User) => {
    const scope = container.createScope();
    scope.register('user', asValue(user));
    scope.resolve('root');
    return scope;
  },
  rootOf: (scope) => scope.resolve<Root>('root'),
  close: (scope) => scope.dispose(),
  disposed: () => container.resolve<Journal>('journal').disposed,
});
