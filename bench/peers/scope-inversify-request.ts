/**
 * Inversify, classes in request scope: one instance of each per `get`. The user comes from a variable, because a request
 * has no value of its own. Nothing is disposed of.
 */
import 'reflect-metadata/lite';
import { Container, inject, injectable } from 'inversify';
import { SCOPED, SINGLETONS, USER } from '../scope/contender.ts';
import { Root, type User } from '../scope/shapes.ts';
import { measure } from '../scope/trial.ts';

let current: User | undefined;
const container = new Container();
for (const singleton of SINGLETONS) {
  injectable()(singleton);
  container.bind(singleton).toSelf().inSingletonScope();
}
for (const { shape, needs } of SCOPED) {
  injectable()(shape);
  needs.forEach((need, at) => inject(need)(shape, undefined, at));
  container.bind(shape).toSelf().inRequestScope();
}
container.bind(USER).toDynamicValue(() => current);

await measure({
  userOf: (user) => ({ user }),
  open: (user: User) => {
    current = user;
    return container.get(Root);
  },
  rootOf: (root) => root,
});
