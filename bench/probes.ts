/**
 * How long probes take while the app is busy and a check hangs: 20 000 events a second on LMDB, and a request at each of both
 * ports every five milliseconds.
 */
import { Agent, get } from 'node:http';
import { measure, type Urls } from './events.ts';
import { type BenchOptions, median, round } from './measure.ts';

const FULL = { connections: 200, runs: 6 } as const;
const SHORT = { connections: 5, runs: 1 } as const;
const EVERY_MS = 5;

export async function run({ short, bundle }: BenchOptions): Promise<object> {
  const { connections, runs } = short ? SHORT : FULL;
  const programs = { server: await bundle('events/server.ts'), client: await bundle('events/client.ts') };
  const took = { app: [] as number[], inspector: [] as number[] };
  await measure(programs, 'hanging', { mode: 'open20k', connections, runs }, (urls) => askAll(urls, took));
  const figures = (times: readonly number[]): object => ({
    probes: times.length,
    p50Ms: round(median(times)),
    p99Ms: round(quantile(times, 0.99)),
  });
  return { bench: 'probes', node: process.version, app: figures(took.app), inspector: figures(took.inspector) };
}

export function rows({ app, inspector }: Record<'app' | 'inspector', object>): object {
  return { 'the port of the app': app, 'the inspector': inspector };
}

function askAll({ url, inspector = '' }: Urls, took: { app: number[]; inspector: number[] }): () => void {
  const agent = new Agent({ keepAlive: true });
  const ask = (address: string, times: number[]): void => {
    const began = performance.now();
    const request = get(address, { agent }, (response) => {
      response.resume().on('end', () => times.push(performance.now() - began));
    });
    // The server may end while it is asked.
    request.on('error', () => {});
  };
  const app = `${url.replace(/^ws/, 'http').replace(/\/ws$/, '')}/readyz`;
  const timer = setInterval(() => {
    ask(app, took.app);
    ask(`${inspector}/readyz?verbose`, took.inspector);
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
