/** Whatever cannot be continued is told as a reset, and why: a stream never goes on with a hole. */
import { describe, expect, it } from '@jest/globals';
import { parseServerFrame, type ServerFrame } from '@muster/contracts';
import { MemoryLog, systemClock, systemRandom } from '@muster/core';
import { numberedEvent as event } from '@muster/core/testing';
import { accounted } from './accounted.ts';
import { type EventsFrameBytes, textOf } from '../src/delivery/frame-bytes.ts';
import { StreamFeed } from '../src/delivery/stream-feed.ts';

const KEPT = 10;

/** Lets everything that waits for promises alone go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A log of one stream that keeps its last ten events, and a feed of it. */
function fed() {
  const log = new MemoryLog(systemClock, systemRandom, () => {}, { keepEvents: KEPT });
  const frames: ServerFrame[] = [];
  const waiters: (() => void)[] = [];
  const sink = {
    isRoomy: true,
    send: (frame: ServerFrame) => void frames.push(frame),
    sendEvents: (events: EventsFrameBytes) => void frames.push(parseServerFrame(textOf(events))),
    roomy: () => (sink.isRoomy ? undefined : new Promise<void>((resolve) => waiters.push(resolve))),
  };
  const observer = {
    sent: () => {},
    failed: (error: unknown): void => {
      throw error;
    },
    later: () => () => {},
  };
  return {
    log,
    feed: new StreamFeed({ log, key: 's', name: 't', window: 1_024, ...accounted() }, sink, observer),
    append: async (from: number, to: number) => {
      for (let n = from; n <= to; n += 1) await log.append('s', [event(n)]);
    },
    hang: () => (sink.isRoomy = false),
    drained: async () => {
      sink.isRoomy = true;
      for (const wake of waiters.splice(0)) wake();
      await settled();
    },
    /** Offsets, and what was said between them. */
    told: () =>
      frames.flatMap((frame): (number | string)[] => {
        if (frame.type === 'events') return frame.events.map((_, i) => frame.offset + i);
        return frame.type === 'reset' ? [`reset to ${frame.floor}: ${frame.why}`] : [frame.type];
      }),
  };
}

const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a cursor', () => {
  it.each([
    ['of another epoch', { epoch: 'another', offset: 15 }, 'under another epoch'],
    ['beyond the end', { offset: 21 }, 'beyond the end'],
    ['whose next event is no longer kept', { offset: 9 }, 'no longer kept'],
  ])('%s is answered with a reset to the floor, which stands in the status as well', async (_, cursor, why) => {
    const { log, feed, append, told } = fed();
    await append(1, 20);
    const { epoch, floor } = await log.info('s');
    expect(floor).toBe(20 - KEPT);
    const opened = await feed.open({ epoch, ...cursor });
    expect(opened.reset).toContain(why);
    await feed.replay();
    expect(told()).toEqual([...from(11, 20), 'live']);
  });

  it.each([10, 15, 20])('at %s of twenty events, ten of which are kept, is gone on with', async (offset) => {
    const { log, feed, append, told } = fed();
    await append(1, 20);
    const { epoch } = await log.info('s');
    expect((await feed.open({ epoch, offset })).reset).toBeUndefined();
    await feed.replay();
    expect(told()).toEqual([...from(offset + 1, 20), 'live']);
  });
});

describe('a client that reads too slowly for what the log keeps', () => {
  it('is told what it misses before it gets what comes after', async () => {
    const { feed, append, hang, drained, told } = fed();
    await feed.open(undefined);
    await feed.replay();
    await append(1, 2);
    hang();
    await append(3, 25);
    await drained();
    expect(told()).toEqual([
      'live',
      1,
      2,
      'reset to 15: events were no longer kept when their turn came',
      ...from(16, 25),
    ]);
    // And goes on as if nothing had been.
    await append(26, 26);
    expect(told().at(-1)).toBe(26);
    expect(feed.unacknowledged).toBe(11);
  });
});

describe('a stream that begins anew', () => {
  it('is told of before its first event, also to a client that has had none of the old one', async () => {
    const { log, feed, append, told } = fed();
    await append(1, 1);
    await log.drop('s');
    await feed.open(undefined);
    await feed.replay();
    const { epoch: old } = feed.position;
    await log.drop('s');
    await append(1, 2);
    await settled();
    expect(feed.position).toEqual({ epoch: (await log.info('s')).epoch, offset: 2 });
    expect(feed.position.epoch).not.toBe(old);
    expect(told()).toEqual(['live', 'reset to 0: the stream has begun anew', 1, 2]);
  });
});

describe('an ack', () => {
  it('of an epoch that is over moves nothing', async () => {
    const { log, feed, append } = fed();
    await feed.open(undefined);
    await feed.replay();
    await append(1, 5);
    const { epoch: old } = feed.position;
    await log.drop('s');
    await append(1, 3);
    await settled();
    expect(feed.acknowledge(old, 5)).toBe(true);
    expect(feed.acknowledge(old, 2)).toBe(true);
    expect(feed.unacknowledged).toBe(3);
  });
});
