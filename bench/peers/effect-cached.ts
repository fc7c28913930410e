/**
 * Effect without Layers: one cached effect per service that runs those of its needs with unbounded concurrency first.
 */
import { Effect } from 'effect';
import type { Boot, Start } from '../boot/contender.ts';
import type { Needs } from '../boot/shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const program = Effect.gen(function* () {
    const made: Effect.Effect<void>[] = [];
    for (const [service, list] of needs.entries()) {
      const below = list.map((need) => made[need] as Effect.Effect<void>);
      const own = Effect.suspend(() => {
        const running = start(service);
        return running === undefined ? Effect.void : Effect.promise(() => running);
      });
      made.push(
        yield* Effect.cached(Effect.andThen(Effect.all(below, { concurrency: 'unbounded', discard: true }), own)),
      );
    }
    yield* Effect.all(made, { concurrency: 'unbounded', discard: true });
  });
  return async () => {
    await Effect.runPromise(program);
  };
}
