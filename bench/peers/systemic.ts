/**
 * systemic: components with the names of what they depend on; it sorts them and starts one after another.
 */
import systemic from 'systemic';
import type { Boot, Start } from '../boot/contender.ts';
import type { Needs } from '../boot/shape.ts';

/** Its types describe a default export, which the package does not have. */
const System = systemic as unknown as typeof systemic.default;

export function define(needs: Needs, start: Start): Boot {
  const system = System();
  needs.forEach((list, service) => {
    const component = {
      async start() {
        await start(service);
        return { service };
      },
    };
    system.add(`S${service}`, component).dependsOn(...list.map((need) => `S${need}` as const));
  });
  return async () => {
    await system.start();
  };
}
