import { describe, expect, it, jest } from '@jest/globals';
import { Duplex, Writable } from 'node:stream';
import { endsOnce } from '../src/connection/ends-once.ts';
import { RawClient, serve } from './harness.ts';

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

describe('a connection', () => {
  it('ends its socket and what reads its frames once', async () => {
    await using server = await serve(() => ({ methods: {} }));
    // Of all streams only those of a connection have an `end` of their own; what that passes on arrives here.
    const ended: Writable[] = [];
    const spies = [Writable.prototype, Duplex.prototype].map((prototype) => {
      const end = Reflect.get(prototype, 'end') as (...given: readonly unknown[]) => Writable;
      return jest.spyOn(prototype, 'end').mockImplementation(function (this: Writable, ...given: readonly unknown[]) {
        if (Object.hasOwn(this, 'end')) ended.push(this);
        return Reflect.apply(end, this, given) as any;
      });
    });
    const client = await RawClient.welcomed(server.url);
    await client.close();
    await server.app.stop();
    for (const spy of spies) spy.mockRestore();
    expect([ended.length, new Set(ended).size]).toEqual([2, 2]);
  });
});
