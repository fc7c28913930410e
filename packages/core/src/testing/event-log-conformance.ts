/**
 * What every event log must do, as cases for any test runner: each makes its own log and throws when that is wrong.
 */
import assert from 'node:assert/strict';
import { type AgentEvent, MusterError } from '@muster/contracts';
import type { QueueLimits } from '../log/append-queue.ts';
import type { Batch, EventLog, EventsJson } from '../log/event-log.ts';
import { RECORD } from '../log/flush.ts';
import { caseOn, type ConformanceCase } from './conformance-case.ts';
import { randomLogCases } from './event-log-model.ts';
import { eventsIn, numberedEvent as event } from './log-records.ts';

/** A log that is tested, and its surroundings. */
export interface LogUnderTest {
  readonly log: EventLog;
  /** How long it keeps events, in milliseconds. */
  readonly keepMs: number;
  /** Moves the log's clock; resolves when what falls due is done. */
  readonly advance: (ms: number) => Promise<void>;
  /** Where a log outlives its process: opens it again, as after a crash. */
  readonly reopen?: () => Promise<EventLog>;
  readonly close: () => Promise<void>;
}
export type MakeLog = (limits?: QueueLimits) => Promise<LogUnderTest>;
type Case = ConformanceCase<MakeLog>;

const up = (to: number, from = 1): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const numbersIn = (batches: readonly Batch[]): number[] => batches.flatMap(eventsIn).map(({ n }) => n);
const jsonOf = (events: readonly AgentEvent[]): EventsJson => ({
  json: Buffer.from(JSON.stringify(events)),
  count: events.length,
});
const codeOf = (error: unknown): unknown => (error instanceof MusterError ? error.code : error);

/** The numbers of the events that are kept above `after`, read to the end as a client does that may get what it has. */
export async function readAll(log: EventLog, stream: string, after = 0, maxBytes = 262_144): Promise<number[]> {
  const numbers: number[] = [];
  for (let at = after; ;) {
    const { floor, batches } = await log.read(stream, { after: at, maxBytes });
    if (batches.length === 0) return numbers;
    at = Math.max(at, floor);
    for (const batch of batches) {
      const events = eventsIn(batch);
      assert.equal(events.length, batch.count, 'a batch counts its events');
      assert.ok(batch.offset <= at + 1, `a batch begins at ${batch.offset} after ${at}: there is a gap`);
      numbers.push(...events.slice(at + 1 - batch.offset).map(({ n }) => n));
      assert.ok(batch.offset + batch.count - 1 > at, 'a batch has something new');
      at = batch.offset + batch.count - 1;
    }
  }
}

const withLog = (name: string, body: (test: LogUnderTest) => Promise<void>, limits?: QueueLimits): Case =>
  caseOn(name, body, limits);

export function eventLogConformance(): readonly Case[] {
  return [
    ...appending,
    ...merging,
    ...comparing,
    ...checking,
    ...reading,
    ...following,
    ...dropping,
    ...keeping,
    ...limits,
    ...randomLogCases(withLog),
  ];
}

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

const reading: Case[] = [
  withLog('reads nothing at the top, beyond it, and of a stream that is not there', async ({ log }) => {
    await log.append('s', [event(1)]);
    assert.deepEqual((await log.read('s', { after: 1 })).batches, []);
    assert.deepEqual((await log.read('s', { after: 7 })).batches, []);
    const { epoch, ...nothing } = await log.read('nobody', { after: 0 });
    assert.deepEqual(nothing, { floor: 0, top: 0, batches: [] });
    assert.equal(epoch, (await log.info('nobody')).epoch);
  }),
  withLog('reads whole records from any cursor, at least one and no more than fit', async ({ log }) => {
    for (let n = 1; n <= 60; n += 3)
      await log.append(
        's',
        up(n + 2, n).map((each) => event(each, 'x'.repeat(2_000))),
      );
    for (let after = 0; after <= 60; after += 1) {
      assert.deepEqual(await readAll(log, 's', after, 1), after === 60 ? [] : up(60, after + 1));
      const { batches } = await log.read('s', { after, maxBytes: 20_000 });
      const bytes = batches.reduce((sum, { json }) => sum + json.length, 0);
      assert.ok(batches.length <= 1 || bytes <= 20_000, `${bytes} bytes`);
      if (after < 60) assert.ok((batches[0] as Batch).offset <= after + 1);
    }
    assert.equal((await log.read('s', { after: 0, maxBytes: 1 })).batches.length, 1);
  }),
];

const following: Case[] = [
  withLog('shows what comes to whoever joins others that were shown something', async ({ log }) => {
    const shown: number[][] = [[], [], []];
    for (const [place, numbers] of shown.entries()) {
      log.subscribe('s', (batch) => numbers.push(...numbersIn([batch])));
      await log.append('s', [event(place + 1)]);
    }
    assert.deepEqual(shown, [[1, 2, 3], [2, 3], [3]]);
  }),
  withLog('tells of every later batch in order, before the append resolves', async ({ log }) => {
    await log.append('s', [event(1)]);
    const seen: Batch[] = [];
    const subscription = log.subscribe('s', (batch) => seen.push(batch));
    for (const n of up(4, 2)) {
      await log.append('s', [event(n)]);
      assert.deepEqual(numbersIn(seen), up(n, 2));
    }
    subscription.close();
    await log.append('s', [event(5)]);
    assert.deepEqual(numbersIn(seen), [2, 3, 4]);
    assert.equal(seen[0]?.epoch, (await log.info('s')).epoch);
  }),
  withLog('shows only what can be read', async ({ log }) => {
    const reads: Promise<number[]>[] = [];
    log.subscribe('s', ({ offset }) => reads.push(readAll(log, 's', offset - 1)));
    for (const n of up(3)) await log.append('s', [event(n)]);
    for (const [i, numbers] of (await Promise.all(reads)).entries()) assert.equal(numbers[0], i + 1);
  }),
  withLog('goes on when a sink throws, closes itself or another, joins, or appends', async ({ log }) => {
    const seen: number[] = [];
    const late: number[] = [];
    const closed: number[] = [];
    log.subscribe('s', () => {
      throw new Error('broken');
    });
    const itself = log.subscribe('s', () => {
      itself.close();
      victim.close();
      log.subscribe('s', (batch) => late.push(...numbersIn([batch])));
      answered = log.append('s', [event(2)]);
    });
    let answered: Promise<unknown> | undefined;
    const victim = log.subscribe('s', (batch) => closed.push(...numbersIn([batch])));
    log.subscribe('s', (batch) => seen.push(...numbersIn([batch])));
    assert.equal((await log.append('s', [event(1)])).ok, true);
    await answered;
    assert.deepEqual([seen, late, closed], [[1, 2], [2], []]);
  }),
  withLog('counts one function that is given twice as two', async ({ log }) => {
    let calls = 0;
    const sink = (): void => void (calls += 1);
    const one = log.subscribe('s', sink);
    log.subscribe('s', sink);
    await log.append('s', [event(1)]);
    one.close();
    one.close();
    await log.append('s', [event(2)]);
    assert.equal(calls, 3);
  }),
];

const dropping: Case[] = [
  withLog('lets a dropped stream begin anew under another epoch', async ({ log }) => {
    await log.append('s', [event(1)]);
    await log.append('t', [event(1)]);
    const before = await log.info('s');
    await log.drop('s');
    const after = await log.info('s');
    assert.notEqual(after.epoch, before.epoch);
    assert.deepEqual([after.floor, after.top, await readAll(log, 's')], [0, 0, []]);
    assert.deepEqual(await log.append('s', [event(2)]), { ok: true, epoch: after.epoch, top: 1 });
    assert.deepEqual([await readAll(log, 's'), await readAll(log, 't')], [[2], [1]]);
    await log.drop('s');
    assert.notEqual((await log.info('s')).epoch, after.epoch);
  }),
  withLog('drops exactly what was appended before the call', async ({ log }) => {
    const seen: Batch[] = [];
    log.subscribe('s', (batch) => seen.push(batch));
    const [before, , after] = await Promise.all([
      log.append('s', [event(1)]),
      log.drop('s'),
      log.append('s', [event(2)]),
    ]);
    assert.deepEqual([before.top, after.top], [1, 1]);
    assert.notEqual(before.ok && before.epoch, after.ok && after.epoch);
    assert.deepEqual(await readAll(log, 's'), [2]);
    assert.deepEqual(numbersIn(seen), [1, 2]);
    assert.equal(seen[1]?.epoch, (await log.info('s')).epoch);
  }),
  withLog('keeps the epoch of a stream that was looked at before it was written', async ({ log }) => {
    const { epoch } = await log.info('s');
    log.subscribe('s', () => {}).close();
    await log.read('s', { after: 0 });
    const appended = await log.append('s', [event(1)]);
    assert.equal(appended.ok && appended.epoch, epoch);
  }),
];

const keeping: Case[] = [
  withLog('forgets what is too old, and keeps epoch and offsets', async ({ log, advance, keepMs }) => {
    await log.append('s', [event(1), event(2)]);
    await log.append('t', [event(1)]);
    const { epoch } = await log.info('s');
    await advance(keepMs * 0.6);
    assert.deepEqual(await readAll(log, 's'), [1, 2]);
    await log.append('s', [event(3)]);
    await advance(keepMs * 0.6);
    assert.deepEqual(await log.info('s'), { epoch, floor: 2, top: 3 });
    assert.deepEqual(
      (await log.read('s', { after: 0 })).batches.map(({ offset }) => offset),
      [3],
    );
    await advance(keepMs);
    assert.deepEqual(await log.info('s'), { epoch, floor: 3, top: 3 });
    assert.deepEqual(await log.info('t'), { epoch: (await log.info('t')).epoch, floor: 1, top: 1 });
    assert.deepEqual(await log.append('s', [event(4)], { expectedTop: 3 }), { ok: true, epoch, top: 4 });
    assert.deepEqual(await log.info('s'), { epoch, floor: 3, top: 4 });
  }),
  withLog('finds again what it had, where it outlives its process', async ({ log, reopen, advance, keepMs }) => {
    if (reopen === undefined) return;
    const names = ['expired', 'dropped', 'anew', 's', 'nobody'];
    await log.append('expired', [event(1)]);
    await log.append('dropped', [event(1)]);
    await log.drop('dropped');
    await advance(keepMs * 1.1);
    await log.append('anew', [event(1), event(2)]);
    await log.drop('anew');
    await log.append('anew', [event(3)]);
    await Promise.all(up(300).map((n) => log.append('s', [event(n)])));
    const before = await Promise.all(names.map((stream) => log.info(stream)));
    const again = await reopen();
    assert.deepEqual(await Promise.all(names.map((stream) => again.info(stream))), before);
    assert.deepEqual(await readAll(again, 's'), up(300));
    assert.equal((await again.append('s', [event(301)], { expectedTop: 300 })).ok, true);
    assert.deepEqual(await readAll(again, 's', 290), up(301, 291));
    for (const n of up(20)) await again.append(`new ${n % 5}`, [event(n)]);
    assert.deepEqual([await readAll(again, 'new 1'), await readAll(again, 'anew')], [[1, 6, 11, 16], [3]]);
    assert.deepEqual(await readAll(again, 's'), up(301));
  }),
];

const limits: Case[] = [
  withLog(
    'rejects at once when too much waits, writes nothing of it, and takes it later',
    async ({ log }) => {
      const text = 'x'.repeat(4_000);
      const first = await Promise.allSettled(up(10).map((n) => log.append('s', [event(n, text)])));
      const refused = first.filter((result) => result.status === 'rejected').map(({ reason }) => codeOf(reason));
      assert.deepEqual(
        refused,
        refused.map(() => 'LOG_BUSY'),
      );
      assert.ok(refused.length > 0 && refused.length < 10, `${refused.length} of 10 were refused`);
      assert.deepEqual(await readAll(log, 's'), up(10 - refused.length));
      // What has been written counts no more: one after another, all find room.
      for (let top = 11 - refused.length; top <= 40; top += 1)
        assert.equal((await log.append('s', [event(top, text)])).top, top);
    },
    { maxWaitingBytes: 20_000 },
  ),
  withLog(
    'refuses an append that is larger than it takes',
    async ({ log }) => {
      const appended = log.append('s', [event(1, 'x'.repeat(20_000))]);
      await assert.rejects(appended, (error) => codeOf(error) === 'APPEND_TOO_LARGE');
      assert.equal((await log.info('s')).top, 0);
    },
    { maxAppendBytes: 10_000 },
  ),
];
