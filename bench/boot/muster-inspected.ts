/** The whole app of `muster-app.ts` with metrics, traces, and a page that is looked at from the first moment on. */
import { type Class, createApp, healthy, service } from '@muster/core';
import { lookAt, watched } from '../watched.ts';
import type { Boot, Start } from './contender.ts';
import type { Needs } from './shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const classes: Class[] = [];
  needs.forEach((list, index) => {
    class Started {
      start() {
        return start(index);
      }
      check() {
        return healthy;
      }
    }
    Object.defineProperty(Started, 'name', { value: `S${index}` });
    service({ dependsOn: list.map((need) => classes[need] as Class) } as never)(Started as never);
    classes.push(Started);
  });
  const watch = watched();
  const app = createApp({ services: [...classes, ...watch.services], inspect: watch.inspect });
  let stopLooking = (): void => {};
  app.events.on((event) => {
    if (event.type === 'inspecting') stopLooking = lookAt(event.address);
  });
  return async () => {
    await app.start();
    if (app.gate.state !== 'open') throw new Error('the gate is not open');
    return () => {
      stopLooking();
      return app.stop('measured');
    };
  };
}
