import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as ws from 'ws';
import { eventsFrame, frameHead, textOf } from '../src/delivery/frame-bytes.ts';
import { textFrame } from '../src/delivery/text-frame.ts';

/** What `ws` makes of a text; its declarations do not have it. */
const { frame: framed } = (ws as unknown as { Sender: { frame(this: void, data: Buffer, options: object): Buffer[] } })
  .Sender;
const AS_TEXT = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

describe('an events frame', () => {
  it('is what ws makes of its JSON, whatever its size', () => {
    const lengths = fc.oneof(fc.nat(400), fc.integer({ min: 65_300, max: 65_700 }), fc.nat(200_000));
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 2 ** 48 }), fc.string(), (length, offset, stream) => {
        const json = Buffer.from(JSON.stringify(['x'.repeat(length)]));
        const batch = { epoch: 'e', offset, count: 1, json };
        const frame = eventsFrame(frameHead(stream, 'e'), batch);
        const events = ['x'.repeat(length)];
        expect(JSON.parse(textOf(frame))).toEqual({ type: 'events', stream, epoch: 'e', offset, events });
        expect(frame.wire.equals(Buffer.concat(framed(Buffer.from(textOf(frame)), AS_TEXT)))).toBe(true);
      }),
    );
  });

  it('is what ws makes of a text at each length at which the header changes', () => {
    const head = frameHead('s', 'e');
    const least = eventsFrame(head, { epoch: 'e', offset: 1, count: 1, json: Buffer.from('[]') });
    const beside = least.wire.length - least.jsonAt - 2;
    for (const length of [125, 126, 127, 65_535, 65_536, 65_537]) {
      const json = Buffer.alloc(length - beside, '1');
      const { wire, jsonAt } = eventsFrame(head, { epoch: 'e', offset: 1, count: 1, json });
      const text = wire.subarray(jsonAt);
      expect(text).toHaveLength(length);
      expect(wire.equals(Buffer.concat(framed(text, AS_TEXT)))).toBe(true);
    }
  });
});

describe('the frame of a text', () => {
  const isSame = (text: string): boolean => textFrame(text).equals(Buffer.concat(framed(Buffer.from(text), AS_TEXT)));

  it('is what ws makes of it, whatever its letters', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => isSame(text)));
  });

  it('is what ws makes of it at each length at which the header changes', () => {
    for (const length of [0, 125, 126, 127, 65_535, 65_536, 65_537]) expect(isSame('x'.repeat(length))).toBe(true);
    for (const letters of [62, 63, 32_767, 32_768]) expect(isSame('é'.repeat(letters))).toBe(true);
  });
});
