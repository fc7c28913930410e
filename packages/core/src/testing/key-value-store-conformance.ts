/**
 * What every key-value store must do, as cases for any test runner: each makes its own store and throws when that is wrong.
 */
import assert from 'node:assert/strict';
import type { KeyValueChange, KeyValueStore, Written } from '../state/key-value-store.ts';
import { caseOn, type ConformanceCase } from './conformance-case.ts';
import { SeededRandom } from './seeded-random.ts';

/** A store that is tested, and its surroundings. */
export interface StoreUnderTest {
  readonly store: KeyValueStore;
  /** Where a store outlives its process: opens it again, as after a crash. */
  readonly reopen?: () => Promise<KeyValueStore>;
  readonly close: () => Promise<void>;
}
export type MakeStore = () => Promise<StoreUnderTest>;
type Case = ConformanceCase<MakeStore>;

const withStore = (name: string, body: (test: StoreUnderTest) => Promise<void>): Case => caseOn(name, body);

const written = async (writing: Promise<Written>): Promise<number> => {
  const result = await writing;
  assert.equal(result.ok, true);
  return result.revision;
};
const conflict = (revision: number) => ({ ok: false, why: 'conflict', revision });
const keysOf = async (store: KeyValueStore, prefix = ''): Promise<string[]> =>
  (await store.list(prefix)).map(({ key }) => key);

/** Lets everything go on that waits for promises alone. */
async function settled(store: KeyValueStore): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await store.get('');
}

export function keyValueStoreConformance(): readonly Case[] {
  return [
    ...writing,
    ...watching,
    ...Array.from({ length: 8 }, (_, i) =>
      withStore(`behaves as a plain map would under random calls, seed ${i + 1}`, (test) => walk(test, i + 1)),
    ),
  ];
}

const writing: Case[] = [
  withStore(
    'creates what is not there, updates and deletes what is known, and answers conflicts',
    async ({ store }) => {
      assert.equal(await store.get('k'), undefined);
      assert.deepEqual(await store.update('k', 1, 1), conflict(0));
      assert.deepEqual(await store.delete('k', 0), conflict(0));
      const first = await written(store.create('k', { a: [1, 'zwei', null] }));
      assert.deepEqual(await store.get('k'), { key: 'k', value: { a: [1, 'zwei', null] }, revision: first });
      assert.deepEqual(await store.create('k', 2), conflict(first));
      assert.deepEqual(await store.update('k', 2, first + 1), conflict(first));
      const second = await written(store.update('k', 2, first));
      assert.deepEqual(await store.delete('k', first), conflict(second));
      const third = await written(store.delete('k', second));
      assert.equal(await store.get('k'), undefined);
      const fourth = await written(store.create('k', 3));
      assert.deepEqual(
        [first, second, third, fourth].toSorted((a, b) => a - b),
        [first, second, third, fourth],
      );
      assert.equal(new Set([first, second, third, fourth]).size, 4);
    },
  ),
  withStore('gives copies: nobody changes the store through a value', async ({ store }) => {
    const value = { list: [1] };
    const creating = store.create('k', value);
    value.list.push(2);
    await creating;
    const got = (await store.get('k')) as { value: { list: number[] } } | undefined;
    got?.value.list.push(3);
    assert.deepEqual((await store.get('k'))?.value, { list: [1] });
  }),
  withStore('lists what begins with a prefix, sorted by key', async ({ store }) => {
    for (const key of ['b/2', 'a', 'b/10', 'b', 'c', 'b/1', 'bb', 'ü/1', 'z'.repeat(1_000)])
      await written(store.create(key, key));
    assert.deepEqual(await keysOf(store, 'b/'), ['b/1', 'b/10', 'b/2']);
    assert.deepEqual(await keysOf(store, 'ü'), ['ü/1']);
    assert.deepEqual(await keysOf(store, 'zz'), ['z'.repeat(1_000)]);
    assert.equal((await store.list('')).length, 9);
    assert.deepEqual(await store.list('nothing'), []);
  }),
  withStore('lets exactly one of many win who know the same revision', async ({ store }) => {
    const created = await Promise.all([1, 2, 3].map((n) => store.create('k', n)));
    assert.deepEqual(
      created.map(({ ok }) => ok),
      [true, false, false],
    );
    const revision = created[0]?.revision as number;
    const updated = await Promise.all([4, 5, 6].map((n) => store.update('k', n, revision)));
    assert.equal(updated.filter(({ ok }) => ok).length, 1);
    assert.equal((await store.get('k'))?.value, 4);
  }),
  withStore('goes on above the highest revision, where it outlives its process', async ({ store, reopen }) => {
    if (reopen === undefined) return;
    await written(store.create('k', 1));
    const gone = await written(store.create('gone', 1));
    const last = await written(store.delete('gone', gone));
    const again = await reopen();
    assert.deepEqual((await again.get('k'))?.value, 1);
    assert.equal(await again.get('gone'), undefined);
    assert.ok((await written(again.create('new', 1))) > last);
  }),
];

const watching: Case[] = [
  withStore('shows what is there, then every change, and nothing of other prefixes', async ({ store }) => {
    const one = await written(store.create('k/1', 1));
    await written(store.create('other', 1));
    const seen: KeyValueChange[] = [];
    const subscription = store.watch('k/', (change) => seen.push(change));
    assert.deepEqual(seen, []);
    await settled(store);
    assert.deepEqual(seen, [{ type: 'put', key: 'k/1', value: 1, revision: one }]);
    const two = await written(store.update('k/1', 2, one));
    const three = await written(store.delete('k/1', two));
    await written(store.create('other/2', 1));
    subscription.close();
    await written(store.create('k/2', 1));
    assert.deepEqual(seen.slice(1), [
      { type: 'put', key: 'k/1', value: 2, revision: two },
      { type: 'delete', key: 'k/1', revision: three },
    ]);
  }),
  withStore('tells every sink in the order of revisions, also of what another one writes', async ({ store }) => {
    const seen: KeyValueChange[] = [];
    const writes: Promise<Written>[] = [];
    store.watch('k', ({ type }) => {
      if (type === 'delete') writes.push(store.create('k', 2));
    });
    store.watch('k', (change) => seen.push(change));
    await settled(store);
    await written(store.delete('k', await written(store.create('k', 1))));
    while (writes.length === 0) await settled(store);
    await Promise.all(writes);
    while (seen.length < 3) await settled(store);
    assert.deepEqual(
      seen.map(({ type }) => type),
      ['put', 'delete', 'put'],
    );
    const revisions = seen.map(({ revision }) => revision);
    assert.deepEqual(
      revisions.toSorted((a, b) => a - b),
      revisions,
    );
  }),
  withStore('tells the others when a sink throws or closes', async ({ store }) => {
    const seen: string[] = [];
    store.watch('', () => {
      throw new Error('broken');
    });
    const closing = store.watch('', () => closing.close());
    store.watch('', ({ key }) => seen.push(key));
    await settled(store);
    await written(store.create('a', 1));
    await written(store.create('b', 1));
    assert.deepEqual(seen, ['a', 'b']);
  }),
];

/** Random calls without waiting; the model is moved in the order of the calls, and every watcher ends with the same map. */
async function walk({ store }: StoreUnderTest, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const views: Map<string, unknown>[] = [];
  const lastRevisions = new Map<Map<string, unknown>, Map<string, number>>();
  const model = new Map<string, { value: number; revision: number }>();
  for (let step = 0; step < 200; step += 1) {
    const key = `k${random.below(6)}`;
    const known = model.get(key);
    const dice = random.below(10);
    if (dice < 1) {
      const view = new Map<string, unknown>();
      const revisions = new Map<string, number>();
      views.push(view);
      lastRevisions.set(view, revisions);
      store.watch('', (change) => {
        assert.ok(change.revision > (revisions.get(change.key) ?? 0), 'revisions of a key rise');
        revisions.set(change.key, change.revision);
        if (change.type === 'put') view.set(change.key, change.value);
        else view.delete(change.key);
      });
    } else if (dice < 4) {
      const result = await store.create(key, step);
      assert.equal(result.ok, known === undefined);
      if (result.ok) model.set(key, { value: step, revision: result.revision });
    } else if (dice < 8) {
      const racing = [step, step + 1_000].map((value) => store.update(key, value, known?.revision ?? 7));
      const [first, second] = await Promise.all(racing);
      assert.deepEqual([first?.ok, second?.ok], [known !== undefined, false]);
      if (first?.ok) model.set(key, { value: step, revision: first.revision });
    } else {
      const result = await store.delete(key, known?.revision ?? 7);
      assert.equal(result.ok, known !== undefined);
      if (result.ok) model.delete(key);
    }
  }
  await settled(store);
  const expected = [...model].map(([key, { value, revision }]) => ({ key, value, revision }));
  assert.deepEqual(
    await store.list(''),
    expected.sort((one, other) => (one.key < other.key ? -1 : 1)),
  );
  for (const view of views)
    assert.deepEqual(
      [...view].sort(),
      expected.map(({ key, value }) => [key, value]),
    );
}
