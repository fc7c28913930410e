/**
 * What the event log costs on three real servers of NATS: many events at once in batches that nobody asked for, emitted by
 * runs and appended one by one, one event alone beside a bare publish of the same bytes, and how long it is quiet after the
 * leader has died.
 */
import type { AgentEvent } from '@muster/contracts';
import { createApp, EventLog, principalOf, RuntimeEvents, streamOf } from '@muster/core';
import { nats } from '@muster/nats';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { startCluster } from '../test/fixtures/nats-servers.ts';
import { type BenchOptions, median, round } from './measure.ts';
import { runOf, THREAD } from './run-of.ts';

/** Streams that are written to at the same time. */
const STREAMS = 64;
/** Events of one stream that are under way at the same time. */
const WINDOW = 256;
const NAME = 'bench';
type Bare = Awaited<ReturnType<typeof connect>>;
/** Events have about 150 bytes as JSON. */
const TEXT = 'a few words of an answer, ';

const event = (n: number): AgentEvent => ({
  id: `run-${n}:${n}`,
  event: 'agent_output',
  run: `run-${n}`,
  n,
  agent: 'analyst',
  at: 1_790_000_000_000,
  data: { delta: TEXT },
});

export async function run({ short }: BenchOptions): Promise<object> {
  const servers = await startCluster();
  const urls = servers.map(({ url }) => url);
  const app = createApp({ services: [...nats({ servers: urls, name: NAME, replicas: 3 })] });
  await app.start();
  const bare = await connect({ servers: urls });
  try {
    // Of as many replicas as the log.
    const manager = await jetstreamManager(bare);
    await manager.streams.add({ name: 'bare', subjects: ['bare.*'], num_replicas: 3 });
    const log = app.get(EventLog);
    const each = short ? 20 : 24_000;
    const eventsPerSecond = await perSecond(each, (name, count) => emitted(log, app.get(RuntimeEvents), name, count));
    const limitPerSecond = await perSecond(each, published(bare));
    const appendsPerSecond = await perSecond(each, (name, count) => appended(log, name, count));
    const alone = await lone(log, bare, short ? 20 : 1_000);
    const failoverMs = await failover(log, bare, servers, short ? 1 : 3);
    return {
      bench: 'nats',
      node: process.version,
      servers: bare.info?.version,
      eventBytes: JSON.stringify(event(1)).length,
      eventsPerSecond,
      limitPerSecond,
      appendsPerSecond,
      ...alone,
      ...failoverMs,
    };
  } finally {
    await bare.close();
    await app.stop();
    await Promise.all(servers.map((server) => server.remove()));
  }
}

/** How many events a second all streams take, when each has so many. */
async function perSecond(each: number, write: (stream: string, count: number) => Promise<void>): Promise<number> {
  const pass = async (name: string, count: number): Promise<number> => {
    const began = performance.now();
    await Promise.all(Array.from({ length: STREAMS }, (_, i) => write(`${name}/${i}`, count)));
    return performance.now() - began;
  };
  await pass('warm', each / 4);
  const ms = await pass('flood', each);
  return Math.round((STREAMS * each * 1_000) / ms);
}

/** A run emits so many events, as an agent does that now and then awaits what it emits, and its connected user follows them. */
async function emitted(log: EventLog, events: RuntimeEvents, user: string, count: number): Promise<void> {
  const principal = principalOf(user);
  const recorder = runOf(principal, user, log, events);
  const following = log.subscribe(streamOf(principal, THREAD), () => {});
  await recorder.accept(TEXT, TEXT);
  let before: Promise<unknown> | undefined;
  // The first two and the terminal are events as well.
  for (let n = 3; n < count; n += 1) {
    const recorded = recorder.think(TEXT);
    if (n % WINDOW !== 0) continue;
    await before;
    before = recorded;
  }
  await recorder.finish({ status: 'success', by: 'agent' });
  following.close();
}

/** The handwritten limit: messages with as many bytes as so many events have, of each stream one under way. */
function published(bare: Bare): (stream: string, count: number) => Promise<void> {
  const bytes = Buffer.from(JSON.stringify(Array.from({ length: WINDOW }, (_, n) => event(n))));
  return async (stream, count) => {
    const subject = `bare.${stream.replace('/', '-')}`;
    for (let n = 0; n < count; n += WINDOW) await bare.request(subject, bytes);
  };
}

/** So many appends are under way, one event each, until all are written; somebody follows them as well. */
async function appended(log: EventLog, stream: string, count: number): Promise<void> {
  const one = async (from: number): Promise<void> => {
    for (let n = from; n < count; n += WINDOW) await log.append(stream, [event(n)]);
  };
  const following = log.subscribe(stream, () => {});
  await Promise.all(Array.from({ length: WINDOW }, (_, i) => one(i)));
  following.close();
}

/** One append after another, and in turn a bare publish of as many bytes into a stream of as many replicas. */
async function lone(log: EventLog, bare: Bare, times: number): Promise<object> {
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
  bare: Bare,
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
