/**
 * A whole Muster app as a contender: decorated classes, Inversify, graph, engine and gate, without a server.
 *
 * Health and events are on: every service has a check, and one listener hears every runtime event.
 */
import { type AppOptions, type Class, createApp, healthy, service } from '@muster/core';
import type { Boot, Start } from './contender.ts';
import type { Needs } from './shape.ts';

export function define(needs: Needs, start: Start): Boot {
  return defineApp(needs, start);
}

/** The same with more services and other options. */
export function defineApp(needs: Needs, start: Start, { services = [], ...options }: AppOptions = {}): Boot {
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
  const app = createApp({ ...options, services: [...classes, ...services] });
  let heard = 0;
  app.events.on(() => (heard += 1));
  return async () => {
    await app.start();
    if (app.gate.state !== 'open' || heard < needs.length)
      throw new Error('the gate is not open, or events are missing');
    return () => app.stop('measured');
  };
}
