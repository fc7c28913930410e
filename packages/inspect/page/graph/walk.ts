/** Which node the keyboard is at, and which is next in a direction: as the eye would go. */
import { signal } from '@preact/signals';
import { type Layout, NODE, type Place } from './layout.ts';

/** The one node that Tab comes to; arrows move it. */
export const tabStop = signal<string | null>(null);

const DIRECTIONS: Readonly<Record<string, Place>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** How much worse a step aside is than one ahead. */
const ASIDE = 2.5;

/** The nearest node that lies mostly in the direction of `key`; `null` when there is none. */
export function nextNode({ places }: Layout, from: string, key: string): string | null {
  const direction = DIRECTIONS[key];
  const here = places.get(from);
  if (direction === undefined || here === undefined) return null;
  let [found, least] = [null as string | null, Infinity];
  for (const [id, { x, y }] of places) {
    const ahead = (x - here.x) * direction.x + (y - here.y) * direction.y;
    if (ahead < NODE.height / 2) continue;
    const aside = Math.abs((x - here.x) * direction.y) + Math.abs((y - here.y) * direction.x);
    const cost = ahead + aside * ASIDE;
    if (cost >= least) continue;
    [found, least] = [id, cost];
  }
  return found;
}
