/** Inversify, a child container per scope, in which the scoped classes are bound; disposal by deactivation. */
import 'reflect-metadata/lite';
import { Container, inject, injectable } from 'inversify';
import { SCOPED, SINGLETONS, USER } from '../scope/contender.ts';
import { Cache, Journal, Root, Transaction, type User } from '../scope/shapes.ts';
import { measure } from '../scope/trial.ts';

const parent = new Container();
for (const singleton of SINGLETONS) {
  injectable()(singleton);
  parent.bind(singleton).toSelf().inSingletonScope();
}
for (const { shape, needs } of SCOPED) {
  injectable()(shape);
  needs.forEach((need, at) => inject(need)(shape, undefined, at));
}

await measure({
  userOf: (user) => ({ user }),
  open: (user: User) => {
    const child = new Container({ parent });
    child.bind(USER).toConstantValue(user);
    for (const { shape } of SCOPED) child.bind(shape).toSelf().inSingletonScope();
    child.onDeactivation(Transaction, (transaction) => transaction.dispose());
    child.onDeactivation(Cache, (cache) => cache.dispose());
    child.get(Root);
    return child;
  },
  rootOf: (child) => child.get(Root),
  close: (child) => child.unbindAllAsync(),
  disposed: () => parent.get(Journal).disposed,
});
