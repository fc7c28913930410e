/**
 * What all benches share: interleaved rounds, medians, and figures as ratios, because a machine's speed is nobody's merit.
 */

/** How a bench is run. */
export interface BenchOptions {
  /** Only to show that it works: small, few rounds, and figures that mean nothing. */
  readonly short: boolean;
  /** Whether to compare with other frameworks, which are installed then. */
  readonly peers: boolean;
  /** Bundles a program of `bench/`; resolves to the path of the one file that it became. `options` are esbuild's. */
  readonly bundle: (entry: string, options?: object) => Promise<string>;
}

/** One thing that is measured; a round resolves to nothing and takes its time. */
export interface Contender {
  readonly name: string;
  /** Prepares a round outside the clock and returns what is timed. */
  prepare(): (() => unknown) | Promise<() => unknown>;
}

/** A result: the median of the rounds in milliseconds, and how often that of the first contender fits into it. */
export interface Measured {
  readonly name: string;
  readonly medianMs: number;
  readonly ratio: number;
}

/** Runs all contenders in turn, `rounds` times after one warm-up, so that what slows the machine slows all. */
export async function compare(contenders: readonly Contender[], rounds: number): Promise<Measured[]> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const contender of contenders) {
      const run = await contender.prepare();
      const began = performance.now();
      await run();
      const took = performance.now() - began;
      if (round >= 0) times.get(contender.name)?.push(took);
    }
  }
  const medians = contenders.map(({ name }) => ({ name, medianMs: median(times.get(name) ?? []) }));
  const limit = medians[0]?.medianMs ?? Number.NaN;
  return medians.map(({ name, medianMs }) => ({ name, medianMs, ratio: medianMs / limit }));
}

/** The value in the middle, or between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** Rounded to what can be told apart. */
export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
