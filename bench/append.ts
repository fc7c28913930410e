/**
 * What a durable append costs: many concurrent writers on the event log, beside the same writers on bare LMDB with the
 * same durability.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentEvent } from '@muster/contracts';
import { createApp, EventLog } from '@muster/core';
import { lmdb } from '@muster/lmdb';
import { open } from 'lmdb';
import { type BenchOptions, compare, median, round } from './measure.ts';

const WRITERS = 1_024;
/** Of the load that is limited in its rate. */
const STREAMS = 200;

const event = (n: number): AgentEvent => ({
  id: `r:${n}`,
  event: 'agent_output',
  run: 'r',
  n,
  agent: 'a',
  at: 0,
  data: { delta: 'a few words of an answer ' },
});

/** Each writer appends so often, one after another; all at the same time. */
async function writersOf(each: number, append: (writer: number, n: number) => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let n = 1; n <= each; n += 1) await append(writer, n);
    }),
  );
}

export async function run({ short }: BenchOptions): Promise<object> {
  const each = short ? 4 : 100;
  const directory = mkdtempSync(join(tmpdir(), 'muster-append-'));
  const app = createApp({ services: [...lmdb({ directory: join(directory, 'muster') })] });
  await app.start();
  const log = app.get(EventLog);
  const bare = open<Buffer, Buffer>({ path: join(directory, 'bare'), encoding: 'binary', keyEncoding: 'binary' });
  let generation = 0;
  const results = await compare(
    [
      {
        name: 'bare LMDB, one put per event',
        prepare: () => {
          generation += 1;
          const prefix = `${generation}`;
          return () =>
            writersOf(each, async (writer, n) => {
              await bare.put(Buffer.from(`${prefix}/${writer}/${n}`), Buffer.from(JSON.stringify(event(n))));
              await bare.flushed;
            });
        },
      },
      {
        name: 'muster, event log on LMDB',
        prepare: () => () => writersOf(each, (writer, n) => log.append(`${generation}/${writer}`, [event(n)])),
      },
    ],
    short ? 1 : 5,
  );
  const latency = await limited(log, short ? 200 : 5_000);
  await app.stop();
  await bare.close();
  rmSync(directory, { recursive: true });
  const events = WRITERS * each;
  const [limit, ours] = results as [(typeof results)[0], (typeof results)[0]];
  return {
    bench: 'append',
    node: process.version,
    durability: 'fsync',
    writers: WRITERS,
    events,
    ratio: round(limit.medianMs / ours.medianMs),
    eventsPerSecond: { bare: perSecond(events, limit.medianMs), muster: perSecond(events, ours.medianMs) },
    limited: latency,
    results: results.map(({ name, medianMs }) => ({ name, eventsPerSecond: perSecond(events, medianMs) })),
  };
}

/** Twenty thousand events a second over two hundred streams: how long an append takes. */
async function limited(log: EventLog, forMs: number): Promise<object> {
  const perTick = 20;
  const times: number[] = [];
  const pending: Promise<void>[] = [];
  const began = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.floor(performance.now() - began) * perTick;
      for (; sent < due; sent += 1) {
        const at = performance.now();
        const appended = log.append(`limited/${sent % STREAMS}`, [event(sent + 1)]);
        pending.push(appended.then(() => void times.push(performance.now() - at)));
      }
      if (performance.now() - began < forMs) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(pending);
  times.sort((one, other) => one - other);
  return {
    streams: STREAMS,
    eventsPerSecond: perSecond(times.length, performance.now() - began),
    medianMs: round(median(times)),
    p99Ms: round(times[Math.floor(times.length * 0.99)] as number),
  };
}

function perSecond(events: number, ms: number): number {
  return Math.round((events / ms) * 1_000);
}
