/** Nest, providers in request scope, resolved for a context id that the user is registered for. Nothing is disposed of. */
import 'reflect-metadata';
import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, NestFactory, REQUEST } from '@nestjs/core';
import { SCOPED, SINGLETONS, USER } from '../scope/contender.ts';
import { Root, type User } from '../scope/shapes.ts';
import { measure } from '../scope/trial.ts';

for (const singleton of SINGLETONS) Injectable()(singleton);
for (const { shape, needs } of SCOPED) {
  needs.forEach((need, at) => Inject(need === USER ? REQUEST : need)(shape, undefined, at));
  Injectable({ scope: Scope.REQUEST })(shape);
}
class All {}
Module({ providers: [...SINGLETONS, ...SCOPED.map(({ shape }) => shape)] })(All);
const app = await NestFactory.createApplicationContext(All, { logger: false });
const modules = app.get(ModuleRef);

await measure({
  userOf: (user) => ({ user }),
  open: (user: User) => {
    const id = ContextIdFactory.create();
    modules.registerRequestByContextId(user, id);
    return modules.resolve(Root, id, { strict: false });
  },
  rootOf: (root) => root,
});
await app.close();
