/**
 * What the three processes of the events bench tell each other.
 */
export type Mode = 'flood' | 'burst' | 'open20k';
/**
 * `traced` is `lmdb` in an application that makes traces of its own, `inspected` that with Muster's, metrics, and a page that is
 * looked at; in `hanging` the checks of a service hang as well.
 */
export type Contender = 'raw' | 'memory' | 'lmdb' | 'traced' | 'inspected' | 'hanging';

/** How much is emitted, and when. */
export interface Load {
  readonly mode: Mode;
  readonly connections: number;
  /** Runs that every connection has: one after another, or as they come. */
  readonly runs: number;
  /** How many it has before anything is measured: with fewer the compiler is still at work. */
  readonly warmUp: number;
}

/** The load that comes first. */
export function warmUpOf(load: Load): Load {
  return { ...load, runs: load.warmUp };
}

/** Events of one run, the first two and the terminal among them. */
export const EVENTS_PER_RUN = 205;
/** Events a second, where the clock and not the server decides. */
export const OPEN_RATE = 20_000;
export const BURST_RATE = 40_000;

/** How many events a client receives. */
export function eventsOf({ connections, runs }: Load): number {
  return connections * runs * EVENTS_PER_RUN;
}

/** Text of an event, so that one has about 120 bytes of content; its first characters are the time of its emitting. */
export function textAt(now: number): string {
  return `${now.toFixed(3)} the agent looks at what it has found and thinks about what to look at next`;
}

/** Milliseconds since 1970, with a fraction, the same for all processes of a machine. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}
