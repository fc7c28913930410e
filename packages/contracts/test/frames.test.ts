import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CLOSE, isResumable, parseClientFrame, retryAfter } from '@muster/contracts';

const uuid = '6f8f57b1-9d5c-4f0e-8a7b-1f2e3d4c5b6a';

describe('parseClientFrame', () => {
  it('reads each kind of frame and drops what it does not know', () => {
    expect(
      parseClientFrame(JSON.stringify({ type: 'request', id: uuid, method: 'run', data: { text: 'hi' }, extra: 1 })),
    ).toEqual({
      type: 'request',
      id: uuid,
      method: 'run',
      data: { text: 'hi' },
    });
    const hello = parseClientFrame('{"type":"hello","client":{"id":"c","name":"n","version":"1"}}');
    expect(hello).toMatchObject({ type: 'hello', cursors: {}, subscribe: [] });
  });

  it.each([
    ['no JSON', '{', 'not JSON', null],
    ['an unknown type', '{"type":"nope"}', 'none of hello, request', 'nope'],
    ['no object', '7', 'no JSON object', null],
    ['a list', '[]', 'no JSON object', null],
    ['an inherited type', '{"type":"constructor"}', 'none of hello', 'constructor'],
    ['an id that is no UUID', '{"type":"request","id":"1","method":"run"}', 'UUID', 'request'],
    ['a bomb of brackets', `{"type":"ping","x":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'nested deeper', 'ping'],
  ])('explains %s', (_, text, problem, type) => {
    expect(() => parseClientFrame(text)).toThrow(
      expect.objectContaining({
        code: 'FRAME_INVALID',
        message: expect.stringContaining(problem),
        details: expect.objectContaining({ type }),
      }),
    );
  });

  it('answers any text with a frame or with FRAME_INVALID, never with another error', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          type: fc.constantFrom('hello', 'request', 'cancel', 'ping'),
          id: fc.anything(),
          client: fc.anything(),
          run: fc.anything(),
        })
        .map((o) => JSON.stringify(o) ?? ''),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          expect(typeof parseClientFrame(text).type).toBe('string');
        } catch (error) {
          expect(error).toMatchObject({ code: 'FRAME_INVALID' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('close codes', () => {
  it('tell by their range whether to come back, also codes that nobody knows', () => {
    expect([4001, 4099].map(retryAfter)).toEqual(['never', 'never']);
    expect([4101, 4199, 1006, 1011, 1012].map(retryAfter)).toEqual(Array(5).fill('backoff'));
    expect([4201, 4301, 1000].map(retryAfter)).toEqual(['now', 'fresh', 'never']);
    expect([CLOSE.draining, CLOSE.notReady, CLOSE.unauthenticated, CLOSE.done].map(isResumable)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
