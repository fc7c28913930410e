/**
 * Muster: a scope of kind run, inside the scope of its user, with handle, undo, awaited disposal and the list of what is open.
 */
import { createApp, CurrentPrincipal, principalOf, scoped, Scopes, service } from '@muster/core';
import { SCOPED, SINGLETONS, USER } from './contender.ts';
import { Journal, Root } from './shapes.ts';
import { measure } from './trial.ts';

for (const singleton of SINGLETONS) service()(singleton);
for (const { shape, needs } of SCOPED)
  scoped('run', { dependsOn: needs.map((need) => (need === USER ? CurrentPrincipal : need)) as never })(shape);

@service({ dependsOn: [Scopes] })
class Opener {
  constructor(readonly scopes: Scopes) {}
}

const app = createApp({ services: [...SINGLETONS, ...SCOPED.map(({ shape }) => shape), Opener] });
await app.start();
const { scopes } = app.get(Opener);
const permit = await app.gate.enter();
const { signal } = new AbortController();
const run = { run: 'r', thread: 't' };

await measure({
  userOf: principalOf,
  open(principal) {
    const scope = scopes.open('run', { permit, principal, run, signal });
    scope.get(Root);
    return scope;
  },
  rootOf: (scope) => scope.get(Root),
  close: (scope) => scope.close(),
  disposed: () => app.get(Journal).disposed,
});
await app.stop();
