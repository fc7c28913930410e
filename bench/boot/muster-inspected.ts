/** The app of `muster-traced.ts` with Muster's traces, metrics, and a page that is looked at from the first moment on. */
import { Looker, traced, watched } from '../watched.ts';
import type { Boot, Start } from './contender.ts';
import { defineApp } from './muster-app.ts';
import type { Needs } from './shape.ts';

export async function define(needs: Needs, start: Start): Promise<Boot> {
  const looker = await Looker.begin();
  traced();
  const { inspect, services } = watched();
  const boot = looker.during(defineApp(needs, start, { inspect, services }));
  void inspect.begin().then((url) => looker.lookAt(url));
  return boot;
}
