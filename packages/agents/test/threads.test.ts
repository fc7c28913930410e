import { describe, expect, it } from '@jest/globals';
import type { ThreadMessage } from '@muster/contracts';
import { AgentRegistry, MemoryThreadStore, ThreadService } from '@muster/agents';
import { principalOf } from '@muster/core';
import { withAgent } from './harness.ts';

const message = (id: string, at = 0): ThreadMessage => ({
  id,
  role: 'user',
  content: id,
  status: 'pending',
  run: 'r',
  at,
});
const ann = principalOf('ann');

describe('MemoryThreadStore', () => {
  it('makes a thread once and gives it back as it was, to its user alone', async () => {
    const store = new MemoryThreadStore();
    const made = await store.open('ann', { id: 't', title: 'first', at: 1 });
    expect(made).toEqual({ id: 't', title: 'first', createdAt: 1, updatedAt: 1 });
    expect(await store.open('ann', { id: 't', title: 'second', at: 2 })).toEqual(made);
    expect(await store.open('bob', { id: 't', title: 'mine', at: 3 })).toBeNull();
    expect(await store.list('bob')).toEqual([]);
  });

  it('adds messages in the order given, and gives copies that its caller may change', async () => {
    const store = new MemoryThreadStore();
    await store.open('ann', { id: 't', title: '', at: 0 });
    expect(await store.add('ann', 't', [message('a'), message('b')])).toBe(true);
    expect(await store.add('ann', 't', [message('c')])).toBe(true);
    const read = (await store.messages('ann', 't')) as ThreadMessage[];
    expect(read.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    read.length = 0;
    expect(await store.messages('ann', 't')).toHaveLength(3);
  });

  it('treats a foreign thread like one that there is not, in every method', async () => {
    const store = new MemoryThreadStore();
    await store.open('ann', { id: 't', title: '', at: 0 });
    await store.add('ann', 't', [message('a')]);
    for (const [user, thread] of [
      ['bob', 't'],
      ['bob', 'none'],
    ] as const) {
      expect(await store.add(user, thread, [message('x')])).toBe(false);
      expect(await store.settle(user, thread, 'a', { status: 'failed', at: 1 })).toBe(false);
      expect(await store.messages(user, thread)).toBeNull();
    }
    expect(await store.messages('ann', 't')).toEqual([message('a')]);
  });

  it('settles one message, and its content only where a new one is given', async () => {
    const store = new MemoryThreadStore();
    await store.open('ann', { id: 't', title: '', at: 0 });
    await store.add('ann', 't', [message('a'), message('b')]);
    expect(await store.settle('ann', 't', 'none', { status: 'failed', at: 5 })).toBe(false);
    expect(await store.settle('ann', 't', 'a', { status: 'success', at: 5 })).toBe(true);
    expect(await store.settle('ann', 't', 'b', { status: 'failed', content: 'new', at: 6 })).toBe(true);
    expect(await store.messages('ann', 't')).toEqual([
      { ...message('a'), status: 'success' },
      { ...message('b'), status: 'failed', content: 'new' },
    ]);
  });

  it('lists the threads of one user, the last changed first', async () => {
    const store = new MemoryThreadStore();
    for (const [id, at] of [
      ['old', 1],
      ['new', 2],
      ['newest', 3],
    ] as const) {
      await store.open('ann', { id, title: id, at });
    }
    expect((await store.list('ann')).map(({ id }) => id)).toEqual(['newest', 'new', 'old']);
    await store.add('ann', 'old', [message('a', 4)]);
    expect((await store.list('ann')).map(({ id }) => id)).toEqual(['old', 'newest', 'new']);
    await store.settle('ann', 'old', 'a', { status: 'success', at: 9 });
    expect((await store.list('ann'))[0]).toMatchObject({ id: 'old', createdAt: 1, updatedAt: 9 });
  });
});

describe('ThreadService', () => {
  it('takes the title of a thread from its first message, cut at 80 characters', async () => {
    await using test = await withAgent(() => ({}));
    const threads = test.app.get(ThreadService);
    await threads.begin(ann, 't', 'x'.repeat(100), 'r1');
    await threads.begin(ann, 't', 'a second question', 'r2');
    const store = test.app.get(MemoryThreadStore);
    expect((await store.list('ann')).map(({ title }) => title)).toEqual(['x'.repeat(80)]);
  });

  it('gives each question the messages before it and not itself, and stamps its end with the time of the end', async () => {
    await using test = await withAgent(() => ({}));
    const threads = test.app.get(ThreadService);
    const asked = test.clock.now();
    const first = await threads.begin(ann, 't', 'one', 'r1');
    expect(first.history).toEqual([]);
    await test.clock.advance(500);
    await first.end('success', 'uno');
    expect((await threads.begin(ann, 't', 'two', 'r2')).history.map(({ content }) => content)).toEqual(['one', 'uno']);
    expect((await threads.messages(ann, 't')).map(({ at, status }) => [at - asked, status])).toEqual([
      [0, 'success'],
      [500, 'success'],
      [500, 'pending'],
    ]);
  });

  it('marks a question of which no run came as failed, without an answer', async () => {
    await using test = await withAgent(() => ({}));
    const threads = test.app.get(ThreadService);
    await (await threads.begin(ann, 't', 'one', 'r1')).abandon();
    expect(await threads.messages(ann, 't')).toMatchObject([{ role: 'user', status: 'failed' }]);
  });

  it('cannot be made to tell a foreign thread from one that there is not', async () => {
    await using test = await withAgent(() => ({}));
    const threads = test.app.get(ThreadService);
    await threads.begin(ann, 't', 'one', 'r1');
    const bob = principalOf('bob');
    await expect(threads.begin(bob, 't', 'let me in', 'r2')).rejects.toMatchObject({
      code: 'THREAD_NOT_FOUND',
      details: { thread: 't' },
    });
    const [foreign, absent] = await Promise.all(
      ['t', 'none'].map((id) => threads.messages(bob, id).catch((error: { code: string }) => error.code)),
    );
    expect(foreign).toBe(absent);
    expect(await threads.messages(ann, 't')).toHaveLength(1);
  });
});

describe('AgentRegistry', () => {
  it('lists agents by name and description', async () => {
    await using test = await withAgent(() => ({}));
    expect(test.app.get(AgentRegistry).list()).toEqual([{ name: 'tester', description: 'does what the test says' }]);
  });
});
