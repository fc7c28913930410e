import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp, EventLog, KeyValueStore, MemoryLog, provide, provideValue } from '@muster/core';
import { FakeClock, numberedEvent as event, readAll, recordEvents } from '@muster/core/testing';
import { lmdb, LmdbEventLog, LmdbKeyValueStore, LmdbSettings, LmdbStorage, settingsOf } from '@muster/lmdb';
import { open } from 'lmdb';
import { Environment } from '../src/environment.ts';
import { directory, opened, removeAll } from './harness.ts';

jest.setTimeout(20_000);
afterEach(() => void jest.restoreAllMocks());
afterAll(removeAll);

const up = (to: number, from = 1): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const TMPFS = 0x01021994;

/** Counts the transactions from now on. */
function transactions() {
  return jest.spyOn(Environment.prototype, 'commit');
}

describe('a log that is closed while its callers go on', () => {
  it('writes what waits, refuses what comes, and gives the process back', async () => {
    const { log, close } = await opened();
    const ends: string[] = [];
    const goOn = async (name: string, turns: number): Promise<void> => {
      for (let n = 1; n <= 10; n += 1) {
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        ends.push(
          await log.append(name, [event(n)]).then(
            ({ top }) => `${name} ${top}`,
            (error: { code: string }) => `${name} ${error.code}`,
          ),
        );
      }
    };
    // One after each number of turns: among them are those between the last flush and the end.
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const going = names.map(goOn);
    const closing = close();
    await Promise.all([...going, closing]);
    for (const name of names) {
      const own = ends.filter((end) => end.startsWith(name)).map((end) => end.slice(2));
      const written = own.indexOf('STORAGE_CLOSED');
      expect(own).toHaveLength(10);
      expect(own.slice(0, written)).toEqual(up(written).map(String));
      expect(new Set(own.slice(written))).toEqual(new Set(['STORAGE_CLOSED']));
    }
  });
});

describe('an app', () => {
  it('keeps its events and keys in the directory that it lists, and binds no log of its own', async () => {
    const path = directory();
    for (const round of [1, 2]) {
      await using app = createApp({ services: [...lmdb({ directory: path })] });
      await app.start();
      const log = app.get(EventLog);
      expect(log).toBeInstanceOf(LmdbEventLog);
      expect(log).not.toBeInstanceOf(MemoryLog);
      expect(app.get(KeyValueStore)).toBeInstanceOf(LmdbKeyValueStore);
      expect(await log.append('s', [event(round)])).toMatchObject({ ok: true, top: round });
      expect(log.durability).toBe('fsync');
    }
  });

  it('may list the services by themselves', async () => {
    const settings = provideValue(LmdbSettings, settingsOf({ directory: directory() }));
    await using app = createApp({ services: [LmdbStorage, provide(EventLog, LmdbEventLog), settings] });
    await app.start();
    expect(await app.get(EventLog).append('s', [event(1)])).toMatchObject({ top: 1 });
  });
});

describe('group commit', () => {
  it('writes what arrives during a flush with the next one', async () => {
    const test = await opened();
    const commits = transactions();
    await Promise.all(up(1_024).map((n) => test.log.append(`s${n % 200}`, [event(n)])));
    expect(commits.mock.calls.length).toBeLessThanOrEqual(2);
    commits.mockClear();
    const first = test.log.append('s', [event(1)]);
    await test.clock.settle(1);
    const others = up(500).map((n) => test.log.append('t', [event(n)]));
    await Promise.all([first, ...others]);
    expect(commits.mock.calls.length).toBeLessThanOrEqual(3);
    commits.mockRestore();
    await test.close();
  });

  it('flushes a lone append at once, and the next ones together when the spacing is over', async () => {
    const test = await opened({ spacingMs: 5 });
    await test.log.append('s', [event(1)]);
    const commits = transactions();
    let done = 0;
    const others = up(10, 2).map((n) => test.log.append('s', [event(n)]).then(() => (done += 1)));
    await test.clock.advance(4);
    expect([commits.mock.calls.length, done]).toEqual([0, 0]);
    await test.clock.advance(1);
    await Promise.all(others);
    expect(commits.mock.calls).toHaveLength(1);
    commits.mockRestore();
    await test.close();
  });

  it('gathers longer after a flush of many events, up to three times the spacing and a bit, and as before after a small one', async () => {
    const test = await opened({ spacingMs: 5 });
    const commits = transactions();
    const flush = async (streams: number, waitMs: number): Promise<void> => {
      commits.mockClear();
      const all = Promise.all(up(streams).map((n) => test.log.append(`stream ${n}`, [event(n)])));
      await test.clock.advance(waitMs - 1);
      expect([streams, commits.mock.calls.length]).toEqual([streams, 0]);
      await test.clock.advance(1);
      await all;
      expect(commits.mock.calls).toHaveLength(1);
    };
    await test.log.append('s', [event(1)]);
    await flush(500, 5);
    await flush(120, 16);
    await flush(110, 12);
    await flush(1, 11);
    await flush(1, 5);
    // What counts are events: a burst has many of them in one record.
    const burst = test.log.append(
      's',
      up(150).map((n) => event(n)),
    );
    await test.clock.advance(5);
    await burst;
    await flush(1, 15);
    commits.mockRestore();
    await test.close();
  });

  it('does not gather when all that append wait for it already', async () => {
    const test = await opened({ spacingMs: 5 });
    const commits = transactions();
    const all = (): Promise<unknown> => Promise.all(up(500).map((n) => test.log.append(`stream ${n}`, [event(n)])));
    await all();
    const again = all();
    commits.mockClear();
    await test.clock.advance(4);
    expect(commits.mock.calls).toHaveLength(0);
    await test.clock.advance(1);
    await again;
    expect(commits.mock.calls).toHaveLength(1);
    // One that joins shows that there are others.
    const third = all();
    commits.mockClear();
    await test.clock.advance(4);
    const late = test.log.append('late', [event(1)]);
    await test.clock.advance(2);
    expect(commits.mock.calls).toHaveLength(0);
    await test.clock.advance(1);
    await Promise.all([third, late]);
    expect(commits.mock.calls).toHaveLength(1);
    // What is still being gathered may become more.
    const fourth = all();
    const gathered = test.log.append('gathered', () => ({ json: Buffer.from(JSON.stringify([event(1)])), count: 1 }));
    commits.mockClear();
    await test.clock.advance(15);
    expect(commits.mock.calls).toHaveLength(0);
    await test.clock.advance(1);
    await Promise.all([fourth, gathered]);
    commits.mockRestore();
    await test.close();
  });

  it('does not wait for the spacing when much waits already', async () => {
    const test = await opened({ spacingMs: 1_000 });
    await test.log.append('s', [event(1)]);
    await Promise.all(up(40, 2).map((n) => test.log.append('s', [event(n, 'x'.repeat(8_000))])));
    expect(test.clock.monotonic()).toBe(0);
    expect(await readAll(test.log, 's')).toEqual(up(40));
    await test.close();
  });

  it('shows and resolves nothing before it is on the disk', async () => {
    const test = await opened();
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { environment } = test.storage;
    const commit = environment.commit.bind(environment);
    let written!: () => void;
    const isWritten = (): Promise<void> => new Promise((resolve) => (written = resolve));
    const commits = transactions().mockImplementation(async (write) => {
      await commit(write);
      written();
      await held;
    });
    const seen: string[] = [];
    test.log.subscribe('s', () => seen.push('shown'));
    const first = isWritten();
    const appended = test.log.append('s', [event(1)]).then(() => seen.push('resolved'));
    await first;
    const early = [[...seen], (await test.log.info('s')).top, await readAll(test.log, 's')];
    const second = isWritten();
    const key = test.store.create('k', 1);
    await second;
    const earlyKeys = [await test.store.get('k'), await test.store.list('')];
    release();
    await Promise.all([appended, key]);
    expect([early, earlyKeys]).toEqual([
      [[], 0, []],
      [undefined, []],
    ]);
    expect(seen).toEqual(['shown', 'resolved']);
    expect(await test.store.get('k')).toMatchObject({ value: 1 });
    commits.mockRestore();
    await test.close();
  });
});

describe('many streams', () => {
  const SHOWN = 200;

  it('are shown in slices, with a look at what has come between them', async () => {
    const test = await opened();
    let shown = 0;
    let early: number | undefined;
    for (let n = 0; n < SHOWN; n += 1)
      test.log.subscribe(`s${n}`, () => {
        shown += 1;
        if (shown === 1) setImmediate(() => (early = shown));
      });
    const numbers = Array.from({ length: SHOWN }, (_, n) => n);
    await Promise.all(numbers.map((n) => test.log.append(`s${n}`, [event(n)])));
    expect([early, shown]).toEqual([64, SHOWN]);
    await test.close();
  });

  it('are indexed slice by slice, and each has what it had', async () => {
    const test = await opened({ tailBytes: 10_000 });
    const numbers = Array.from({ length: SHOWN }, (_, n) => n + 1);
    await Promise.all(numbers.map((n) => test.log.append(`s${n}`, [event(n)])));
    await test.log.append('s1', [event(0)]);
    await test.close();
    await test.start();
    for (const n of numbers.slice(1)) expect(await readAll(test.log, `s${n}`)).toEqual([n]);
    expect(await readAll(test.log, 's1')).toEqual([1, 0]);
    await test.close();
  });
});

describe('the newest events', () => {
  it('are indexed when they are many: a start reads the rest alone', async () => {
    const test = await opened({ tailBytes: 100_000 });
    for (let n = 1; n <= 400; n += 1) await test.log.append(`s${n % 4}`, [event(n, 'x'.repeat(1_000))]);
    const { batches } = await test.log.read('s1', { after: 0, maxBytes: Number.POSITIVE_INFINITY });
    // Records that were single in the groups come together.
    expect(batches.length).toBeLessThan(40);
    await test.close();
    const again = await opened(test.settings);
    const expected = up(400).filter((n) => n % 4 === 1);
    expect(await readAll(again.log, 's1')).toEqual(expected);
    expect(await readAll(again.log, 's1', 57, 1)).toEqual(expected.slice(57));
    await again.close();
  });
});

describe('retention', () => {
  it('by size forgets the oldest of all streams first, and keeps epochs and offsets', async () => {
    const test = await opened({ keepBytes: 300_000, tailBytes: 50_000 });
    await test.log.append('old', [event(1)]);
    const { epoch } = await test.log.info('old');
    for (let n = 1; n <= 1_000; n += 1) await test.log.append('s', [event(n, 'x'.repeat(1_000))]);
    await test.log.sweep();
    expect(await test.log.info('old')).toEqual({ epoch, floor: 1, top: 1 });
    const { floor, top } = await test.log.info('s');
    expect(top).toBe(1_000);
    const kept = (top - floor) * 1_100;
    expect(kept).toBeGreaterThan(150_000);
    expect(kept).toBeLessThan(450_000);
    expect(await readAll(test.log, 's')).toEqual(up(1_000, floor + 1));
    await test.close();
    const again = await opened(test.settings);
    expect(await again.log.info('old')).toEqual({ epoch, floor: 1, top: 1 });
    expect(await again.log.append('old', [event(2)])).toMatchObject({ epoch, top: 2 });
    await again.close();
  });

  it('takes the events of a dropped stream off the disk, in steps', async () => {
    const test = await opened({ tailBytes: 1 });
    for (let n = 1; n <= 600; n += 1) await test.log.append('s', [event(n)]);
    await test.log.drop('s');
    await test.log.append('s', [event(601)]);
    const commits = transactions();
    await test.log.sweep();
    expect(commits.mock.calls.length).toBeGreaterThanOrEqual(2);
    commits.mockRestore();
    expect(await readAll(test.log, 's')).toEqual([601]);
    const places = test.storage.environment.table('places');
    expect(places.getKeysCount()).toBeLessThanOrEqual(1);
    const groups = test.storage.environment.table('groups');
    expect(groups.getKeysCount()).toBeLessThanOrEqual(1);
    await test.close();
  });

  it.each([
    ['was indexed', { tailBytes: 1 }, false],
    ['was among the newest', {}, false],
    ['was read again at a start', {}, true],
  ])('leaves nothing of a dropped stream that %s, and all of those that lie beside it', async (_, options, isAgain) => {
    let test = await opened(options);
    for (const n of up(3)) {
      await Promise.all(['a', 'b', 'c'].map((stream) => test.log.append(stream, [event(n, `said in ${stream}`)])));
    }
    await test.log.drop('b');
    if (isAgain) {
      await test.close();
      test = await opened(test.settings);
    }
    await test.log.sweep();
    const bytes = Buffer.concat([...test.storage.environment.table('groups').getRange()].map(({ value }) => value));
    expect(['a', 'b', 'c'].map((stream) => bytes.includes(`said in ${stream}`))).toEqual([true, false, true]);
    for (const stream of ['a', 'c']) expect(await readAll(test.log, stream)).toEqual(up(3));
    expect(await test.log.info('b')).toMatchObject({ floor: 0, top: 0 });
    await test.log.append('b', [event(1)]);
    await test.close();
    const again = await opened(test.settings);
    for (const stream of ['a', 'c']) expect(await readAll(again.log, stream)).toEqual(up(3));
    expect(await readAll(again.log, 'b')).toEqual([1]);
    await again.close();
  });

  it.each([
    ['dropped, and was indexed', { tailBytes: 1 }, true],
    ['dropped, and was among the newest', {}, true],
    ['too old', { keepMs: 60_000 }, false],
  ])('takes small steps where the disk has room for no large ones: of what is %s', async (_, options, isDropped) => {
    const test = await opened(options);
    for (let n = 1; n <= 40; n += 1) await test.log.append('s', [event(n, 'x'.repeat(20_000))]);
    const { environment } = test.storage;
    const commit = environment.commit.bind(environment);
    const full = Object.assign(new Error('There is no room.'), { code: 'DISK_FULL' });
    const groups = environment.table('groups');
    const commits = transactions().mockImplementation(async (write) => {
      let removed = 0;
      write({ put: () => {}, remove: () => void (removed += 1) });
      if (removed > 12) throw full;
      await commit(write);
    });
    if (isDropped) await test.log.drop('s');
    else await test.clock.advance(120_000);
    await test.log.sweep();
    commits.mockRestore();
    expect(groups.getKeysCount()).toBe(0);
    await test.close();
  });

  it('uses the room of what it has forgotten, whatever the sizes', async () => {
    const keepBytes = 4_000_000;
    const test = await opened({ keepBytes, tailBytes: 200_000 });
    const sizes = [100, 30_000, 3_000, 70_000, 9_000, 1_500];
    let written = 0;
    for (let n = 1; written < 6 * keepBytes; n += 1) {
      const texts = sizes.map((size, i) => 'x'.repeat(size + ((n * 37 + i) % 500)));
      await Promise.all(texts.map((text, i) => test.log.append(`s${(n + i) % 9}`, [event(n, text)])));
      written += texts.reduce((sum, { length }) => sum + length, 0);
    }
    expect(statSync(join(test.settings.directory, 'data.mdb')).size).toBeLessThan(keepBytes * 1.5);
    await test.close();
  });
});

describe('a data directory', () => {
  it('in memory is named for what it is', async () => {
    const parent = '/dev/shm';
    expect(statfsSync(parent).type).toBe(TMPFS);
    const test = await opened({ directory: directory(parent) });
    expect(test.log.durability).toBe('memory');
    expect(test.said).toEqual([expect.stringContaining('tmpfs')]);
    await test.close();
    await using app = createApp({ services: [...lmdb({ directory: directory(parent) })] });
    const recorded = recordEvents(app);
    await app.start();
    expect(recorded.of('progress')).toMatchObject([
      { service: 'LmdbStorage', text: expect.stringContaining('does not survive') },
    ]);
  });

  it('claims no durability before it is open', async () => {
    const test = await opened();
    expect([test.log.durability, test.said]).toEqual(['fsync', []]);
    await test.close();
    expect(test.log.durability).toBe('memory');
  });

  it('is refused when it holds something else', async () => {
    const broken = directory();
    writeFileSync(join(broken, 'data.mdb'), Buffer.alloc(16_384, 7));
    await expect(opened({ directory: broken })).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_UNUSABLE',
      fatal: true,
      details: { directory: broken },
    });
    const foreign = directory();
    const other = open({ path: foreign, noSubdir: false });
    await other.openDB({ name: 'theirs' }).put('a', 1);
    await other.close();
    await expect(opened({ directory: foreign })).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_UNUSABLE',
      details: { reason: expect.stringContaining('another program') },
    });
    const file = join(directory(), 'file');
    writeFileSync(file, '');
    await expect(opened({ directory: file })).rejects.toMatchObject({ code: 'DATA_DIRECTORY_UNUSABLE' });
  });

  it('of which an option makes no sense is refused', () => {
    expect(() => lmdb({ keepMs: 0 })).toThrow(
      expect.objectContaining({ code: 'DATA_DIRECTORY_UNUSABLE', details: expect.anything() }),
    );
  });

  it('says no when it is closed, and can be opened again', async () => {
    const test = await opened();
    await test.log.append('s', [event(1)]);
    await test.close();
    await expect(test.log.append('s', [event(2)])).rejects.toMatchObject({ code: 'STORAGE_CLOSED' });
    await expect(test.log.read('s', { after: 0 })).rejects.toMatchObject({ code: 'STORAGE_CLOSED' });
    await expect(test.store.get('k')).rejects.toMatchObject({ code: 'STORAGE_CLOSED' });
    await expect(test.storage.check({ clock: test.clock })).rejects.toMatchObject({ code: 'STORAGE_CLOSED' });
    await test.start();
    expect(await readAll(test.log, 's')).toEqual([1]);
    await test.close();
  });
});

describe('a write that fails', () => {
  it('for no known reason is a crash of the log: it refuses all, until it has read the directory again', async () => {
    const test = await opened();
    await test.log.append('s', [event(1)]);
    const broken = Object.assign(new Error('no such device'), { code: 'WRITE_FAILED' });
    const commits = transactions().mockRejectedValueOnce(broken);
    const appends = await Promise.allSettled(up(3).map((n) => test.log.append('s', [event(n)])));
    expect(appends.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(test.failed).toEqual([broken]);
    await expect(test.log.append('s', [event(2)])).rejects.toMatchObject({ code: 'STORAGE_CLOSED' });
    commits.mockRestore();
    await test.close();
    await test.start();
    expect(await readAll(test.log, 's')).toEqual([1]);
    await test.close();
  });

  it('makes the storage unhealthy, and a check that can write makes it healthy again', async () => {
    const test = await opened();
    const full = Object.assign(new Error('There is no room.'), { code: 'DISK_FULL' });
    const commits = transactions().mockRejectedValue(full);
    await expect(test.log.append('s', [event(1)])).rejects.toBe(full);
    expect(await test.storage.check({ clock: test.clock })).toEqual({ status: 'unhealthy', reason: full.message });
    commits.mockRestore();
    expect(await test.storage.check({ clock: test.clock })).toEqual({ status: 'healthy' });
    expect(await test.log.append('s', [event(1)])).toMatchObject({ top: 1 });
    await test.close();
  });

  it('that does not end is found by the check', async () => {
    const clock = new FakeClock();
    const test = await opened({}, clock);
    let release!: () => void;
    const commits = transactions().mockImplementation(() => new Promise((resolve) => (release = resolve)));
    const appended = test.log.append('s', [event(1)]);
    await clock.advance(9_000);
    expect(await test.storage.check({ clock })).toEqual({ status: 'healthy' });
    await clock.advance(2_000);
    expect(await test.storage.check({ clock })).toMatchObject({ status: 'unhealthy' });
    release();
    await appended;
    commits.mockRestore();
    await test.close();
  });
});
