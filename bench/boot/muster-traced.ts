/** The whole app of `muster-app.ts` in an application that makes traces of its own. */
import { traced } from '../watched.ts';
import type { Boot, Start } from './contender.ts';
import { defineApp } from './muster-app.ts';
import type { Needs } from './shape.ts';

export function define(needs: Needs, start: Start): Boot {
  traced();
  return defineApp(needs, start);
}
