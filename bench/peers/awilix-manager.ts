/**
 * awilix with awilix-manager: singletons with `asyncInit`, which runs one after another by the priorities that it is given.
 *
 * The priority of a service is its place in an order that has each after all that it needs.
 */
import { asFunction, createContainer } from 'awilix';
import { AwilixManager } from 'awilix-manager';
import type { Boot, Start } from '../boot/contender.ts';
import type { Needs } from '../boot/shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const diContainer = createContainer({ injectionMode: 'PROXY', strict: true });
  needs.forEach((list, service) => {
    const make = (cradle: Record<string, object>) => {
      const uses = list.map((need) => cradle[`S${need}`]);
      return { uses, asyncInit: async () => start(service) };
    };
    diContainer.register(
      `S${service}`,
      asFunction(make, { lifetime: 'SINGLETON', asyncInit: true, asyncInitPriority: service }),
    );
  });
  const manager = new AwilixManager({ diContainer, asyncInit: true, strictBooleanEnforced: true });
  return async () => {
    await manager.executeInit();
  };
}
