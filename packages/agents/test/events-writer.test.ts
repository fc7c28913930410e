import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventsWriter, giveBack, isPlain } from '../src/runs/events-writer.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  // Halves of pairs, which are no characters.
  fc.array(fc.integer({ min: 0xd700, max: 0xe000 })).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('"', '\\', '\n', '\u0000', '\u007f', '\u2028', 'grüße', '😀'),
);

describe('isPlain', () => {
  it('is true of texts that JSON takes as they are, and that have a byte for each character', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string()), (text) => {
        const asItIs = JSON.stringify(text) === `"${text}"` && Buffer.byteLength(text) === text.length;
        expect(isPlain(text)).toBe(asItIs && !text.includes('\u007f'));
      }),
    );
  });
});

describe('EventsWriter', () => {
  it('gives one array of what was added, of any size and number, and begins anew', () => {
    const sized = fc.oneof(
      anyText,
      fc.nat(20_000).map((length) => 'ü'.repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(sized, { maxLength: 40 }), fc.array(sized, { maxLength: 5 }), (first, second) => {
        const writer = new EventsWriter();
        for (const texts of [first, second]) {
          for (const text of texts) writer.add(`${JSON.stringify({ text })},`, isPlain(text));
          const { json, count } = writer.take();
          expect([json.toString(), count]).toEqual([JSON.stringify(texts.map((text) => ({ text }))), texts.length]);
        }
        expect(writer.take()).toEqual({ json: Buffer.from('[]'), count: 0 });
      }),
    );
  });

  it('leaves alone what it has given, until that is given back', () => {
    const [writer, other] = [new EventsWriter(), new EventsWriter()];
    writer.add('1,', true);
    const first = writer.take();
    for (const each of [writer, other]) each.add('2,', true);
    expect([first, writer.take(), other.take()].map(({ json }) => json.toString())).toEqual(['[1]', '[2]', '[2]']);
    giveBack(first);
    other.add('3,', true);
    expect([other.take().json.toString(), first.json.toString()]).toEqual(['[3]', '[3]']);
  });

  it('keeps no more than some megabytes of what is given back', () => {
    const taken = Array.from({ length: 40 }, () => {
      const writer = new EventsWriter();
      writer.add(`"${'x'.repeat(200_000)}",`, true);
      return writer.take();
    });
    const rooms = new Set(taken.map(({ room }) => room));
    for (const each of taken) giveBack(each);
    const again = Array.from({ length: 40 }, () => {
      const writer = new EventsWriter();
      writer.add('1,', true);
      return writer.take();
    });
    const kept = again.filter(({ room }) => rooms.has(room));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length * 200_000).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(new Set(kept.map(({ room }) => room)).size).toBe(kept.length);
  });
});
