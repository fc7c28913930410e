/**
 * How long probes take while the app is busy and a check hangs: 20 000 events a second on LMDB, and a request every three
 * milliseconds, at both ports in turn. Beside it the same requests at a server that does nothing but send as many events by
 * raw `ws`: what is left there is the machine's.
 *
 * Each would have a machine of its own: where that is permitted neither the server nor who asks waits for a core that somebody
 * else has, and the clients and who looks at the page take none that these want.
 */
import { Agent, get } from 'node:http';
import { type Loaded, measure, type Urls } from './events.ts';
import type { Contender } from './events/protocol.ts';
import { type BenchOptions, median, round } from './measure.ts';
import { claimCores, yieldCores } from './processes.ts';

const FULL = { connections: 200, runs: 6, warmUp: 12 } as const;
const SHORT = { connections: 5, runs: 1, warmUp: 2 } as const;
const EVERY_MS = 3;

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const load = { mode: 'open20k', ...(short ? SHORT : FULL) } as const;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const took = { app: [] as number[], inspector: [] as number[], raw: [] as number[] };
  let apart = claimCores(process.pid);
  const during = (contender: Contender, probed: (loaded: Loaded) => readonly Probed[]): Promise<unknown> =>
    measure(programs, contender, load, (loaded) => {
      yieldCores(loaded.clients);
      apart &&= claimCores(loaded.server);
      return askAll(probed(loaded));
    });
  await during('raw', ({ url }) => [[url, took.raw]]);
  await during('hanging', (loaded) => probesOf(loaded, took));
  const figures = (times: readonly number[]): object => ({
    probes: times.length,
    p50Ms: round(median(times)),
    p99Ms: round(quantile(times, 0.99)),
  });
  const { app, inspector, raw } = took;
  return {
    bench: 'probes',
    node: process.version,
    apart,
    app: figures(app),
    inspector: figures(inspector),
    raw: figures(raw),
  };
}

export function rows(found: { apart: boolean } & Record<'app' | 'inspector' | 'raw', object>): object {
  const { apart, app, inspector, raw } = found;
  const how = apart ? '' : ', all on the same cores';
  return { [`the port of the app${how}`]: app, [`the inspector${how}`]: inspector, [`raw ws${how}`]: raw };
}

/** An address that is asked, and where it is noted how long that took. */
type Probed = readonly [address: string, took: number[]];

function probesOf({ url, inspector = '' }: Urls, took: { app: number[]; inspector: number[] }): readonly Probed[] {
  return [
    [url.replace(/\/ws$/, '/readyz'), took.app],
    [`${inspector}/readyz?verbose`, took.inspector],
  ];
}

function askAll(probed: readonly Probed[]): () => void {
  const agent = new Agent({ keepAlive: true });
  const ask = ([address, times]: Probed): void => {
    const began = performance.now();
    const request = get(address.replace(/^ws/, 'http'), { agent }, (response) => {
      response.resume().on('end', () => times.push(performance.now() - began));
    });
    // The server may end while it is asked.
    request.on('error', () => {});
  };
  let asked = 0;
  const timer = setInterval(() => {
    ask(probed[asked % probed.length] as Probed);
    asked += 1;
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    agent.destroy();
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
