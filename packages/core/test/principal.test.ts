import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { keyPart, principalOf, streamOf } from '@muster/core';

/** The name as it is defined, made anew. */
const defined = (id: string): string => createHash('sha256').update(Buffer.from(id, 'utf16le')).digest('base64url');

describe('the name of an id as a part of a key', () => {
  it('is of the id alone, however many were asked for before it, and however often', () => {
    const odd = ['', 'a.b', 'a', '.', '\ud800', '\udfff', '__proto__', 'x'.repeat(200), 'x'.repeat(201)];
    const ids = [...odd, ...Array.from({ length: 9_000 }, (_, n) => `user ${n}`)];
    for (const asked of [ids, ids.slice(0, 5_000), [...ids].reverse()])
      expect(asked.filter((id) => keyPart(id) !== defined(id))).toEqual([]);
  });

  it('makes the names of streams, where neither part can stand for the other', () => {
    expect(streamOf(principalOf('a'), 'b.c')).toBe(`${defined('a')}.${defined('b.c')}`);
    expect(streamOf(principalOf('b.c'), 'a')).toBe(`${defined('b.c')}.${defined('a')}`);
  });
});
