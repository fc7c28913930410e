/**
 * What an idle connection costs a server: resident memory per connection that is ready and has nothing to say.
 *
 * The memory is that of the server's whole process after garbage collections, beside what it was with as many connections
 * that had come and gone: what is shared by all, or stays behind once, is not counted. Raw `ws` is measured the same way.
 */
import { programsOf, withPair, type Programs } from './connections/pair.ts';
import type { Contender } from './connections/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';

/** Connections that warm up, those that stay, and rounds of which the median counts. */
const FULL = { warmUp: 1_000, connections: 10_000, rounds: 3 } as const;
const SHORT = { warmUp: 50, connections: 200, rounds: 1 } as const;
const CONCURRENCY = 100;

interface Measured {
  readonly rss: number;
  readonly heap: number;
}

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const { warmUp, connections, rounds } = short ? SHORT : FULL;
  const programs = await programsOf(bundle);
  const measured: Record<Contender, Measured[]> = { raw: [], muster: [] };
  for (let i = 0; i < rounds; i += 1) {
    for (const contender of ['raw', 'muster'] as const)
      measured[contender].push(await bytesPerConnection(programs, contender, warmUp, connections));
  }
  const of = (contender: Contender): object => ({
    bytesPerConnection: round(median(measured[contender].map(({ rss }) => rss)), 0),
    heapBytesPerConnection: round(median(measured[contender].map(({ heap }) => heap)), 0),
  });
  return { bench: 'idle', node: process.version, connections, ...of('muster'), raw: of('raw') };
}

/** One line for each contender, for people. */
export function rows({ bytesPerConnection, heapBytesPerConnection, raw }: Record<string, any>): object {
  return { Muster: { bytesPerConnection, heapBytesPerConnection }, 'raw ws': raw };
}

function bytesPerConnection(
  programs: Programs,
  contender: Contender,
  warmUp: number,
  connections: number,
): Promise<Measured> {
  return withPair(programs, contender, ['--expose-gc'], async ({ perform, usage }) => {
    await perform({ handshakes: warmUp, concurrency: CONCURRENCY });
    const before = await usage(0);
    await perform({ hold: connections, concurrency: CONCURRENCY });
    const after = await usage(connections);
    return {
      rss: (after.rssBytes - before.rssBytes) / connections,
      heap: (after.heapBytes - before.heapBytes) / connections,
    };
  });
}
