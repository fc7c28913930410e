/** Places as numbers, against the lists of objects that they stand for. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PlacedRecord } from '../src/codec.ts';
import { PlaceList } from '../src/place-list.ts';

const number = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const record = fc.record({ offset: number, count: number, group: number, at: number, length: number });
const stream = fc.constantFrom('a', 'b', '__proto__');
const call = fc.oneof(
  { weight: 20, arbitrary: fc.record({ call: fc.constant('add' as const), stream, record }) },
  { weight: 2, arbitrary: fc.record({ call: fc.constant('forget' as const), stream }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('clear' as const) }) },
);

describe('a list of places', () => {
  it('has of each stream what was added to it, in that order, as lists of objects would', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 200 }), (calls) => {
        const list = new PlaceList();
        const plain = new Map<string, PlacedRecord[]>();
        for (const each of calls) {
          if (each.call === 'add') {
            list.add(each.stream, each.record);
            plain.set(each.stream, [...(plain.get(each.stream) ?? []), each.record]);
          } else if (each.call === 'forget') {
            list.forget(each.stream);
            plain.delete(each.stream);
          } else {
            list.clear();
            plain.clear();
          }
          for (const name of ['a', 'b', '__proto__', 'none']) {
            expect(list.of(name)).toEqual(plain.get(name) ?? []);
            expect(list.firstOf(name)).toBe(plain.get(name)?.[0]?.offset);
          }
        }
        expect([...list.streams]).toEqual([...plain.keys()]);
      }),
    );
  });

  it('grows with what it has', () => {
    const list = new PlaceList();
    const records = Array.from({ length: 5_000 }, (_, n) => ({ offset: n, count: 1, group: n, at: n, length: n }));
    for (const [n, each] of records.entries()) list.add(`${n % 7}`, each);
    for (let s = 0; s < 7; s += 1) expect(list.of(`${s}`)).toEqual(records.filter(({ offset }) => offset % 7 === s));
  });
});
