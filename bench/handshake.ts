/**
 * What a handshake costs a server, relative to raw `ws` that accepts and exchanges one `hello` and one `welcome`.
 *
 * From the TCP connection to ready: the gate is open, the token is checked, there is a session, `welcome` has gone out; the
 * client then closes. CPU is that of the server's whole process, the compiler's and collector's threads and the close included.
 */
import { programsOf, withPair, type Programs } from './connections/pair.ts';
import type { Contender } from './connections/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';

/** Handshakes that warm up, those that count, at the same time, and rounds of which the median counts. */
const FULL = { warmUp: 3_000, handshakes: 4_000, concurrency: 50, rounds: 7 } as const;
const SHORT = { warmUp: 20, handshakes: 40, concurrency: 10, rounds: 1 } as const;
const CONTENDERS: readonly Contender[] = ['raw', 'muster'];

type Load = typeof FULL | typeof SHORT;

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const load = short ? SHORT : FULL;
  const programs = await programsOf(bundle);
  const measured: Record<Contender, number[]> = { raw: [], muster: [] };
  for (let i = 0; i < load.rounds; i += 1) {
    // Each is the first one in every other round.
    const order = i % 2 === 0 ? CONTENDERS : [...CONTENDERS].reverse();
    for (const contender of order) measured[contender].push(await cpuPerHandshake(programs, contender, load));
  }
  const ratios = measured.muster.map((cpuUs, i) => cpuUs / (measured.raw[i] as number));
  return {
    bench: 'handshake',
    node: process.version,
    ratio: round(median(ratios)),
    cpuPerHandshakeUs: round(median(measured.muster), 1),
    raw: { cpuPerHandshakeUs: round(median(measured.raw), 1) },
    ratios: ratios.map((ratio) => round(ratio)),
  };
}

/** One line for each contender, for people. */
export function rows(result: Record<string, any>): object {
  return {
    Muster: { cpuPerHandshakeUs: result['cpuPerHandshakeUs'], ratio: result['ratio'] },
    'raw ws': { ...result['raw'], ratio: 1 },
  };
}

function cpuPerHandshake(programs: Programs, contender: Contender, load: Load): Promise<number> {
  const { warmUp, handshakes, concurrency } = load;
  return withPair(programs, contender, [], async ({ perform, usage }) => {
    await perform({ handshakes: warmUp, concurrency });
    const before = await usage(0);
    await perform({ handshakes, concurrency });
    const after = await usage(0);
    return (after.cpuUs - before.cpuUs) / handshakes;
  });
}
