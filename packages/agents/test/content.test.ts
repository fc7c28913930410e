import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Content } from '../src/content/content.ts';
import { wordsOf } from '../src/content/words.ts';

class Account {
  readonly #hidden = 'hidden';
  constructor(
    readonly owner: string,
    readonly apiToken: string,
  ) {}
  get balance(): number {
    return this.#hidden.length;
  }
}

const content = new Content();
const kept = (value: unknown): unknown => content.value(value).kept;
const alterations = (value: unknown): readonly string[] => content.value(value).altered;

describe('what is kept of a value', () => {
  it('is the value itself where that is JSON, and nothing is flagged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const { kept, altered } = new Content({ secretWords: [] }).value(value);
        expect(JSON.stringify(kept)).toBe(JSON.stringify(value));
        expect(altered).toEqual([]);
      }),
    );
  });

  it('is valid JSON of a bounded size, whatever the value, and the copy says the same when it is read again', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withBoxedValues: true,
      withNullPrototype: true,
      withObjectString: true,
    });
    const small = new Content({ textCharacters: 20, valueCharacters: 200 });
    fc.assert(
      fc.property(anything, (value) => {
        const { kept } = small.value(value);
        const text = JSON.stringify(kept);
        expect(JSON.parse(text)).toEqual(kept);
        expect(text.length).toBeLessThan(8_000);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['no date', new Date(Number.NaN), 'Invalid Date'],
    ['a bigint', 10n, '10'],
    ['no number', Number.NaN, 'NaN'],
    ['infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['a map with names', new Map([['a', 1]]), { a: 1 }],
    ['a map with other keys', new Map([[1, 'a']]), [[1, 'a']]],
    ['a set', new Set([1, 2]), [1, 2]],
    ['bytes', Buffer.alloc(1_000), '[1000 bytes]'],
    ['a function', () => 1, '[function]'],
    ['a promise', Promise.resolve(1), '[Promise]'],
    ['an address', new URL('http://host/a'), 'http://host/a'],
    ['an error', new TypeError('no such row'), { name: 'TypeError', message: 'no such row' }],
    ['an instance', new Account('ann', 'short'), { owner: 'ann', apiToken: 'short' }],
    ['what has a JSON of its own', { toJSON: () => ({ a: 1 }) }, { a: 1 }],
  ])('is readable for %s, and flagged', (_, value, expected) => {
    expect([kept(value), alterations(value)]).toEqual([expected, ['converted']]);
    expect(kept({ in: [value] })).toEqual({ in: [expected] });
  });

  it('leaves out what JSON leaves out', () => {
    expect(content.value({ a: undefined, b: 1 })).toEqual({ kept: { b: 1 }, altered: [] });
    expect(content.value(undefined)).toEqual({ kept: null, altered: [] });
    expect(kept([undefined, 1])).toEqual([null, 1]);
  });

  it('names a circle where it closes, and not what is merely there twice', () => {
    const circle: Record<string, unknown> = { name: 'a' };
    circle['self'] = circle;
    expect(content.value(circle)).toEqual({ kept: { name: 'a', self: '[circular]' }, altered: ['converted'] });
    const shared = { x: 1 };
    expect(content.value([shared, shared])).toEqual({ kept: [{ x: 1 }, { x: 1 }], altered: [] });
  });

  it('survives getters, proxies and methods that throw', () => {
    const thrower = (): never => {
      throw new Error('no');
    };
    const accessor = Object.defineProperty({ b: 1 }, 'a', { get: thrower, enumerable: true });
    expect(kept(accessor)).toEqual({ b: 1, a: '[unreadable]' });
    expect(kept({ p: new Proxy({}, { ownKeys: thrower, get: thrower, getPrototypeOf: thrower }) })).toEqual({
      p: '[unreadable]',
    });
    expect(kept({ toJSON: thrower })).toBe('[unreadable]');
  });

  it('keeps the beginning of a long text and says how long it was', () => {
    const { kept, altered } = content.value({ page: 'x'.repeat(10_000_000) });
    expect((kept as { page: string }).page).toBe(`${'x'.repeat(16_384)}… [cut: 10000000 characters in all]`);
    expect(altered).toEqual(['cut']);
    expect(new Content({ textCharacters: 3 }).value('ab😀').kept).toBe('ab… [cut: 4 characters in all]');
  });

  it('keeps the first entries of a long list and of a large object, and says how many there were', () => {
    const many = Array.from({ length: 1_000_000 }, (_, i) => i);
    const list = kept(many) as unknown[];
    expect(list.at(-1)).toBe('[cut: 1000000 entries in all]');
    expect(list.length).toBeLessThan(40_000);
    const object = kept(Object.fromEntries(many.slice(0, 100_000).map((i) => [`k${i}`, i]))) as Record<string, unknown>;
    expect(object['…']).toBe('[cut: 100000 entries in all]');
  });

  it('ends where a value is too deep to be read', () => {
    let deep: unknown = 'bottom';
    for (let i = 0; i < 100_000; i += 1) deep = { deep };
    expect(JSON.stringify(kept(deep))).toContain('[too deep]');
    expect(alterations(deep)).toEqual(['cut']);
  });

  it.each(['password', 'dbPassword', 'API_KEY', 'x-auth-token', 'AUTHORIZATION', 'clientSecret', 'awsCredentials'])(
    'has no text of eight characters or more under %s',
    (key) => {
      const value = { [key]: 'hunter2hunter2', other: 'hunter2' };
      expect(content.value(value)).toEqual({ kept: { [key]: '[redacted]', other: 'hunter2' }, altered: ['redacted'] });
      expect(kept({ [key]: { user: 'anybody-at-all', list: ['abcdefgh', 'short'] } })).toEqual({
        [key]: { user: '[redacted]', list: ['[redacted]', 'short'] },
      });
      expect(content.value({ [key]: 'short' }).altered).toEqual([]);
    },
  );

  it.each(['tokens', 'maxTokens', 'keyboard', 'monkey', 'tokenizer', 'author', 'secretary'])('keeps %s', (key) => {
    expect(content.value({ [key]: 'a usual text', [`${key}2`]: 12_345_678 }).altered).toEqual([]);
  });

  it('takes another list of words', () => {
    const own = new Content({ secretWords: ['Salary'] });
    expect(own.value({ baseSalary: '100000 a year', password: 'hunter2hunter2' }).kept).toEqual({
      baseSalary: '[redacted]',
      password: 'hunter2hunter2',
    });
  });
});

describe('what is kept of a text', () => {
  it('is a text, also where an agent gives something else', () => {
    expect(content.thought('as it is')).toEqual({ kept: 'as it is', altered: [] });
    expect(content.thought(7)).toEqual({ kept: '7', altered: ['converted'] });
    expect(content.thought(undefined)).toEqual({ kept: 'null', altered: ['converted'] });
    expect(content.thought('x'.repeat(70_000))).toMatchObject({ altered: ['cut'] });
    expect(content.response('x'.repeat(70_000)).altered).toEqual([]);
  });
});

describe('the words of a name', () => {
  it.each([
    ['dbApiKey', ['db', 'api', 'key']],
    ['DB_API_KEY', ['db', 'api', 'key']],
    ['HTTPToken', ['http', 'token']],
    ['x-auth.token 2', ['x', 'auth', 'token', '2']],
    ['', []],
  ])('of %s', (name, words) => {
    expect(wordsOf(name)).toEqual(words);
  });
});
