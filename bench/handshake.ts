/**
 * What a handshake costs a server, relative to raw `ws` that accepts and exchanges one `hello` and one `welcome`.
 *
 * From the TCP connection to ready: the gate is open, the token is checked, there is a session, `welcome` has gone out; the
 * client then closes. CPU is that of the server's whole process, the compiler's and collector's threads and the close included.
 */
import { type Pair, programsOf, type Programs, withPair } from './connections/pair.ts';
import type { Contender } from './connections/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';

/** Handshakes until the compiler is done, those of one slice, slices of each contender in turn, and how often with fresh processes. */
const FULL = { warmUp: 20_000, handshakes: 500, slices: 16, rounds: 3, concurrency: 50 } as const;
const SHORT = { warmUp: 20, handshakes: 20, slices: 2, rounds: 1, concurrency: 10 } as const;

type Load = typeof FULL | typeof SHORT;

/** CPU of one handshake in microseconds, of two slices that came one after the other. */
type Slice = Readonly<Record<Contender, number>>;

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const load = short ? SHORT : FULL;
  const programs = await programsOf(bundle);
  const slices: Slice[] = [];
  for (let i = 0; i < load.rounds; i += 1) slices.push(...(await slicesOf(programs, load)));
  return {
    bench: 'handshake',
    node: process.version,
    // Of neighbours: what slows the machine for a while slows both.
    ratio: round(median(slices.map(({ raw, muster }) => muster / raw))),
    cpuPerHandshakeUs: round(median(slices.map(({ muster }) => muster)), 1),
    raw: { cpuPerHandshakeUs: round(median(slices.map(({ raw }) => raw)), 1) },
  };
}

/** One line for each contender, for people. */
export function rows(result: Record<string, any>): object {
  return {
    Muster: { cpuPerHandshakeUs: result['cpuPerHandshakeUs'], ratio: result['ratio'] },
    'raw ws': { ...result['raw'], ratio: 1 },
  };
}

/** Both servers are there all the time, and one of them has work. */
function slicesOf(programs: Programs, load: Load): Promise<Slice[]> {
  return withPair(programs, 'raw', [], (raw) =>
    withPair(programs, 'muster', [], async (muster) => {
      const { warmUp, slices, concurrency } = load;
      for (const pair of [raw, muster]) await pair.perform({ handshakes: warmUp, concurrency });
      const measured: Slice[] = [];
      for (let i = 0; i < slices; i += 2) {
        const [first, second] = [await cpuOf(raw, load), await cpuOf(muster, load)];
        measured.push({ raw: first, muster: second });
        // The other way round, so that none is always the second.
        const [third, fourth] = [await cpuOf(muster, load), await cpuOf(raw, load)];
        measured.push({ raw: fourth, muster: third });
      }
      return measured;
    }),
  );
}

async function cpuOf({ perform, usage }: Pair, { handshakes, concurrency }: Load): Promise<number> {
  const before = await usage(0);
  await perform({ handshakes, concurrency });
  const after = await usage(0);
  return (after.cpuUs - before.cpuUs) / handshakes;
}
