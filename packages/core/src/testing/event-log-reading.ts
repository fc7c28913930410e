/** What every event log must give to those who read and follow it, and what it must keep. */
import assert from 'node:assert/strict';
import type { Batch } from '../log/event-log.ts';
import { numberedEvent as event } from './log-records.ts';
import { type Case, codeOf, numbersIn, readAll, up, withLog } from './log-under-test.ts';

const reads: Case[] = [
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

export const reading: readonly Case[] = [...reads, ...following, ...dropping, ...keeping, ...limits];
