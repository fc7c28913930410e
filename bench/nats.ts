/**
 * What the event log costs on three real servers of NATS: many events at once in batches that nobody asked for, one event
 * alone beside a bare publish of the same bytes, and how long it is quiet after the leader has died.
 */
import type { AgentEvent } from '@muster/contracts';
import { createApp, EventLog } from '@muster/core';
import { nats } from '@muster/nats';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { startCluster } from '../test/fixtures/nats-servers.ts';
import { type BenchOptions, median, round } from './measure.ts';

/** Streams that are written to at the same time. */
const STREAMS = 64;
/** Appends of one stream that are under way at the same time. */
const WINDOW = 256;
const NAME = 'bench';

/** About 150 bytes as JSON. */
const event = (n: number): AgentEvent => ({
  id: `run-${n}:${n}`,
  event: 'agent_output',
  run: `run-${n}`,
  n,
  agent: 'analyst',
  at: 1_790_000_000_000,
  data: { delta: 'a few words of an answer, ' },
});

export async function run({ short }: BenchOptions): Promise<object> {
  const servers = await startCluster();
  const urls = servers.map(({ url }) => url);
  const app = createApp({ services: [...nats({ servers: urls, name: NAME, replicas: 3 })] });
  await app.start();
  const bare = await connect({ servers: urls });
  try {
    const log = app.get(EventLog);
    const eventsPerSecond = await flood(log, short ? 20 : 8_000);
    const alone = await lone(log, bare, short ? 20 : 1_000);
    const failoverMs = await failover(log, bare, servers, short ? 1 : 3);
    return {
      bench: 'nats',
      node: process.version,
      servers: bare.info?.version,
      eventBytes: JSON.stringify(event(1)).length,
      eventsPerSecond,
      ...alone,
      ...failoverMs,
    };
  } finally {
    await bare.close();
    await app.stop();
    await Promise.all(servers.map((server) => server.remove()));
  }
}

/** Every stream has so many appends under way, one event each, until all of its events are written. */
async function flood(log: EventLog, each: number): Promise<number> {
  const one = async (stream: string, from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += WINDOW) await log.append(stream, [event(n)]);
  };
  const pass = async (round_: string, count: number): Promise<number> => {
    const began = performance.now();
    const streams = Array.from({ length: STREAMS }, (_, i) => `${round_}/${i}`);
    await Promise.all(streams.flatMap((stream) => Array.from({ length: WINDOW }, (_, i) => one(stream, i, count))));
    return performance.now() - began;
  };
  await pass('warm', Math.min(each, WINDOW));
  const ms = await pass('flood', each);
  return Math.round((STREAMS * each * 1_000) / ms);
}

/** One append after another, and in turn a bare publish of as many bytes into a stream of as many replicas. */
async function lone(log: EventLog, bare: Awaited<ReturnType<typeof connect>>, times: number): Promise<object> {
  const manager = await jetstreamManager(bare);
  await manager.streams.add({ name: 'bare', subjects: ['bare.*'], num_replicas: 3 });
  const bytes = Buffer.from(JSON.stringify([event(1)]));
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let n = 0; n < times + 20; n += 1) {
    const first = performance.now();
    await log.append('alone', [event(n)]);
    const second = performance.now();
    await bare.request('bare.x', bytes);
    const third = performance.now();
    if (n < 20) continue;
    ours.push(second - first);
    theirs.push(third - second);
  }
  const [appendMs, publishMs] = [median(ours), median(theirs)];
  return { loneAppendRatio: round(appendMs / publishMs), appendMs: round(appendMs), publishMs: round(publishMs) };
}

/** Kills the server that leads, and looks when somebody else does and when the next append is written. */
async function failover(
  log: EventLog,
  bare: Awaited<ReturnType<typeof connect>>,
  servers: Awaited<ReturnType<typeof startCluster>>,
  times: number,
): Promise<object> {
  const manager = await jetstreamManager(bare);
  const leaderOf = async (): Promise<string | undefined> => {
    try {
      return (await manager.streams.info(`${NAME}_events`)).cluster?.leader;
    } catch {
      return undefined;
    }
  };
  const [after, quiet]: [number[], number[]] = [[], []];
  for (let time = 0; time < times; time += 1) {
    let leader = await leaderOf();
    while (leader === undefined) leader = await leaderOf();
    const server = servers[Number(leader.slice(1)) - 1] as (typeof servers)[0];
    await server.kill();
    const killedAt = performance.now();
    let ledAt = 0;
    const led = (async () => {
      for (let next = await leaderOf(); next === undefined || next === leader; next = await leaderOf())
        await new Promise((resolve) => setTimeout(resolve, 5));
      ledAt = performance.now();
    })();
    await log.append('failover', [event(time)]);
    const appendedAt = performance.now();
    await led;
    after.push(Math.max(0, appendedAt - ledAt));
    quiet.push(appendedAt - killedAt);
    await server.start();
    // The one that is back has to catch up before the next may go.
    while ((await manager.streams.info(`${NAME}_events`)).cluster?.replicas?.some(({ current }) => !current) !== false)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { failoverMs: Math.round(Math.max(...after)), quietMs: quiet.map(Math.round) };
}

export function rows(result: object): object {
  return result;
}
