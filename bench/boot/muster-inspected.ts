/** The app of `muster-traced.ts` with Muster's traces, metrics, and a page that is looked at from the first moment on. */
import { lookAt, traced, watched } from '../watched.ts';
import type { Boot, Start } from './contender.ts';
import { defineApp } from './muster-app.ts';
import type { Needs } from './shape.ts';

export function define(needs: Needs, start: Start): Boot {
  traced();
  const { inspect, services } = watched();
  const boot = defineApp(needs, start, { inspect, services });
  let stopLooking = (): void => {};
  void inspect.begin().then((url) => (stopLooking = lookAt(url)));
  return async () => {
    const stop = await boot();
    return async () => {
      stopLooking();
      await stop?.();
    };
  };
}
