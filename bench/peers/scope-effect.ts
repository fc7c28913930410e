/**
 * Effect: a Layer per class, the singletons built once, the others built into a `Scope` of their own for each user; disposal
 * by finalizers.
 */
import { Context, Effect, Exit, Layer, Scope } from 'effect';
import { type Shape, SCOPED, SINGLETONS, USER } from '../scope/contender.ts';
import { Cache, type Journal, type Root, Transaction, type User } from '../scope/shapes.ts';
import { measure } from '../scope/trial.ts';

type Any = any;

const tags = new Map<Shape | typeof USER, Any>();
for (const shape of [...SINGLETONS, ...SCOPED.map((each) => each.shape)])
  tags.set(shape, Context.Service<object>(shape.name));
tags.set(USER, Context.Service<User>('User'));

const singletons = Layer.mergeAll(
  ...(SINGLETONS.map((shape) => Layer.sync(tags.get(shape), () => new shape())) as [Layer.Layer<Any>]),
);
const shared: Any = await Effect.runPromise(Effect.scoped(Layer.build(singletons)) as Any);

const layers = new Map<Shape, Layer.Layer<Any, never, Any>>();
for (const { shape, needs } of SCOPED) {
  const make = Effect.gen(function* () {
    const given: object[] = [];
    for (const need of needs) given.push(yield* tags.get(need));
    return new shape(...given);
  }) as Any;
  const isDisposable = shape === Transaction || shape === Cache;
  const made = isDisposable
    ? Effect.acquireRelease(make, (each: Any) => Effect.promise(async () => each.dispose()))
    : make;
  const layer = Layer.effect(tags.get(shape))(made) as Layer.Layer<Any, never, Any>;
  const below = needs.map((need) => layers.get(need as Shape)).filter((each) => each !== undefined);
  layers.set(shape, below.length === 0 ? layer : (layer.pipe(Layer.provide(below as Any)) as Any));
}
const root = layers.get(SCOPED.at(-1)?.shape as Shape) as Layer.Layer<Any, never, Any>;
const rootTag = tags.get(SCOPED.at(-1)?.shape as Shape);

await measure({
  userOf: (user) => ({ user }),
  open: async (user: User) => {
    const scope = Scope.makeUnsafe();
    const context: Any = Context.add(shared, tags.get(USER), user);
    const built: Any = await Effect.runPromise(Layer.buildWithScope(root, scope).pipe(Effect.provide(context)) as Any);
    return { scope, root: Context.get(built, rootTag) as Root };
  },
  rootOf: (scope) => scope.root,
  close: ({ scope }) => Effect.runPromise(Scope.close(scope, Exit.void)),
  disposed: () => (Context.get(shared, tags.get(SINGLETONS[2] as Shape)) as Journal).disposed,
});
