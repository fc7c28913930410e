/**
 * What every store of threads must do, as cases for any test runner: each makes its own store and throws when that is wrong.
 */
import assert from 'node:assert/strict';
import type { MessageStatus, ThreadMessage, ThreadStore } from '@muster/contracts';
import { caseOn, type ConformanceCase } from './conformance-case.ts';
import { SeededRandom } from './seeded-random.ts';

/** A store that is tested, and its surroundings. */
export interface ThreadsUnderTest {
  readonly threads: ThreadStore;
  /** Where a store outlives its process: opens it again, as after a crash. */
  readonly reopen?: () => Promise<ThreadStore>;
  readonly close: () => Promise<void>;
}
export type MakeThreads = () => Promise<ThreadsUnderTest>;
type Case = ConformanceCase<MakeThreads>;

const withThreads = (name: string, body: (test: ThreadsUnderTest) => Promise<void>): Case => caseOn(name, body);

const message = (id: string, at = 0, status: MessageStatus = 'pending'): ThreadMessage => ({
  id,
  role: 'user',
  content: `content of ${id}`,
  status,
  run: `run of ${id}`,
  at,
});
const open = (threads: ThreadStore, user: string, id: string, at = 0) => threads.open(user, { id, title: id, at });
const idsIn = async (threads: ThreadStore, user: string, thread: string): Promise<string[] | undefined> =>
  (await threads.messages(user, thread))?.map(({ id }) => id);
const listed = async (threads: ThreadStore, user: string): Promise<string[]> =>
  (await threads.list(user)).map(({ id }) => id);

export function threadStoreConformance(): readonly Case[] {
  return [
    ...keeping,
    ...once,
    ...settling,
    ...owning,
    ...Array.from({ length: 6 }, (_, i) =>
      withThreads(`behaves as plain lists would under random calls, seed ${i + 1}`, (test) => walk(test, i + 1)),
    ),
  ];
}

const keeping: Case[] = [
  withThreads('makes a thread once and gives it back as it was', async ({ threads }) => {
    const made = await threads.open('ann', { id: 't', title: 'first', at: 1 });
    assert.deepEqual(made, { id: 't', title: 'first', createdAt: 1, updatedAt: 1 });
    assert.deepEqual(await threads.open('ann', { id: 't', title: 'second', at: 2 }), made);
    assert.deepEqual(await threads.list('ann'), [made]);
  }),
  withThreads('makes one thread of two calls at the same time', async ({ threads }) => {
    const both = await Promise.all([open(threads, 'ann', 't', 1), open(threads, 'ann', 't', 2)]);
    assert.deepEqual(both[0], both[1]);
    assert.equal((await threads.list('ann')).length, 1);
  }),
  withThreads('keeps messages in the order in which they were added, as they were', async ({ threads }) => {
    await open(threads, 'ann', 't');
    const odd = { ...message('odd'), content: 'grüße \u2028 😀 "quoted" \\ \n' };
    assert.equal(await threads.add('ann', 't', [message('a'), odd]), true);
    assert.equal(await threads.add('ann', 't', []), true);
    assert.equal(await threads.add('ann', 't', [message('c', 5, 'success')]), true);
    assert.deepEqual(await threads.messages('ann', 't'), [message('a'), odd, message('c', 5, 'success')]);
  }),
  withThreads(
    'loses none of those that are added at the same time, and parts none of one call',
    async ({ threads }) => {
      await open(threads, 'ann', 't');
      const calls = Array.from({ length: 20 }, (_, i) => [message(`${i} a`), message(`${i} b`)]);
      await Promise.all(calls.map((messages) => threads.add('ann', 't', messages)));
      const ids = (await idsIn(threads, 'ann', 't')) ?? [];
      assert.equal(ids.length, 40);
      for (let i = 0; i < 40; i += 2) assert.equal(ids[i]?.replace('a', 'b'), ids[i + 1]);
    },
  ),
  withThreads('gives the latest messages, in order, to who does not want all of them', async ({ threads }) => {
    await open(threads, 'ann', 't');
    const all = Array.from({ length: 30 }, (_, i) => message(`${i}`));
    for (const each of all) await threads.add('ann', 't', [each]);
    assert.deepEqual(await threads.messages('ann', 't', { latest: 3 }), all.slice(-3));
    assert.deepEqual(await threads.messages('ann', 't', { latest: 100 }), all);
    assert.deepEqual(await threads.messages('ann', 't', { latest: 0 }), []);
  }),
  withThreads('lists the threads of a user, the last changed first', async ({ threads }) => {
    for (const [id, at] of Object.entries({ old: 1, new: 2, newest: 3 })) await open(threads, 'ann', id, at);
    assert.deepEqual(await listed(threads, 'ann'), ['newest', 'new', 'old']);
    await threads.add('ann', 'old', [message('a', 4)]);
    assert.deepEqual(await listed(threads, 'ann'), ['old', 'newest', 'new']);
    await threads.settle('ann', 'old', 'a', { status: 'success', at: 9 });
    const [first] = await threads.list('ann');
    assert.deepEqual([first?.createdAt, first?.updatedAt], [1, 9]);
  }),
  withThreads('gives a thread another title, and takes one away with all that is in it', async ({ threads }) => {
    await open(threads, 'ann', 't', 1);
    await threads.add('ann', 't', [message('a')]);
    assert.equal(await threads.rename('ann', 't', 'better'), true);
    assert.equal((await threads.list('ann'))[0]?.title, 'better');
    assert.equal(await threads.remove('ann', 't'), true);
    assert.deepEqual(await listed(threads, 'ann'), []);
    assert.equal(await threads.messages('ann', 't'), null);
    for (const again of [threads.remove('ann', 't'), threads.rename('ann', 't', ''), threads.add('ann', 't', [])])
      assert.equal(await again, false);
    await open(threads, 'ann', 't', 7);
    assert.deepEqual(await threads.messages('ann', 't'), []);
  }),
  withThreads('has everything again when it is opened another time', async ({ threads, reopen }) => {
    if (reopen === undefined) return;
    await open(threads, 'ann', 't', 1);
    await threads.add('ann', 't', [message('a'), message('b', 2, 'success')]);
    const before = [await threads.list('ann'), await threads.messages('ann', 't')];
    const again = await reopen();
    assert.deepEqual([await again.list('ann'), await again.messages('ann', 't')], before);
    assert.equal(await again.settle('ann', 't', 'a', { status: 'interrupted', at: 3 }), true);
    await again.add('ann', 't', [message('c')]);
    assert.deepEqual(await idsIn(again, 'ann', 't'), ['a', 'b', 'c']);
  }),
];

/** Each id once in its thread, however often and by whomever it is added. */
const once: Case[] = [
  withThreads('leaves a message as it is whose id is added again, and changes nothing else', async ({ threads }) => {
    await open(threads, 'ann', 't', 1);
    await threads.add('ann', 't', [message('a', 2, 'success'), message('b', 3)]);
    const before = [await threads.list('ann'), await threads.messages('ann', 't')];
    for (const again of ['a', 'b']) {
      const other = { ...message(again, 9, 'failed'), content: 'another', role: 'assistant' as const };
      assert.equal(await threads.add('ann', 't', [other]), true);
    }
    assert.deepEqual([await threads.list('ann'), await threads.messages('ann', 't')], before);
    assert.equal(await threads.settle('ann', 't', 'b', { status: 'cancelled', at: 4 }), true);
    await threads.add('ann', 't', [message('b', 10)]);
    assert.deepEqual(await threads.messages('ann', 't'), [
      message('a', 2, 'success'),
      { ...message('b', 3), status: 'cancelled' },
    ]);
  }),
  withThreads('adds what is new of a call, in order and behind the others', async ({ threads }) => {
    await open(threads, 'ann', 't');
    await threads.add('ann', 't', [message('a'), message('b')]);
    assert.equal(
      await threads.add('ann', 't', [message('x', 5), message('b', 6), message('y', 7), message('a', 8)]),
      true,
    );
    assert.deepEqual(await threads.messages('ann', 't'), [
      message('a'),
      message('b'),
      message('x', 5),
      message('y', 7),
    ]);
    assert.equal((await threads.list('ann'))[0]?.updatedAt, 7);
    assert.deepEqual(await threads.messages('ann', 't', { latest: 3 }), [
      message('b'),
      message('x', 5),
      message('y', 7),
    ]);
  }),
  withThreads('adds the first of two that one call gives under one id', async ({ threads }) => {
    await open(threads, 'ann', 't');
    assert.equal(await threads.add('ann', 't', [message('a', 1), message('b', 2), message('a', 3, 'success')]), true);
    assert.deepEqual(await threads.messages('ann', 't'), [message('a', 1), message('b', 2)]);
    assert.equal((await threads.list('ann'))[0]?.updatedAt, 2);
  }),
  withThreads(
    'adds a message once that many calls add at the same time, and it can be settled',
    async ({ threads }) => {
      await open(threads, 'ann', 't');
      const calls = Array.from({ length: 8 }, (_, i) => [message(`own ${i}`, i), message('a', i), message('b', i)]);
      assert.deepEqual(
        await Promise.all(calls.map((each) => threads.add('ann', 't', each))),
        calls.map(() => true),
      );
      const ids = (await idsIn(threads, 'ann', 't')) ?? [];
      assert.deepEqual(ids.toSorted(), ['a', 'b', ...calls.map((_, i) => `own ${i}`)].toSorted());
      for (const id of ['a', 'b'])
        assert.equal(await threads.settle('ann', 't', id, { status: 'success', at: 9 }), true, id);
      for (let latest = 1; latest <= 10; latest += 1)
        assert.equal((await threads.messages('ann', 't', { latest }))?.length, latest);
    },
  ),
  withThreads('knows the ids of a thread when it is opened another time, and forgets them with it', async (test) => {
    const again = async (): Promise<ThreadStore> => (await test.reopen?.()) ?? test.threads;
    await open(test.threads, 'ann', 't');
    await test.threads.add('ann', 't', [message('a'), message('b', 1, 'success')]);
    let threads = await again();
    assert.equal(await threads.add('ann', 't', [message('b', 5), message('a', 5)]), true);
    assert.deepEqual(await threads.messages('ann', 't'), [message('a'), message('b', 1, 'success')]);
    await threads.remove('ann', 't');
    threads = await again();
    await open(threads, 'ann', 't');
    await threads.add('ann', 't', [message('b', 7)]);
    assert.deepEqual(await threads.messages('ann', 't'), [message('b', 7)]);
  }),
  withThreads('takes one id in two threads and of two users for different messages', async ({ threads }) => {
    const places = [
      ['ann', 't'],
      ['ann', 'u'],
      ['bob', 't'],
    ] as const;
    for (const [i, [user, thread]] of places.entries()) {
      await open(threads, user, thread);
      await threads.add(user, thread, [message('a', i)]);
    }
    for (const [i, [user, thread]] of places.entries())
      assert.deepEqual(await threads.messages(user, thread), [message('a', i)]);
  }),
];

const settling: Case[] = [
  withThreads('lets no status that comes late undo an end', async ({ threads }) => {
    await open(threads, 'ann', 't');
    await threads.add('ann', 't', [message('a')]);
    await Promise.all([
      threads.settle('ann', 't', 'a', { status: 'success', at: 1 }),
      threads.settle('ann', 't', 'a', { status: 'running', at: 1 }),
    ]);
    assert.equal((await threads.messages('ann', 't'))?.[0]?.status, 'success');
    assert.equal(await threads.settle('ann', 't', 'a', { status: 'failed', at: 2 }), false);
  }),
  withThreads('settles one message, and its content only where a new one is given', async ({ threads }) => {
    await open(threads, 'ann', 't');
    await threads.add('ann', 't', [message('a'), message('b')]);
    assert.equal(await threads.settle('ann', 't', 'none', { status: 'failed', at: 5 }), false);
    assert.equal(await threads.settle('ann', 't', 'a', { status: 'running', at: 5 }), true);
    assert.equal(await threads.settle('ann', 't', 'a', { status: 'success', at: 5 }), true);
    assert.equal(await threads.settle('ann', 't', 'b', { status: 'failed', content: 'new', at: 6 }), true);
    assert.deepEqual(await threads.messages('ann', 't'), [
      { ...message('a'), status: 'success' },
      { ...message('b'), status: 'failed', content: 'new' },
    ]);
  }),
  withThreads('leaves a message as it is that has its end', async ({ threads }) => {
    await open(threads, 'ann', 't');
    await threads.add('ann', 't', [message('a'), message('b', 1, 'success')]);
    await threads.settle('ann', 't', 'a', { status: 'cancelled', at: 2 });
    for (const id of ['a', 'b'])
      assert.equal(await threads.settle('ann', 't', id, { status: 'failed', content: 'x', at: 3 }), false);
    assert.deepEqual(
      (await threads.messages('ann', 't'))?.map(({ status }) => status),
      ['cancelled', 'success'],
    );
  }),
];

const owning: Case[] = [
  withThreads('treats the thread of another like one that there is not, in every method', async ({ threads }) => {
    await open(threads, 'ann', 't');
    await threads.add('ann', 't', [message('a')]);
    for (const thread of ['t', 'none']) {
      assert.equal(await threads.add('bob', thread, [message('x')]), false);
      assert.equal(await threads.settle('bob', thread, 'a', { status: 'failed', at: 1 }), false);
      assert.equal(await threads.messages('bob', thread), null);
      assert.equal(await threads.rename('bob', thread, 'mine'), false);
      assert.equal(await threads.remove('bob', thread), false);
    }
    assert.deepEqual(await threads.list('bob'), []);
    assert.deepEqual(await threads.messages('ann', 't'), [message('a')]);
  }),
  withThreads('keeps two threads of one id apart, when two users have them', async ({ threads }) => {
    for (const user of ['ann', 'bob']) {
      assert.equal((await threads.open(user, { id: 't', title: user, at: 1 })).title, user);
      await threads.add(user, 't', [message(`of ${user}`)]);
    }
    await threads.remove('bob', 't');
    assert.deepEqual([await idsIn(threads, 'ann', 't'), await idsIn(threads, 'bob', 't')], [['of ann'], undefined]);
  }),
  withThreads('takes any text for a user and a thread, and mixes up none', async ({ threads }) => {
    const texts = ['a', 'a/b', 'a%', 'a_', "a'b", 'A', 'ü', 'a\u0000', ' a', '😀', 'x'.repeat(200)];
    const all = texts.flatMap((user) => texts.map((thread) => ({ user, thread })));
    for (const { user, thread } of all) {
      await open(threads, user, thread);
      await threads.add(user, thread, [message(`${user} ${thread}`)]);
    }
    for (const { user, thread } of all)
      assert.deepEqual(await idsIn(threads, user, thread), [`${user} ${thread}`], `${user} ${thread}`);
    for (const user of texts) assert.equal((await threads.list(user)).length, texts.length);
  }),
];

/** Random calls beside lists that do the same. */
async function walk({ threads }: ThreadsUnderTest, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const users = ['ann', 'bob'];
  const names = ['s', 't'];
  const model = new Map<string, ThreadMessage[]>();
  for (let step = 1; step <= 120; step += 1) {
    const [user, thread] = [random.pick(users), random.pick(names)];
    const key = `${user}/${thread}`;
    const known = model.get(key);
    const kind = random.pick(['open', 'add', 'add', 'add', 'settle', 'settle', 'remove'] as const);
    if (kind === 'open') {
      await open(threads, user, thread, step);
      model.set(key, known ?? []);
    } else if (kind === 'add') {
      const added = Array.from({ length: random.between(1, 3) }, (_, i) =>
        // Now and then what was added before, or is added by the same call.
        message(random.chance(0.3) ? `${random.between(1, step)}.0` : `${step}.${i}`, step),
      );
      assert.equal(await threads.add(user, thread, added), known !== undefined);
      for (const each of added) if (known?.every(({ id }) => id !== each.id) === true) known.push(each);
    } else if (kind === 'settle') {
      const target = known !== undefined && known.length > 0 ? random.pick(known) : undefined;
      const isOpen = target?.status === 'pending';
      const change = { status: 'success' as const, content: `settled in ${step}` };
      assert.equal(await threads.settle(user, thread, target?.id ?? 'none', { ...change, at: step }), isOpen);
      if (isOpen) known?.splice(known.indexOf(target), 1, { ...target, ...change });
    } else {
      assert.equal(await threads.remove(user, thread), known !== undefined);
      model.delete(key);
    }
    assert.deepEqual(await threads.messages(user, thread), model.get(key) ?? null);
  }
}
