/** What log and store on NATS are made of, without a server: layouts, names, chains, followers, and the wait after an election. */
import { describe, expect, it } from '@jest/globals';
import type { Batch, KeyValueChange } from '@muster/core';
import { entriesOf } from '@muster/core/storage';
import { FakeClock } from '@muster/core/testing';
import fc from 'fast-check';
import { Barrier } from '../src/barrier.ts';
import { Chain, headAmong } from '../src/chain.ts';
import { decodeRecord, encodeRecord, type LogRecord, type StoredRecord } from '../src/codec.ts';
import type { JetStream, Kept } from '../src/jetstream.ts';
import { KeyWatch } from '../src/key-watch.ts';
import type { KeptKey } from '../src/nats-key-value-store.ts';
import { LiveFeed } from '../src/live-feed.ts';
import type { NatsConnection } from '../src/nats-connection.ts';
import { RecordReader } from '../src/record-reader.ts';
import { Room } from '../src/room.ts';
import { StreamFollower } from '../src/stream-follower.ts';
import { keyToSubject, prefixToSubject, subjectToKey } from '../src/subjects.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function record(sequence: number, previous: number, offset: number): StoredRecord {
  const json = Buffer.from(`[${offset}]`);
  return {
    kind: 'events',
    epoch: 'e',
    offset,
    count: 1,
    at: 0,
    previous,
    began: 0,
    attempt: `a${sequence}`,
    json,
    sequence,
  };
}

describe('a record', () => {
  it('is read as it was written', () => {
    const whole = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    const text = fc.string({ maxLength: 60, unit: 'grapheme-ascii' });
    const given = fc.record({
      kind: fc.constantFrom('events' as const, 'begin' as const, 'top' as const),
      epoch: text,
      offset: whole,
      count: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      at: whole,
      previous: whole,
      began: whole,
      attempt: text,
      json: fc.array(fc.jsonValue()).map((events) => Buffer.from(JSON.stringify(events))),
    });
    fc.assert(fc.property(given, (each) => expect(decodeRecord(messageOf(each))).toEqual(each)));
  });

  it('is refused when it is none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 31 }), (bytes) => expect(() => decodeRecord(bytes)).toThrow(/no record/)),
    );
  });
});

describe('the subject of a key', () => {
  const key = fc.string({ unit: 'grapheme', maxLength: 40 });

  it('leads back to it, and is legal', () => {
    fc.assert(
      fc.property(key, (each) => {
        expect(keyToSubject(each)).toMatch(/^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$/);
        expect(subjectToKey(keyToSubject(each))).toBe(each);
      }),
    );
  });

  it('is matched by the subject of every prefix of it', () => {
    fc.assert(
      fc.property(key, fc.nat(), (each, at) => {
        const prefix = Array.from(each)
          .slice(0, at % (each.length + 1))
          .join('');
        const pattern = prefixToSubject(prefix);
        expect(keyToSubject(each).startsWith(pattern.slice(0, -1))).toBe(true);
      }),
    );
  });
});

describe('a chain', () => {
  it('goes by the first that follows each, whatever came after it', () => {
    const links = [record(1, 0, 1), record(4, 1, 2), record(5, 1, 2), record(7, 4, 3), record(9, 1, 2)];
    expect(headAmong(links)?.sequence).toBe(7);
    expect(headAmong([])).toBeUndefined();
  });

  it('goes by the first of all where the last names none, for somebody believed that there was nothing', async () => {
    const records = [record(3, 0, 1), record(5, 3, 2), record(6, 3, 2), record(8, 5, 3), record(9, 0, 1)];
    expect(headAmong(records)?.sequence).toBe(8);
    const chain = chainOf(records);
    expect(await chain.end('s')).toMatchObject({ head: { sequence: 8 }, last: 9 });
    expect(await chain.counts('s', record(9, 0, 1))).toBe(false);
    // What came first may have been forgotten.
    records.splice(0, 3);
    expect(await chain.end('s')).toMatchObject({ head: { sequence: 8 }, last: 9 });
    expect(await chain.successor('s', 0)).toBeUndefined();
    expect(await chain.counts('s', record(9, 0, 1))).toBe(false);
  });

  it('begins with one that counts, whenever what is forgotten of it is left half done', async () => {
    const records = [
      record(1, 0, 1),
      record(3, 1, 2),
      record(4, 1, 2),
      record(6, 3, 3),
      record(7, 0, 1),
      record(9, 6, 4),
    ];
    const removed: number[] = [];
    await chainOf(records, (sequence) => void removed.push(sequence)).forgetBelow('s', 9);
    expect(removed).toEqual([4, 7, 1, 3, 6]);
  });
});

function messageOf({ json, ...head }: LogRecord): Buffer {
  return encodeRecord(head, [entriesOf(json)]).bytes;
}

/** A subject that a test fills. */
function subjectOf(records: StoredRecord[], remove: (sequence: number) => void = () => {}): JetStream {
  const kept = (each: StoredRecord | undefined): Kept | undefined =>
    each && { subject: 's', sequence: each.sequence, data: messageOf(each) };
  return {
    last: async () => kept(records.at(-1)),
    next: async (_: string, sequence: number) => kept(records.find((each) => each.sequence >= sequence)),
    remove: async (sequence: number) => remove(sequence),
  } as unknown as JetStream;
}

function chainOf(records: StoredRecord[], remove?: (sequence: number) => void): Chain<StoredRecord> {
  return new Chain(subjectOf(records, remove), ({ data, sequence }) => ({ ...decodeRecord(data), sequence }));
}

/** A subject that a test fills, and a follower of it. */
function followed(records: StoredRecord[]) {
  const jetstream = subjectOf(records);
  const shown: number[] = [];
  const failures: unknown[] = [];
  const follower = new StreamFollower('s', 's', {
    reader: new RecordReader(jetstream, 'e'),
    caughtUp: async () => {},
    show: (_, { offset }: Batch) => void shown.push(offset),
    failed: (_, error) => void failures.push(error),
  });
  return { records, follower, shown, failures };
}

describe('a follower', () => {
  it('shows what arrives after it began, and nothing of before', async () => {
    const { records, follower, shown } = followed([record(3, 0, 1)]);
    await settled();
    records.push(record(5, 3, 2));
    expect(follower.arrived(record(5, 3, 2), 3)).toBeUndefined();
    expect(shown).toEqual([2]);
  });

  it('reads what did not arrive', async () => {
    const { records, follower, shown } = followed([record(3, 0, 1)]);
    await settled();
    records.push(record(5, 3, 2), record(8, 5, 3));
    await follower.arrived(record(8, 5, 3), 5);
    expect(shown).toEqual([2, 3]);
  });

  it('finds the last one, which did not arrive, when it looks again', async () => {
    const { records, follower, shown } = followed([record(3, 0, 1)]);
    await settled();
    records.push(record(5, 3, 2));
    await follower.heal();
    expect(shown).toEqual([2]);
  });

  it('shows nothing that does not count, and nothing twice', async () => {
    const { records, follower, shown } = followed([record(3, 0, 1)]);
    await settled();
    records.push(record(5, 3, 2), record(6, 3, 2), record(9, 5, 3));
    await follower.arrived(record(5, 3, 2), 3);
    await follower.arrived(record(6, 3, 2), 5);
    await follower.arrived(record(9, 5, 3), 6);
    await follower.arrived(record(9, 5, 3), 6);
    expect(shown).toEqual([2, 3]);
  });

  it('shows what counts when it heard only of one that was stored after it and follows the same one', async () => {
    const { records, follower, shown } = followed([record(3, 0, 1)]);
    await settled();
    const late = { ...record(6, 3, 2), count: 7 };
    records.push(record(5, 3, 2), late);
    await follower.arrived(late, 5);
    await follower.arrived(record(8, 5, 3), 6);
    expect(shown).toEqual([2]);
  });

  it('goes on behind what was forgotten before it was shown', async () => {
    const { records, follower, shown } = followed([record(3, 0, 1)]);
    await settled();
    records.splice(0, 1, record(9, 7, 5));
    await follower.heal();
    expect(shown).toEqual([5]);
  });
});

describe('a watch of keys', () => {
  const kept = (sequence: number, previous: number, value?: number): KeptKey => ({
    key: 'k',
    sequence,
    previous,
    content: { by: '', after: previous, ...(value !== undefined && { value }) },
  });

  it('shows a key that was made again when it was forgotten that it was deleted, and not one that came too late', async () => {
    let there: KeptKey | undefined = kept(3, 0, 1);
    const shown: KeyValueChange[] = [];
    const watch = new KeyWatch('', {
      list: async () => [there as KeptKey],
      look: async () => there,
      sink: (change) => void shown.push(change),
      failed: () => {},
    });
    await watch.heal();
    there = kept(5, 3);
    watch.changed(there, 3);
    watch.changed(kept(6, 0, 9), 5);
    await settled();
    expect(shown).toMatchObject([
      { type: 'put', revision: 3 },
      { type: 'delete', revision: 5 },
    ]);
    there = kept(8, 0, 2);
    watch.changed(there, 0);
    await settled();
    expect(shown.slice(2)).toMatchObject([{ type: 'put', value: 2, revision: 8 }]);
  });
});

describe('what is sent out', () => {
  it('is said to be lost, maybe, with the connection, with a leader, and with what came too fast; until it is closed', () => {
    let lost = 0;
    const returns = new Set<() => void>();
    const subscribed = new Map<string, (error: Error | null, message?: unknown) => void>();
    const connection = {
      onReturn: (told: () => void) => {
        returns.add(told);
        return () => returns.delete(told);
      },
      connection: {
        subscribe: (subject: string, { callback }: { callback: () => void }) => {
          subscribed.set(subject, callback);
          return { unsubscribe: () => subscribed.delete(subject) };
        },
      },
    };
    const feed = new LiveFeed(connection as unknown as NatsConnection, 'muster_events', () => (lost += 1));
    feed.open();
    for (const told of returns) told();
    expect(lost).toBe(1);
    subscribed.get('$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.muster_events')?.(null);
    expect(lost).toBe(2);
    const heard: unknown[] = [];
    const end = feed.listen('muster.stored.s', (message) => heard.push(message));
    subscribed.get('muster.stored.s')?.(new Error('slow consumer'));
    expect([lost, heard]).toEqual([3, []]);
    end();
    feed.close();
    expect([returns.size, subscribed.size]).toEqual([0, 0]);
  });
});

describe('the room that is left', () => {
  it('is asked for before anything is refused, and not for each append', async () => {
    let [bytes, asked] = [600, 0];
    const answer = async (): Promise<number> => {
      asked += 1;
      return bytes;
    };
    const room = new Room({ bytes: answer } as unknown as JetStream, 1_000);
    expect([await room.take(200), await room.take(150), asked]).toEqual([true, true, 1]);
    bytes = 950;
    expect([await room.take(100), asked]).toEqual([false, 2]);
    bytes = 0;
    expect([await room.take(100), asked]).toEqual([true, 3]);
    bytes = 1_000;
    await room.look();
    expect(await room.take(1)).toBe(false);
  });
});

describe('the barrier', () => {
  it('lets nobody read before something has been stored, and again after each election', async () => {
    const clock = new FakeClock();
    const stored: (() => void)[] = [];
    const barrier = new Barrier(() => new Promise((resolve) => stored.push(resolve)), clock);
    await barrier.caughtUp();
    barrier.raise();
    let isRead = false;
    void barrier.passed().then(() => (isRead = true));
    barrier.raise();
    stored[0]?.();
    await settled();
    expect([isRead, stored.length]).toEqual([false, 2]);
    stored[1]?.();
    await settled();
    expect([isRead, stored.length]).toEqual([true, 2]);
  });

  it('tries again until it is stored, and lets who reads give up', async () => {
    const clock = new FakeClock();
    let failures = 30;
    const barrier = new Barrier(async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('nobody leads');
    }, clock);
    barrier.raise();
    const reading = expect(barrier.caughtUp()).rejects.toThrow('has not caught up');
    await clock.advance(2_000);
    await reading;
    await clock.advance(2_000);
    await barrier.caughtUp();
    expect(failures).toBe(-1);
  });
});
