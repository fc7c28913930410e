import { describe, expect, it } from '@jest/globals';
import type { AgentEvent, ServerFrame } from '@muster/contracts';
import { type EventLog, MemoryLog, systemClock, systemRandom } from '@muster/core';
import { StreamFeed } from '../src/stream-feed.ts';

const event = (n: number): AgentEvent => ({
  id: `r:${n}`,
  event: 'agent_output',
  run: 'r',
  n,
  agent: 'a',
  at: 0,
  data: { delta: `${n}` },
});
const memory = () => new MemoryLog(systemClock, systemRandom, () => {});

/** A client that takes frames, and says whether it has room. */
function client() {
  const frames: ServerFrame[] = [];
  const waiters: (() => void)[] = [];
  return {
    frames,
    isRoomy: true,
    send: (frame: ServerFrame) => frames.push(frame),
    roomy(): Promise<void> {
      return this.isRoomy ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve));
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
const failed = (error: unknown): void => {
  throw error;
};

/** A feed that follows an empty stream. */
async function liveFeed() {
  const log = memory();
  const sink = client();
  const feed = new StreamFeed(log, 's', 't', sink, failed);
  await feed.open('top');
  await feed.replay();
  return { log, sink, feed };
}

describe('StreamFeed', () => {
  it('does not miss what is appended between its last read and going live', async () => {
    const log = memory();
    let appended = false;
    const racing: EventLog = Object.assign(Object.create(log) as EventLog, {
      append: log.append.bind(log),
      info: log.info.bind(log),
      subscribe: log.subscribe.bind(log),
      read: async (stream: string, range: { after: number }) => {
        const result = await log.read(stream, range);
        if (result.batches.length === 0 && !appended) {
          appended = true;
          await log.append(stream, [event(2)]);
        }
        return result;
      },
    });
    await log.append('s', [event(1)]);
    const sink = client();
    const feed = new StreamFeed(racing, 's', 't', sink, failed);
    await feed.open(undefined);
    await feed.replay();
    expect(sink.offsets()).toEqual([1, 2]);
    expect(sink.frames.at(-1)).toMatchObject({ type: 'live', offset: 2 });
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
    const feed = new StreamFeed(log, 's', 't', sink, failed);
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
});
