import { describe, expect, it } from '@jest/globals';
import { parseServerFrame, type ServerFrame } from '@muster/contracts';
import { EventLog, MemoryLog, streamOf, systemClock, systemRandom } from '@muster/core';
import { FakeClock, numberedEvent as event } from '@muster/core/testing';
import { accounted } from './accounted.ts';
import { type EventsFrameBytes, textOf } from '../src/delivery/frame-bytes.ts';
import { StreamFeed } from '../src/delivery/stream-feed.ts';
import { RawClient, serve } from './harness.ts';

const memory = () => new MemoryLog(systemClock, systemRandom, () => {});

/** A client that takes frames, and says whether it has room. */
function client() {
  const frames: ServerFrame[] = [];
  const waiters: (() => void)[] = [];
  return {
    frames,
    isRoomy: true,
    send: (frame: ServerFrame) => frames.push(frame),
    sendEvents: (events: EventsFrameBytes) => frames.push(parseServerFrame(textOf(events))),
    roomy(): Promise<void> | undefined {
      return this.isRoomy ? undefined : new Promise((resolve) => waiters.push(resolve));
    },
    drained(): void {
      this.isRoomy = true;
      for (const wake of waiters.splice(0)) wake();
    },
    offsets: () =>
      frames.flatMap((frame) => (frame.type === 'events' ? frame.events.map((_, i) => frame.offset + i) : [])),
  };
}

/** Lets everything that waits for promises alone go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const observer = {
  sent: () => {},
  failed: (error: unknown): void => {
    throw error;
  },
  later: () => () => {},
};

/** A feed that follows an empty stream. */
async function liveFeed() {
  const log = memory();
  const sink = client();
  const feed = new StreamFeed({ log, key: 's', name: 't', window: 1_024, ...accounted() }, sink, observer);
  await feed.open('top');
  await feed.replay();
  return { log, sink, feed };
}

describe('StreamFeed', () => {
  it('goes on when a log that could not be read can be read again, and says once that it could not', async () => {
    const log = memory();
    let isDown = false;
    const failing: EventLog = Object.assign(Object.create(log) as EventLog, {
      append: log.append.bind(log),
      info: log.info.bind(log),
      subscribe: log.subscribe.bind(log),
      read: (stream: string, range: { after: number }) =>
        isDown ? Promise.reject(new Error('nobody leads')) : log.read(stream, range),
    });
    const sink = client();
    const told: unknown[] = [];
    let again = (): void => {};
    const feed = new StreamFeed({ log: failing, key: 's', name: 't', window: 1_024, ...accounted() }, sink, {
      sent: () => {},
      failed: (error) => void told.push(error),
      later: (work) => {
        again = work;
        return () => {};
      },
    });
    await feed.open('top');
    await feed.replay();
    isDown = true;
    sink.isRoomy = false;
    await log.append('s', [event(1)]);
    sink.drained();
    await settled();
    await log.append('s', [event(2)]);
    again();
    await settled();
    expect([sink.offsets(), told]).toEqual([[], [new Error('nobody leads')]]);
    isDown = false;
    again();
    await settled();
    expect(sink.offsets()).toEqual([1, 2]);
    await log.append('s', [event(3)]);
    expect([sink.offsets(), told.length]).toEqual([[1, 2, 3], 1]);
  });

  it('does not miss what is appended between its last read and going live', async () => {
    const log = memory();
    let appended = false;
    const racing: EventLog = Object.assign(Object.create(log) as EventLog, {
      append: log.append.bind(log),
      info: log.info.bind(log),
      subscribe: log.subscribe.bind(log),
      read: async (stream: string, range: { after: number }) => {
        const read = await log.read(stream, range);
        if (read.batches.length === 0 && !appended) {
          appended = true;
          await log.append(stream, [event(2)]);
        }
        return read;
      },
    });
    await log.append('s', [event(1)]);
    const sink = client();
    const feed = new StreamFeed({ log: racing, key: 's', name: 't', window: 1_024, ...accounted() }, sink, observer);
    await feed.open(undefined);
    await feed.replay();
    expect(sink.offsets()).toEqual([1, 2]);
    expect(sink.frames.at(-1)).toMatchObject({ type: 'live', offset: 2 });
  });

  it('sends what is appended during a replay after all that is replayed', async () => {
    const log = memory();
    let reads = 0;
    const growing: EventLog = Object.assign(Object.create(log) as EventLog, {
      info: log.info.bind(log),
      subscribe: log.subscribe.bind(log),
      read: async (stream: string, range: { after: number }) => {
        reads += 1;
        if (reads === 1) await log.append(stream, [event(4)]);
        return log.read(stream, range);
      },
    });
    for (let n = 1; n <= 3; n += 1) await log.append('s', [event(n)]);
    const sink = client();
    const feed = new StreamFeed({ log: growing, key: 's', name: 't', window: 1_024, ...accounted() }, sink, observer);
    await feed.open(undefined);
    await feed.replay();
    expect(sink.offsets()).toEqual([1, 2, 3, 4]);
    expect(sink.frames.at(-1)).toMatchObject({ type: 'live', offset: 4 });
  });

  it('keeps nothing for a client without room: it reads on from the log when there is some', async () => {
    const { log, sink } = await liveFeed();
    sink.isRoomy = false;
    for (let n = 1; n <= 300; n += 1) await log.append('s', [event(n)]);
    await settled();
    expect(sink.offsets()).toEqual([]);
    sink.drained();
    await settled();
    expect(sink.offsets()).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    await log.append('s', [event(301)]);
    expect(sink.offsets().at(-1)).toBe(301);
  });

  it('tells of a gap and of a new epoch with a reset, and goes on behind it', async () => {
    const log = memory();
    const sink = client();
    const feed = new StreamFeed({ log, key: 's', name: 't', window: 1_024, ...accounted() }, sink, observer);
    await log.append('s', [event(1), event(2)]);
    await feed.open(undefined);
    await feed.replay();
    await log.drop('s');
    await log.append('s', [event(1)]);
    await settled();
    expect(sink.frames.filter((frame) => frame.type === 'reset')).toMatchObject([{ stream: 't', floor: 0 }]);
    expect(sink.offsets()).toEqual([1, 2, 1]);
  });

  it('goes to rest when its stream was dropped and is empty', async () => {
    const { log, sink, feed } = await liveFeed();
    sink.isRoomy = false;
    await log.append('s', [event(1)]);
    await log.drop('s');
    sink.drained();
    await settled();
    expect(feed.isLive).toBe(true);
    await log.append('s', [event(1)]);
    expect(sink.offsets()).toEqual([1]);
  });

  it('sends nothing that it was reading when the hold began, before that is over', async () => {
    const { log, sink, feed } = await liveFeed();
    sink.isRoomy = false;
    await log.append('s', [event(1)]);
    const release = feed.hold();
    sink.drained();
    await settled();
    expect(sink.offsets()).toEqual([]);
    release();
    await settled();
    expect(sink.offsets()).toEqual([1]);
  });

  it('sends nothing while it is held, and everything in order after', async () => {
    const { log, sink, feed } = await liveFeed();
    const release = feed.hold();
    await log.append('s', [event(1)]);
    await log.append('s', [event(2)]);
    await settled();
    expect(sink.offsets()).toEqual([]);
    release();
    release();
    await settled();
    expect(sink.offsets()).toEqual([1, 2]);
  });

  it('has no more on its way than the window, and goes on with each ack', async () => {
    const log = memory();
    const sink = client();
    const feed = new StreamFeed({ log, key: 's', name: 't', window: 10, ...accounted() }, sink, observer);
    const { info } = await feed.open('top');
    await feed.replay();
    for (let n = 1; n <= 35; n += 1) await log.append('s', [event(n)]);
    await settled();
    expect(sink.offsets()).toEqual(upTo(10));
    expect(feed.unacknowledged).toBe(10);
    expect(feed.acknowledge(info.epoch, 4)).toBe(true);
    await settled();
    expect(sink.offsets().length).toBeGreaterThanOrEqual(14);
    for (let n = 0; n < 35; n += 1) {
      feed.acknowledge(info.epoch, sink.offsets().at(-1) as number);
      await settled();
    }
    // Records may have grown together meanwhile: what a client has already it drops.
    expect([...new Set(sink.offsets())]).toEqual(upTo(35));
    expect(feed.isLive).toBe(true);
    // An older one, or one of another epoch, takes nothing back; one beyond what was sent is a mistake.
    expect(feed.acknowledge(info.epoch, 1)).toBe(true);
    expect(feed.acknowledge('other', 99)).toBe(true);
    expect(feed.unacknowledged).toBe(0);
    expect(feed.acknowledge(info.epoch, 36)).toBe(false);
  });

  it('sends once more what is pulled, and resets whoever pulls what was never sent', async () => {
    const { log, sink, feed } = await liveFeed();
    for (let n = 1; n <= 5; n += 1) await log.append('s', [event(n)]);
    const { epoch } = feed.position;
    feed.pull(epoch, 3);
    await settled();
    expect(sink.offsets()).toEqual([1, 2, 3, 4, 5, 4, 5]);
    expect(sink.frames.at(-1)).toMatchObject({ type: 'live', offset: 5 });
    feed.pull(epoch, 9);
    await settled();
    expect(sink.frames.filter(({ type }) => type === 'reset')).toMatchObject([{ floor: 0 }]);
    expect(sink.offsets().slice(7)).toEqual([1, 2, 3, 4, 5]);
    await log.append('s', [event(6)]);
    expect(sink.offsets().at(-1)).toBe(6);
  });

  it('gives every client the same bytes, made once', async () => {
    const log = memory();
    const written: EventsFrameBytes[] = [];
    for (let i = 0; i < 3; i += 1) {
      const sink = { ...client(), sendEvents: (events: EventsFrameBytes) => void written.push(events) };
      const feed = new StreamFeed({ log, key: 's', name: 't "quoted"', window: 10, ...accounted() }, sink, observer);
      await feed.open('top');
      await feed.replay();
    }
    await log.append('s', [event(1)]);
    expect(written).toHaveLength(3);
    expect(new Set(written.map(({ wire }) => wire)).size).toBe(1);
    expect(parseServerFrame(textOf(written[0] as EventsFrameBytes))).toMatchObject({
      stream: 't "quoted"',
      offset: 1,
      events: [{ n: 1 }],
    });
  });
});

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe('the streams of a connection', () => {
  it('are followed and left as the client asks, from its cursor, within the limit', async () => {
    await using server = await serve(() => ({ methods: {} }), { server: { limits: { streams: 2 } } });
    const log = server.app.get(EventLog);
    const raw = await RawClient.welcomed(server.url);
    const key = (thread: string): string => streamOf(server.sessions[0]!.principal, thread);
    await log.append(key('a'), [event(1), event(2)]);
    await log.append(key('a'), [event(3)]);
    const { epoch } = await log.info(key('a'));
    raw.send({ type: 'subscribe', stream: 'a', cursor: { epoch, offset: 2 } });
    expect(await raw.next('events')).toMatchObject({ stream: 'a', offset: 3 });
    expect(await raw.next('live')).toMatchObject({ stream: 'a', offset: 3 });
    raw.send({ type: 'subscribe', stream: 'b' });
    await raw.next('live');
    raw.send({ type: 'subscribe', stream: 'c' });
    expect(await raw.frame()).toMatchObject({ code: 'STREAMS_FULL' });
    raw.send({ type: 'unsubscribe', stream: 'a' });
    await raw.roundTrip();
    await log.append(key('a'), [event(4)]);
    raw.send({ type: 'ack', stream: 'a', epoch, offset: 3 });
    expect(await raw.next('error')).toMatchObject({ code: 'STREAM_UNKNOWN' });
    raw.send({ type: 'subscribe', stream: 'a', cursor: { epoch, offset: 3 } });
    expect(await raw.next('events')).toMatchObject({ offset: 4 });
    await raw.close();
  });

  it('are accounted for exactly', async () => {
    await using server = await serve(() => ({ methods: {} }));
    const log = server.app.get(EventLog);
    const tabs = [
      await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] }),
      await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] }),
    ];
    const key = streamOf(server.sessions[0]!.principal, 't');
    for (let n = 1; n <= 5; n += 1) await log.append(key, [event(n)]);
    const { epoch } = await log.info(key);
    while ((await tabs[0]!.next('events')).offset < 5) continue;
    expect(await server.server.delivery()).toEqual({ appended: 5, acknowledged: 0, pending: 5, expired: 0 });
    tabs[0]!.send({ type: 'ack', stream: 't', epoch, offset: 3 });
    await tabs[0]!.roundTrip();
    expect(await server.server.delivery()).toEqual({ appended: 5, acknowledged: 3, pending: 2, expired: 0 });
    tabs[1]!.send({ type: 'ack', stream: 't', epoch, offset: 9 });
    await tabs[1]!.roundTrip();
    expect(tabs[1]!.all('error')).toMatchObject([{ code: 'ACK_BEYOND', details: { offset: 9, sent: 5 } }]);
    expect(await server.server.delivery()).toEqual({ appended: 5, acknowledged: 3, pending: 2, expired: 0 });
    await Promise.all(tabs.map((tab) => tab.close()));
  });

  it('have their positions told soon after the last of a burst, unless it was acknowledged', async () => {
    const clock = new FakeClock();
    await using server = await serve(() => ({ methods: {} }), { app: { clock } });
    const log = server.app.get(EventLog);
    const raw = await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] });
    const key = streamOf(server.sessions[0]!.principal, 't');
    await log.append(key, [event(1)]);
    const { epoch } = await log.info(key);
    await raw.next('events');
    await clock.advance(300);
    await log.append(key, [event(2)]);
    await raw.next('events');
    await clock.advance(499);
    await raw.roundTrip();
    expect(raw.frames.some(({ type }) => type === 'ping')).toBe(false);
    await clock.advance(1);
    await raw.roundTrip();
    expect(raw.all('ping')).toEqual([{ type: 'ping', positions: { t: { epoch, offset: 2 } } }]);
    await log.append(key, [event(3)]);
    await raw.next('events');
    raw.send({ type: 'ack', stream: 't', epoch, offset: 3 });
    await raw.roundTrip();
    await clock.advance(2_000);
    await raw.roundTrip();
    expect(raw.frames.filter(({ type }) => type === 'ping')).toHaveLength(1);
    await raw.close();
  });
});
