/**
 * What it costs to get from the start of a process to an open gate and a listening port: CPU time, relative to `node -e 0`.
 *
 * Bundled as an application should be that wants to start cheaply: one file, and beside it what V8 compiled of it once. The
 * same is done for every peer, and all are measured without it as well.
 *
 * CPU and not wall time, because it is what a small container has too little of. Every program ends itself the moment it
 * listens, and the same few lines, required before each, print what the process has used by then.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type BenchOptions, median, round } from './measure.ts';

/** The peers have to be installed before `run()` is called with them. */
export const comparesPeers = true;

/** CommonJS, because its bundles load faster; as small as identifiers that keep their names allow. */
const OURS = { format: 'cjs', minifyWhitespace: true, minifySyntax: true } as const;
/** Whoever needs no names may be smaller still. */
const SMALLEST = { format: 'cjs', minify: true } as const;

const FULL_ROUNDS = 21;
const CACHED = ' with code cache';

export async function run({ short, peers, bundle }: BenchOptions): Promise<object> {
  const counter = await bundle('coldstart/cpu-at-exit.ts', SMALLEST);
  const bundles: [name: string, entry: string, options: object][] = [
    ['http', 'coldstart/http.ts', SMALLEST],
    ['muster', 'coldstart/muster.ts', OURS],
    ['nest', 'peers/coldstart-nest.ts', SMALLEST],
    ['effect', 'peers/coldstart-effect.ts', SMALLEST],
  ];
  const programs: Record<string, readonly string[]> = { node: ['-e', '0'] };
  for (const [name, entry, options] of peers ? bundles : bundles.slice(0, 2)) {
    programs[name] = [await bundle(entry, options)];
    programs[name + CACHED] = [await bundle(entry, { ...options, codeCache: true })];
  }
  const used = new Map<string, number[]>(Object.keys(programs).map((name) => [name, []]));
  // The first round warms the machine's caches and does not count.
  for (let round = -1; round < (short ? 1 : FULL_ROUNDS); round += 1) {
    for (const [name, program] of Object.entries(programs)) {
      const cpuMs = await cpuOf(counter, program);
      if (round >= 0) used.get(name)?.push(cpuMs);
    }
  }
  const cpuMs = Object.fromEntries([...used].map(([name, all]) => [name, round(median(all), 1)]));
  const all = Object.entries(ratios(cpuMs));
  const part = (isCached: boolean): object => {
    const those = all
      .filter(([name]) => name.endsWith(CACHED) === isCached)
      .map(([name, ratio]) => [name.replace(CACHED, ''), ratio] as const);
    const { muster, ...others } = Object.fromEntries(those);
    return { ratio: muster, peers: others };
  };
  return { bench: 'coldstart', node: process.version, ...part(true), withoutCodeCache: part(false), cpuMs };
}

/** One line per program, for people. */
export function rows({ cpuMs }: { readonly cpuMs: Readonly<Record<string, number>> }): object {
  const relative = ratios(cpuMs);
  return Object.fromEntries(
    Object.entries(cpuMs).map(([name, ms]) => [name, { cpuMs: ms, ratio: relative[name] ?? 1 }]),
  );
}

/** Of all programs but the limit, how many times its CPU time they use. */
function ratios({ node = Number.NaN, ...others }: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(others).map(([name, ms]) => [name, round(ms / node)]));
}

/** Runs one program to its end; resolves to the milliseconds of CPU that its process had used. */
async function cpuOf(counter: string, program: readonly string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--require', counter, ...program]);
  const microseconds = Number(stdout);
  if (!(microseconds > 0)) throw new Error(`${program.join(' ')} printed ${JSON.stringify(stdout)}`);
  return microseconds / 1_000;
}
