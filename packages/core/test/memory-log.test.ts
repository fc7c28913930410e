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
import { PageMemory, type PageOwner } from '../src/log/page-memory.ts';
import { RecentRecords } from '../src/log/recent-records.ts';

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

  describe('with many streams', () => {
    const KIB = 'x'.repeat(1_000);
    /** How many events it holds of each stream. */
    const kept = async (log: MemoryLog, streams: number): Promise<number[]> =>
      Promise.all(
        Array.from({ length: streams }, async (_, s) => {
          const { floor, top } = await log.info(`s${s}`);
          expect(await readAll(log, `s${s}`)).toEqual(Array.from({ length: top - floor }, (__, n) => floor + n + 1));
          return top - floor;
        }),
      );

    it('keeps so many bytes of all together, and forgets what is oldest', async () => {
      const { log } = logOf({ keepAllBytes: 2 ** 21 });
      for (let n = 1; n <= 200; n += 1) for (let s = 0; s < 20; s += 1) await log.append(`s${s}`, [event(n, KIB)]);
      const all = await kept(log, 20);
      expect(Math.min(...all)).toBeGreaterThan(15);
      expect(all.reduce((sum, each) => sum + each, 0)).toBeLessThan(2_000);
    });

    it('keeps what a slow one has said lately, though it has said it into an old page, and forgets one that is idle', async () => {
      const { log } = logOf({ keepAllBytes: 2 ** 20 });
      // Its second page has room for all that is to come.
      await log.append('s1', [event(1, 'x'.repeat(65_400))]);
      for (let n = 1; n <= 3_000; n += 1) {
        if (n <= 20) await log.append('s0', [event(n, KIB)]);
        if (n % 10 === 0) await log.append('s1', [event(n / 10 + 1)]);
        await log.append('s2', [event(n, KIB)]);
      }
      const [idle, slow, fast] = await kept(log, 3);
      expect([idle, slow]).toEqual([0, 300]);
      expect(fast).toBeGreaterThan(700);
      expect(await log.append('s0', [event(21)])).toMatchObject({ top: 21 });
    });
  });

  describe('under load', () => {
    /** So many events in a millisecond, each on another of the streams; what was shown, and how long each had waited. */
    function loaded(perMs = 20, streams = 9 * perMs) {
      const { log, clock } = logOf();
      const shown: number[] = [];
      const waited: number[] = [];
      const appends: Promise<unknown>[] = [];
      let at = 0;
      const emitted = Array.from({ length: streams }, (): number[] => []);
      for (const [s, times] of emitted.entries())
        log.subscribe(`s${s}`, ({ count }) => {
          shown.push(count);
          for (const time of times.splice(0, count)) waited.push(clock.monotonic() - time);
        });
      const pass = async (ms: number): Promise<void> => {
        for (const until = at + ms * perMs; at < until; at += 1) {
          const s = at % streams;
          emitted[s]?.push(clock.monotonic());
          appends.push(log.append(`s${s}`, [event(at)]));
          if (at % perMs === perMs - 1) await clock.advance(1);
        }
      };
      return { log, clock, shown, waited, appends, pass };
    }

    it('gathers for twenty milliseconds from the first event of each stream, so that few records leave', async () => {
      const { clock, shown, waited, appends, pass } = loaded();
      await pass(20);
      expect([shown.length, Math.max(...waited)]).toEqual([400, 0]);
      await pass(280);
      shown.length = 0;
      waited.length = 0;
      await pass(100);
      expect(waited.length).toBeGreaterThanOrEqual(1_900);
      expect(Math.max(...waited)).toBeLessThanOrEqual(22);
      // Each has an event every nine milliseconds, so two join the first.
      expect(new Set(shown)).toEqual(new Set([3]));
      await clock.advance(30);
      await Promise.all(appends);
    });

    it('goes on gathering where there is hardly enough for it', async () => {
      const { clock, shown, appends, pass } = loaded(11);
      await pass(200);
      shown.length = 0;
      await pass(500);
      expect(new Set(shown)).toEqual(new Set([3]));
      await clock.advance(30);
      await Promise.all(appends);
    });

    it('shows some in every millisecond, and not all at once', async () => {
      const { shown, pass } = loaded();
      await pass(300);
      const most: number[] = [];
      for (let ms = 0; ms < 60; ms += 1) {
        const before = shown.length;
        await pass(1);
        most.push(shown.length - before);
      }
      expect(Math.max(...most)).toBeLessThanOrEqual(40);
    });

    it('shows at once again after a pause, and when there is less', async () => {
      const { log, clock, shown, pass } = loaded();
      await pass(300);
      await clock.advance(50);
      shown.length = 0;
      await log.append('s1', [event(1)]);
      await log.append('s1', [event(2)]);
      expect(shown).toEqual([1, 1]);
      for (let n = 0; n < 200; n += 1) {
        await log.append('s1', [event(n)]);
        await clock.advance(1);
      }
      expect(new Set(shown)).toEqual(new Set([1]));
    });

    it('writes what a subscriber appends in the moment in which that begins', async () => {
      const { log, clock, shown, appends, pass } = loaded();
      let own: Promise<unknown> | undefined;
      log.subscribe('s0', () => {
        if (shown.length >= 1_800) own ??= log.append('own', [event(1)]);
      });
      await pass(300);
      await clock.advance(30);
      await Promise.all([own, ...appends]);
      expect(await readAll(log, 'own')).toEqual([1]);
    });
  });

  it('gives many small records of one time as few batches, and those of far apart as they were', async () => {
    const { log, clock } = logOf({ keepEvents: 10_000 });
    for (let n = 1; n <= 3_200; n += 1) await log.append('near', [event(n)]);
    for (let n = 1; n <= 320; n += 1) {
      await log.append('far', [event(n)]);
      await clock.advance(70_000);
    }
    const counts = async (stream: string): Promise<number[]> =>
      (await log.read(stream, { after: 0, maxBytes: 10_000_000 })).batches.map(({ count }) => count);
    expect((await counts('near')).length).toBeLessThanOrEqual(20);
    expect(Math.max(...(await counts('near')))).toBe(512);
    expect(await counts('far')).toEqual(Array.from({ length: 320 }, () => 1));
    expect([await readAll(log, 'near', 2_980), await readAll(log, 'far', 317)]).toEqual([
      Array.from({ length: 220 }, (_, i) => 2_981 + i),
      [318, 319, 320],
    ]);
  });

  it('reads as much as was asked for, wherever that ends', async () => {
    const { log } = logOf();
    const numbers = Array.from({ length: 300 }, (_, i) => i + 1);
    for (const n of numbers) await log.append('s', [event(n, 'x'.repeat(n % 7))]);
    for (const maxBytes of [1, 200, 1_000, 5_000, 100_000])
      for (const after of [0, 1, 2, 3, 149, 298, 299])
        expect(await readAll(log, 's', after, maxBytes)).toEqual(numbers.slice(after));
    const { batches } = await log.read('s', { after: 100, maxBytes: 2_000 });
    expect(batches.reduce((sum, { json }) => sum + json.length, 0)).toBeLessThanOrEqual(2_000);
  });

  it('leaves what was read as it was when its memory is used again', async () => {
    const { log } = logOf({ keepEvents: 64 });
    const texts: [read: () => string, then: string][] = [];
    for (let n = 1; n <= 300; n += 1) {
      await log.append('s', [event(n)]);
      if (n === 200) await log.drop('s');
      const { batches } = await log.read('s', { after: 0 });
      for (const { json } of batches) texts.push([() => json.toString(), json.toString()]);
    }
    for (const [read, then] of texts) expect(read()).toBe(then);
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

describe('the memory of pages', () => {
  const nobody: PageOwner = { usesOldest: () => false, forgetOldest: () => {} };

  it('gives what was given back before it takes more, of the size that is asked for at least', () => {
    const memory = new PageMemory();
    const pages = [1, 256, 257, 5_000, 65_536].map((bytes) => memory.take(bytes, nobody));
    expect(pages.map(({ length }) => length)).toEqual([256, 256, 512, 8_192, 65_536]);
    for (const [n, page] of pages.entries()) page.fill(n);
    for (const [n, page] of pages.entries()) expect(new Set(page)).toEqual(new Set([n]));
    for (const page of pages) memory.giveBack(page);
    expect(new Set([200, 200, 300, 8_000, 40_000].map((bytes) => memory.take(bytes, nobody)))).toEqual(new Set(pages));
    expect(pages).not.toContain(memory.take(200, nobody));
  });

  it('takes no page twice that is larger than all others, and keeps a bounded number of the others', () => {
    const memory = new PageMemory();
    const large = memory.take(65_537, nobody);
    expect(large.length).toBe(65_537);
    memory.giveBack(large);
    expect(memory.take(65_537, nobody)).not.toBe(large);
    const pages = Array.from({ length: 300 }, () => memory.take(65_536, nobody));
    for (const page of pages) memory.giveBack(page);
    const again = Array.from({ length: 300 }, () => memory.take(65_536, nobody));
    expect(again.filter((page) => pages.includes(page))).toHaveLength(256);
  });

  it('takes back the oldest that is in use no more, and never the only one', () => {
    const memory = new PageMemory();
    const owner = (uses: boolean[] = []): PageOwner & { readonly pages: Buffer[] } => {
      const pages: Buffer[] = [];
      const forgetOldest = (): void => memory.giveBack(pages.shift() as Buffer);
      return { pages, usesOldest: () => uses.shift() ?? false, forgetOldest };
    };
    const [idle, busy, other] = [owner(), owner([true, true]), owner()];
    for (const each of [busy, idle, other, idle]) each.pages.push(memory.take(65_536, each));
    expect(memory.lentBytes).toBe(4 * 65_536);
    const reclaimed = (): unknown => {
      const before = [idle, busy, other].map(({ pages }) => pages.length);
      const isReclaimed = memory.reclaimOldest();
      const who = [idle, busy, other].filter(({ pages }, i) => pages.length < (before[i] as number));
      expect(who).toHaveLength(isReclaimed ? 1 : 0);
      return who[0];
    };
    expect([reclaimed(), reclaimed(), reclaimed()]).toEqual([idle, other, idle]);
    expect([reclaimed(), busy.pages.length, memory.lentBytes]).toEqual([undefined, 1, 65_536]);
    other.pages.push(memory.take(65_536, other));
    expect(reclaimed()).toBe(other);
    other.pages.push(memory.take(65_536, other));
    expect(reclaimed()).toBe(busy);
  });
});

describe('records that are forgotten', () => {
  it('give their memory back', () => {
    const memory = new PageMemory();
    const records = new RecentRecords(0, { events: 512, bytes: 65_536, withinMs: 60_000 }, memory, 0);
    const json = Buffer.from(JSON.stringify([event(1)]));
    for (let n = 1; n <= 3; n += 1) records.add({ epoch: 'e', top: n }, { epoch: 'e', offset: n, count: 1, json }, n);
    records.clear();
    expect([records.isEmpty, records.floor]).toEqual([true, 3]);
    // Of two sizes: of one record, and of the two that came after.
    for (const size of [256, 512]) expect(memory.take(size, records).includes(json)).toBe(true);
  });
});

describe('MemoryStore', () => {
  it.each(keyValueStoreConformance())('$name', async (each) => {
    await each.run(async () => ({ store: new MemoryStore(() => {}), close: async () => {} }));
  });
});
