import { describe, expect, it } from '@jest/globals';
import { MemoryLog, type MemoryLogOptions, MemoryStore } from '@muster/core';
import {
  eventLogConformance,
  FakeClock,
  keyValueStoreConformance,
  numberedEvent as event,
  readAll,
  SeededRandom,
} from '@muster/core/testing';

function logOf(options: MemoryLogOptions = {}, failed: unknown[] = []) {
  const clock = new FakeClock();
  const log = new MemoryLog(clock, new SeededRandom(1), (error) => failed.push(error), options);
  return { log, clock, failed };
}

describe('MemoryLog', () => {
  it.each(eventLogConformance())('$name', async (each) => {
    await each.run(async (limits = {}) => {
      const { log, clock } = logOf({ ...limits, keepMs: 60_000 });
      return { log, keepMs: 60_000, advance: (ms) => clock.advance(ms), close: async () => {} };
    });
  });

  it('keeps at least so many events of a stream, and not much more', async () => {
    const { log } = logOf({ keepEvents: 10 });
    for (let n = 1; n <= 55; n += 1) {
      await log.append('s', [event(n), event(n)]);
      const { floor, top } = await log.info('s');
      expect(top).toBe(n * 2);
      expect(top - floor).toBe(Math.min(10, top));
    }
    expect(await readAll(log, 's')).toEqual([51, 51, 52, 52, 53, 53, 54, 54, 55, 55]);
  });

  it('keeps so many bytes of a stream, and the newest record whatever its size', async () => {
    const { log } = logOf({ keepBytes: 10_000 });
    for (let n = 1; n <= 50; n += 1) await log.append('s', [event(n, 'x'.repeat(1_000))]);
    expect(await readAll(log, 's')).toEqual([42, 43, 44, 45, 46, 47, 48, 49, 50]);
    await log.append('s', [event(51, 'x'.repeat(20_000))]);
    expect(await readAll(log, 's')).toEqual([51]);
    expect(await log.info('s')).toMatchObject({ floor: 50, top: 51 });
  });

  it('gathers under load, for some milliseconds, and shows at once again when that is over', async () => {
    const { log, clock } = logOf({});
    const shown: number[] = [];
    for (let s = 0; s < 100; s += 1) log.subscribe(`s${s}`, ({ count }) => shown.push(count));
    const appends: Promise<unknown>[] = [];
    const appended = async (): Promise<void> => {
      for (let s = 0; s < 100; s += 1) appends.push(log.append(`s${s}`, [event(1)]));
      await clock.advance(1);
    };
    await appended();
    expect(shown).toHaveLength(100);
    // From the second on there is a rate: of a hundred in a millisecond.
    for (let n = 0; n < 12; n += 1) await appended();
    expect(shown).toEqual([...Array.from({ length: 200 }, () => 1), ...Array.from({ length: 100 }, () => 9)]);
    await clock.advance(100);
    await Promise.all(appends);
    expect(shown.reduce((sum, count) => sum + count)).toBe(1_300);
    await log.append('s1', [event(1)]);
    await log.append('s1', [event(2)]);
    expect(shown.slice(-2)).toEqual([1, 1]);
  });

  it('lets small records of one time grow together, so that many are few to read', async () => {
    const { log, clock } = logOf({ keepEvents: 10_000 });
    for (let n = 1; n <= 320; n += 1) await log.append('near', [event(n)]);
    for (let n = 1; n <= 320; n += 1) {
      await log.append('far', [event(n)]);
      await clock.advance(10_000);
    }
    const counts = async (stream: string): Promise<number[]> =>
      (await log.read(stream, { after: 0, maxBytes: 10_000_000 })).batches.map(({ count }) => count);
    expect(await counts('near')).toEqual(Array.from({ length: 10 }, () => 32));
    expect(await counts('far')).toEqual(Array.from({ length: 320 }, () => 1));
    expect([await readAll(log, 'near', 100), await readAll(log, 'far', 317)]).toEqual([
      Array.from({ length: 220 }, (_, i) => 101 + i),
      [318, 319, 320],
    ]);
  });

  it('reads in the middle of very many records', async () => {
    const { log } = logOf({ keepEvents: 500 });
    for (let n = 1; n <= 2_000; n += 1) await log.append('s', [event(n)]);
    expect(await readAll(log, 's', 1_900, 1)).toEqual(Array.from({ length: 100 }, (_, i) => 1_901 + i));
  });

  it('tells of what a sink threw, and goes on', async () => {
    const { log, failed } = logOf();
    log.subscribe('s', () => {
      throw new Error('broken');
    });
    expect(await log.append('s', [event(1)])).toMatchObject({ ok: true });
    expect(failed).toHaveLength(1);
  });

  it('rejects what is no JSON, and writes nothing of it', async () => {
    const { log } = logOf();
    await expect(log.append('s', [event(1), { ...event(2), at: 1n as never }])).rejects.toThrow(TypeError);
    expect(await log.info('s')).toMatchObject({ top: 0 });
  });
});

describe('MemoryStore', () => {
  it.each(keyValueStoreConformance())('$name', async (each) => {
    await each.run(async () => ({ store: new MemoryStore(() => {}), close: async () => {} }));
  });
});
