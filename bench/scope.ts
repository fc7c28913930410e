/**
 * What a scope costs: eight services of six shapes for one user, made and closed again, beside handwritten `new`.
 *
 * Every contender has a process of its own, in which it takes turns with the handwritten constructors.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type BenchOptions, median, round } from './measure.ts';

export const comparesPeers = true;

interface Trial {
  readonly own: readonly number[];
  readonly constructors: readonly number[];
  readonly bytes: number;
}

/** The peers, and what each leaves out. */
const PEERS: readonly (readonly [string, string])[] = [
  ['inversify-request', 'peers/scope-inversify-request.ts'],
  ['inversify-child', 'peers/scope-inversify-child.ts'],
  ['tsyringe', 'peers/scope-tsyringe.ts'],
  ['awilix', 'peers/scope-awilix.ts'],
  ['typed-inject', 'peers/scope-typed-inject.ts'],
  ['effect', 'peers/scope-effect.ts'],
  ['nest', 'peers/scope-nest.ts'],
];

export async function run({ short, peers, bundle }: BenchOptions): Promise<object> {
  const rowOf = async (entry: string): Promise<Row> => {
    const isPeer = entry.startsWith('peers/');
    const size = short ? '2000,2' : isPeer ? '5000,7' : '50000,11';
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', await bundle(entry), size]);
    return row(JSON.parse(stdout.trim().split('\n').at(-1) as string) as Trial);
  };
  const muster = await rowOf('scope/muster.ts');
  const rows: Record<string, Row> = { careful: await rowOf('scope/careful.ts') };
  for (const [name, entry] of peers ? PEERS : []) rows[name] = await rowOf(entry);
  return { bench: 'scope', node: process.version, ...muster, peers: rows };
}

interface Row {
  readonly ratio: number;
  readonly bytes: number;
  readonly ns: number;
}

/** The middle of the ratios of each turn. */
function row({ own, constructors, bytes }: Trial): Row {
  const ratios = own.map((ns, turn) => ns / (constructors[turn] as number));
  return { ratio: round(median(ratios), 1), bytes: round(bytes, 0), ns: round(median(own), 0) };
}

/** One line per contender, for people. */
export function rows({ peers, ...muster }: Row & { readonly peers: Readonly<Record<string, Row>> }): object {
  const { ratio, bytes, ns } = muster;
  return { Muster: { ratio, bytes, ns }, ...peers };
}
