import { describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { endsOnce } from '../src/connection/ends-once.ts';

/** Counts how often its own `end` is called. */
class Counting extends Writable {
  ends = 0;
  readonly written: string[] = [];

  override end(...given: readonly any[]): this {
    this.ends += 1;
    return super.end(...(given as []));
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.written.push(chunk.toString());
    done();
  }
}

describe('a stream that ends once', () => {
  it('takes its last words, and a second end is not passed on', async () => {
    const stream = new Counting();
    endsOnce(stream);
    const finished = new Promise((resolve) => stream.once('finish', resolve));
    expect(stream.end('bye')).toBe(stream);
    expect(stream.end()).toBe(stream);
    await finished;
    expect(stream.end()).toBe(stream);
    expect([stream.ends, stream.written]).toEqual([1, ['bye']]);
  });

  it('still tells whoever wants to be told', async () => {
    const stream = new Counting();
    endsOnce(stream);
    stream.end();
    const told = await new Promise((resolve) => stream.end(resolve));
    expect(told ?? undefined).toBeUndefined();
  });

  it('may be missing', () => {
    expect(() => endsOnce(undefined)).not.toThrow();
  });
});
