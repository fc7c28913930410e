/** The whole app of `muster-app.ts` in an application that makes traces of its own. Somebody is there who could look at it. */
import { Looker, traced } from '../watched.ts';
import type { Boot, Start } from './contender.ts';
import { defineApp } from './muster-app.ts';
import type { Needs } from './shape.ts';

export async function define(needs: Needs, start: Start): Promise<Boot> {
  const looker = await Looker.begin();
  traced();
  return looker.during(defineApp(needs, start));
}
