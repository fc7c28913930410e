/**
 * Effect: one Layer per service, provided with the Layers of what it needs and memoised by Effect itself.
 */
import { Context, Effect, Layer, ManagedRuntime } from 'effect';
import type { Boot, Start } from '../boot/contender.ts';
import type { Needs } from '../boot/shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const tags = needs.map((_, service) => Context.Service<{ readonly service: number }>(`S${service}`));
  const made: Layer.Layer<any>[] = [];
  needs.forEach((list, service) => {
    const layer = Layer.effect(tags[service] as any)(
      Effect.gen(function* () {
        for (const need of list) yield* tags[need] as any;
        yield* run(start, service);
        return { service };
      }) as any,
    );
    const below = list.map((need) => made[need] as Layer.Layer<any>);
    made.push(below.length === 0 ? layer : (layer.pipe(Layer.provide(below as any)) as any));
  });
  const all = Layer.mergeAll(...(made as [Layer.Layer<any>]));
  return async () => {
    await ManagedRuntime.make(all).context();
  };
}

function run(start: Start, service: number): Effect.Effect<void> {
  return Effect.suspend(() => {
    const running = start(service);
    return running === undefined ? Effect.void : Effect.promise(() => running);
  });
}
