/**
 * Inversify on its own: asynchronous singletons as resolved values, and `getAsync` for each.
 *
 * Asked for in an order that has each service after all that it needs, which is the kindest: from the top it would have to
 * plan the whole graph at once.
 */
import 'reflect-metadata/lite';
import { Container } from 'inversify';
import type { Boot, Start } from '../boot/contender.ts';
import type { Needs } from '../boot/shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const names = needs.map((_, service) => Symbol(`S${service}`));
  const container = new Container();
  needs.forEach((list, service) => {
    container
      .bind(names[service] as symbol)
      .toResolvedValue(
        async () => {
          await start(service);
          return { service };
        },
        list.map((need) => names[need] as symbol) as never,
      )
      .inSingletonScope();
  });
  return async () => {
    await Promise.all(names.map((name) => container.getAsync(name)));
  };
}
