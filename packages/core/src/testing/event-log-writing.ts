/** What every event log must do with what is appended. */
import assert from 'node:assert/strict';
import type { Batch, EventLog } from '../log/event-log.ts';
import { RECORD } from '../log/flush.ts';
import { eventsIn, numberedEvent as event } from './log-records.ts';
import { type Case, jsonOf, numbersIn, readAll, up, withLog } from './log-under-test.ts';

const appending: Case[] = [
  withLog('gives contiguous offsets from 1, and what an append resolved for can be read', async ({ log }) => {
    const first = await log.append('s', [event(1), event(2)]);
    assert.deepEqual([first.ok, first.top], [true, 2]);
    assert.deepEqual(await readAll(log, 's'), [1, 2]);
    assert.equal((await log.append('s', [event(3)])).top, 3);
    assert.deepEqual(await readAll(log, 's'), [1, 2, 3]);
    const { epoch, floor, top } = await log.info('s');
    assert.deepEqual([floor, top], [0, 3]);
    assert.equal(first.ok && first.epoch, epoch);
  }),
  withLog('keeps streams apart, whatever their names', async ({ log }) => {
    const names = ['a', 'ab', 'a.b', 'A', '', 'ü', '\u0000', 'x'.repeat(3_000), `${'x'.repeat(3_000)}y`];
    await Promise.all(names.map((name, i) => log.append(name, [event(i + 1)])));
    for (const [i, name] of names.entries()) assert.deepEqual(await readAll(log, name), [i + 1], name);
  }),
  withLog('keeps what was given at the time of the call, byte for byte', async ({ log }) => {
    const given = event(1, 'grüße \u2028 😀 "quoted"');
    const text = JSON.stringify([given]);
    const appended = log.append('s', [given]);
    given.agent = 'changed';
    await appended;
    const { batches } = await log.read('s', { after: 0 });
    assert.deepEqual(
      batches.map(({ json }) => json.toString()),
      [text],
    );
  }),
  withLog('asks for gathered events once, in their turn, with all that had been gathered by then', async ({ log }) => {
    const gathered = [event(2)];
    let asked = 0;
    const first = log.append('s', [event(1)]);
    const second = log.append('s', () => {
      asked += 1;
      return jsonOf(gathered);
    });
    const third = log.append('s', [event(4)]);
    gathered.push(event(3));
    assert.deepEqual(
      (await Promise.all([first, second, third])).map(({ top }) => top),
      [1, 3, 4],
    );
    gathered.push(event(9));
    assert.deepEqual([asked, await readAll(log, 's')], [1, up(4)]);
  }),
  withLog('copies what it was given: the bytes are used again when the append has ended', async ({ log }) => {
    const shown: Batch[] = [];
    log.subscribe('s', (batch) => shown.push(batch));
    for (const [n, size] of [10, 10_000].entries()) {
      const lent = jsonOf([event(2 * n + 1), event(2 * n + 2, 'x'.repeat(size))]);
      await log.append('s', () => lent);
      lent.json.fill('?');
    }
    assert.deepEqual(await readAll(log, 's'), up(4));
    assert.deepEqual(numbersIn(shown), up(4));
  }),
  withLog('rejects the append alone whose events cannot be had', async ({ log }) => {
    const cause = new Error('no events');
    const all = [
      log.append('s', [event(1)]),
      log.append('s', () => {
        throw cause;
      }),
      log.append('s', () => jsonOf([])),
      log.append('s', () => jsonOf([event(2)])),
    ];
    const ended = await Promise.allSettled(all);
    assert.equal(ended[1]?.status === 'rejected' && ended[1].reason, cause);
    assert.deepEqual(
      ended.map((end) => end.status === 'fulfilled' && end.value.top),
      [1, false, 1, 2],
    );
    assert.deepEqual(await readAll(log, 's'), up(2));
  }),
  withLog('takes an append without events as a question for the top', async ({ log }) => {
    await log.append('s', [event(1)]);
    const { epoch } = await log.info('s');
    assert.deepEqual(await log.append('s', []), { ok: true, epoch, top: 1 });
    assert.deepEqual(await log.append('s', [], { expectedTop: 0 }), { ok: false, why: 'conflict', top: 1 });
  }),
  withLog('keeps the order of the calls under concurrency', async ({ log }) => {
    const tops = await Promise.all(up(500).map(async (n) => (await log.append('s', [event(n)])).top));
    assert.deepEqual(tops, up(500));
    assert.deepEqual(await readAll(log, 's'), up(500));
  }),
];

const merging: Case[] = [
  withLog(
    `makes one batch of what waits for the same flush, of ${RECORD.events} events and 64 KiB at the most`,
    async ({ log }) => {
      const small: Batch[] = [];
      const large: Batch[] = [];
      log.subscribe('small', (batch) => small.push(batch));
      log.subscribe('large', (batch) => large.push(batch));
      await Promise.all([
        ...up(1_000).map((n) => log.append('small', [event(n)])),
        ...up(100).map((n) => log.append('large', [event(n, 'x'.repeat(4_000))])),
      ]);
      assert.deepEqual([numbersIn(small), numbersIn(large)], [up(1_000), up(100)]);
      assert.ok(small.length < 30, `1 000 appends became ${small.length} batches`);
      assert.ok(large.length < 30, `100 large appends became ${large.length} batches`);
      for (const { count, json } of [...small, ...large]) {
        assert.ok(count <= RECORD.events, `${count} events in one batch`);
        assert.ok(json.length <= 66_000, `${json.length} bytes in one batch`);
      }
    },
  ),
  withLog('never spreads one append over two batches', async ({ log }) => {
    const batches: Batch[] = [];
    log.subscribe('s', (batch) => batches.push(batch));
    const many = up(300, 2).map((n) => event(n));
    await Promise.all([
      log.append('s', [event(1)]),
      log.append('s', many),
      log.append('s', [event(301, 'x'.repeat(200_000))]),
      log.append('s', [event(302)]),
    ]);
    assert.deepEqual(numbersIn(batches), up(302));
    assert.ok(batches.some(({ offset, count }) => offset <= 2 && offset + count - 1 >= 300));
  }),
  withLog('shows the same bytes to all, and reads what it showed', async ({ log }) => {
    const seen: Batch[][] = [[], []];
    for (const batches of seen) log.subscribe('s', (batch) => batches.push(batch));
    await Promise.all(up(200).map((n) => log.append('s', [event(n)])));
    assert.deepEqual(numbersIn(seen[0] as Batch[]), up(200));
    for (const [i, batch] of (seen[0] as Batch[]).entries()) assert.equal(batch.json, seen[1]?.[i]?.json);
    const { batches } = await log.read('s', { after: 0 });
    assert.deepEqual(batches.flatMap(eventsIn), (seen[0] as Batch[]).flatMap(eventsIn));
  }),
];

const comparing: Case[] = [
  withLog('writes nothing of an append that expects another top, and says which it is', async ({ log }) => {
    await log.append('s', [event(1)]);
    assert.deepEqual(await log.append('s', [event(9), event(10)], { expectedTop: 0 }), {
      ok: false,
      why: 'conflict',
      top: 1,
    });
    assert.equal((await log.append('s', [event(2)], { expectedTop: 1 })).ok, true);
    assert.deepEqual(await readAll(log, 's'), [1, 2]);
  }),
  withLog('lets exactly one of many win who expect the same top', async ({ log }) => {
    const results = await Promise.all(up(20).map((n) => log.append('s', [event(n)], { expectedTop: 0 })));
    assert.deepEqual(
      results.map(({ ok }) => ok),
      up(20).map((n) => n === 1),
    );
    assert.deepEqual(await readAll(log, 's'), [1]);
  }),
  withLog('counts what is before it in the same flush', async ({ log }) => {
    const results = await Promise.all(up(20).map((n) => log.append('s', [event(n)], { expectedTop: n - 1 })));
    assert.ok(results.every(({ ok }) => ok));
    assert.deepEqual(await readAll(log, 's'), up(20));
  }),
];

/** A log that is not shared may skip the checks; then there is nothing to try. */
const onShared = (name: string, body: (log: EventLog) => Promise<void>): Case =>
  withLog(name, async ({ log }) => {
    let isChecked = false;
    await log.append('tried', [event(1)]);
    await log.append('tried', [event(2)], { since: { after: 0, check: () => void (isChecked = true) } });
    assert.ok(isChecked || log.isShared !== true, 'a shared log shows what others have written');
    if (isChecked) await body(log);
  });

const checking: Case[] = [
  onShared('shows what lies behind an offset before it appends, and only when there is something', async (log) => {
    const shown: number[] = [];
    const since = (after: number) => ({
      after,
      check: (batch: Batch) => void shown.push(...numbersIn([batch]).filter((_, i) => batch.offset + i > after)),
    });
    await log.append('s', [event(1), event(2)]);
    await log.append('s', [event(3)], { since: since(2) });
    assert.deepEqual(shown, []);
    await log.append('other', [event(9)]);
    assert.equal((await log.append('s', [event(4)], { since: since(1) })).top, 4);
    assert.deepEqual(shown, [2, 3]);
    assert.deepEqual(await readAll(log, 's'), up(4));
  }),
  onShared('writes nothing of an append whose check throws, and rejects it alone with what was thrown', async (log) => {
    const cause = new Error('fenced');
    const since = {
      after: 1,
      check: (): void => {
        throw cause;
      },
    };
    await log.append('s', [event(1)]);
    // In one flush, where there is such a thing: the second stands behind the first, and the third behind neither.
    const ended = await Promise.allSettled([
      log.append('s', [event(2)]),
      log.append('s', [event(9)], { since }),
      log.append('s', [event(3)], { since: { ...since, after: 2 } }),
      log.append('s', [event(9)], { since, expectedTop: 0 }),
    ]);
    assert.deepEqual(
      ended.map((end) => (end.status === 'rejected' ? (end.reason as unknown) : end.value.ok)),
      [true, cause, true, false],
    );
    assert.deepEqual(await readAll(log, 's'), up(3));
  }),
  onShared('shows each what it asked for, whatever came to nothing before it in the same flush', async (log) => {
    const fenced = new Error('fenced');
    const since = (after: number) => ({
      after,
      check: (batch: Batch): void => {
        if (numbersIn([batch]).includes(2)) throw fenced;
      },
    });
    const refuses = {
      after: 2,
      check: (): void => {
        throw fenced;
      },
    };
    for (const n of up(3)) await log.append('s', [event(n)]);
    const before: [string, () => Promise<unknown>][] = [
      ['a conflict', () => log.append('s', [event(8)], { expectedTop: 0 })],
      ['a refusal', () => log.append('s', [event(8)], { since: refuses })],
      ['nothing', () => log.append('s', [])],
    ];
    const written: string[] = [];
    for (const [what, first] of before) {
      const ended = await Promise.allSettled([first(), log.append('s', [event(9)], { since: since(1) })]);
      if (ended[1].status === 'fulfilled') written.push(what);
    }
    assert.deepEqual(written, []);
    assert.deepEqual(await readAll(log, 's'), up(3));
  }),
  onShared('shows nothing of a life of the stream that was dropped', async (log) => {
    await log.append('s', [event(1)]);
    await log.drop('s');
    await log.append('s', [event(2)]);
    const shown: Batch[] = [];
    await log.append('s', [event(3)], { since: { after: 0, check: (batch) => void shown.push(batch) } });
    assert.deepEqual(numbersIn(shown), [2]);
  }),
];

export const writing: readonly Case[] = [...appending, ...merging, ...comparing, ...checking];
