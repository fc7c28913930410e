/** The account of all streams: exact after every step, and gone with the last who follows. */
import { describe, expect, it } from '@jest/globals';
import { FakeClock, SeededRandom } from '@muster/core/testing';
import { MemoryLog } from '@muster/core';
import fc from 'fast-check';
import { DeliveryMarks } from '../src/delivery/delivery-marks.ts';
import { Ledger, type StreamAccount } from '../src/delivery/ledger.ts';

const nothing = { appended: 0, acknowledged: 0, pending: 0, expired: 0 };
const info = (epoch: string, floor: number, top: number) => ({ epoch, floor, top });

describe('the ledger', () => {
  it('counts what is appended, acknowledged by anybody, pending and expired', () => {
    const ledger = new Ledger();
    const [ann, other] = [ledger.follow('s', 'a'), ledger.follow('s', 'b')];
    ann.stood(info('e', 2, 5), 0);
    expect(ledger.account).toEqual({ appended: 5, acknowledged: 0, pending: 3, expired: 2 });
    other.stood(info('e', 2, 5), 4);
    expect(ledger.account).toEqual({ appended: 5, acknowledged: 4, pending: 1, expired: 0 });
    ann.appended('e', 8);
    other.appended('e', 8);
    ann.acknowledged('e', 3);
    expect(ledger.account).toEqual({ appended: 8, acknowledged: 4, pending: 4, expired: 0 });
  });

  it('counts a stream that begins anew from the beginning, and an ack of the old one not at all', () => {
    const ledger = new Ledger();
    const account = ledger.follow('s', 'a');
    account.stood(info('old', 0, 9), 9);
    account.appended('new', 2);
    account.acknowledged('old', 9);
    expect(ledger.account).toEqual({ appended: 2, acknowledged: 0, pending: 2, expired: 0 });
  });

  it('forgets a stream with the last who follows it, once', () => {
    const ledger = new Ledger();
    const [one, two] = [ledger.follow('s', 'a'), ledger.follow('s', 'b')];
    one.appended('e', 3);
    one.end();
    one.end();
    expect(ledger.account.appended).toBe(3);
    two.end();
    expect(ledger.account).toEqual(nothing);
  });

  it('sees what has expired in the log when it is told to look', async () => {
    const log = new MemoryLog(new FakeClock(), new SeededRandom(1), () => {});
    const ledger = new Ledger();
    const account = ledger.follow('s', 'a');
    const { epoch } = await log.info('s');
    account.appended(epoch, 0);
    expect(await ledger.audited({ info: async () => info(epoch, 4, 6) } as never)).toEqual({
      appended: 6,
      acknowledged: 0,
      pending: 2,
      expired: 4,
    });
  });

  it('adds up to the same as each stream for itself, whatever happens in which order', () => {
    const stream = fc.integer({ min: 0, max: 2 });
    const offset = fc.integer({ min: 0, max: 20 });
    const epoch = fc.constantFrom('a', 'b');
    const step = fc.oneof(
      fc.record({ does: fc.constant('follow' as const), stream }),
      fc.record({ does: fc.constant('end' as const), stream }),
      fc.record({ does: fc.constant('appended' as const), stream, epoch, offset }),
      fc.record({ does: fc.constant('acknowledged' as const), stream, epoch, offset }),
      fc.record({ does: fc.constant('stood' as const), stream, epoch, offset, floor: offset }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ledger = new Ledger();
        const open: StreamAccount[][] = [[], [], []];
        const plain = [0, 1, 2].map(() => ({ epoch: '', floor: 0, top: 0, acked: 0 }));
        const fresh = { floor: 0, top: 0, acked: 0 };
        for (const each of steps) {
          const model = plain[each.stream] as (typeof plain)[number];
          const accounts = open[each.stream] as StreamAccount[];
          const account = accounts[0];
          if (each.does === 'follow') accounts.push(ledger.follow(`s${each.stream}`, 'c'));
          if (account === undefined) continue;
          if (each.does === 'end') {
            accounts.shift()?.end();
            if (accounts.length === 0) Object.assign(model, fresh, { epoch: '' });
          }
          if (each.does === 'appended') {
            if (model.epoch !== each.epoch) Object.assign(model, fresh, { epoch: each.epoch });
            model.top = Math.max(model.top, each.offset);
            account.appended(each.epoch, each.offset);
          }
          if (each.does === 'acknowledged') {
            const acked = Math.min(each.offset, model.top);
            if (model.epoch === each.epoch) model.acked = Math.max(model.acked, acked);
            account.acknowledged(each.epoch, acked);
          }
          if (each.does === 'stood') {
            if (model.epoch !== each.epoch) Object.assign(model, fresh, { epoch: each.epoch });
            const top = Math.max(each.offset, each.floor);
            model.floor = Math.max(model.floor, each.floor);
            model.top = Math.max(model.top, top);
            account.stood(info(each.epoch, each.floor, top), 0);
          }
          const sum = (of: (entry: (typeof plain)[number]) => number): number =>
            plain.reduce((total, entry) => total + of(entry), 0);
          const appended = sum(({ top }) => top);
          const acknowledged = sum(({ acked }) => acked);
          const expired = sum(({ floor, acked }) => Math.max(0, floor - acked));
          const pending = appended - acknowledged - expired;
          expect(ledger.account).toEqual({ appended, acknowledged, expired, pending });
          expect(pending).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});

describe('delivery marks', () => {
  it('say of one stream which socket got what when, and forget the oldest', () => {
    let now = 1_000;
    const marks = new DeliveryMarks(() => now++);
    const ledger = new Ledger();
    ledger.marks = marks;
    const [one, other] = [ledger.follow('s', 'a'), ledger.follow('t', 'b')];
    one.stood(info('e', 0, 2), 0);
    one.sent(1, 2);
    other.sent(7, 7);
    one.acknowledged('e', 2);
    const sent = { n: 1, kind: 'sent', connection: 'a', from: 1, to: 2, at: 1_000 };
    const acknowledged = { n: 3, kind: 'acknowledged', connection: 'a', from: 1, to: 2, at: 1_002 };
    expect(marks.of('s', 0)).toEqual([sent, acknowledged]);
    expect(marks.of('s', 1)).toEqual([acknowledged]);
    expect(marks.of('s', 3)).toEqual([]);
    for (let i = 1; i <= 16_384; i++) other.sent(i, i);
    expect(marks.of('s', 0)).toEqual([]);
    expect(marks.of('t', 0)).toHaveLength(16_384);
    expect(marks.of('t', 0).at(-1)).toMatchObject({ connection: 'b', from: 16_384 });
  });
});
