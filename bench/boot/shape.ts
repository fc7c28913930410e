/**
 * The graphs that every contender of the boot bench starts: who needs whom, and how long each start takes.
 *
 * Made from a seed, so that all contenders and all runs have the same.
 */

/** By service the services that it needs; all of those stand before it. */
export type Needs = readonly (readonly number[])[];

export interface Shape {
  readonly needs: Needs;
  /** How long the start of each service takes, in milliseconds; 0 for a start that is a plain synchronous call. */
  readonly startMs: readonly number[];
}

/** A boot that took longer than this is not repeated, in milliseconds. */
export const LONG_MS = 4_000;

/**
 * About √n layers of about √n services. Each service behind the first layer needs one of the layer right before it,
 * which makes the graph as deep as it has layers, and up to two of any earlier layer. A start takes 1 to 20 ms.
 */
export function layers(count: number): Shape {
  const below = randomBelow(20_250_723);
  const width = Math.ceil(Math.sqrt(count));
  const needs = Array.from({ length: count }, (_, service) => {
    const layer = Math.floor(service / width);
    if (layer === 0) return [];
    const chosen = new Set([(layer - 1) * width + below(width)]);
    for (let more = below(3); more > 0; more -= 1) chosen.add(below(layer * width));
    return [...chosen];
  });
  return { needs, startMs: needs.map(() => 1 + below(20)) };
}

/** Each service needs the one before it; starts cost nothing. */
export function chain(count: number): Shape {
  return { needs: Array.from({ length: count }, (_, i) => (i === 0 ? [] : [i - 1])), startMs: zeros(count) };
}

/** The same shape with starts that cost nothing. */
export function withoutWork({ needs }: Shape): Shape {
  return { needs, startMs: zeros(needs.length) };
}

/** The longest path through the graph, each service weighing `ms`; what no engine can be faster than. */
export function criticalPath(needs: Needs, ms: readonly number[]): number {
  const ends: number[] = [];
  needs.forEach((list, service) => {
    ends.push(list.reduce((latest, need) => Math.max(latest, ends[need] as number), 0) + (ms[service] as number));
  });
  return ends.reduce((latest, end) => Math.max(latest, end), 0);
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

/** Whole numbers from 0 up to but without `limit`, the same sequence for the same seed. */
function randomBelow(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
}
