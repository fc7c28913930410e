import { describe, expect, it } from '@jest/globals';
import { AgentRegistry, KeyValueThreadStore, threadMethods, ThreadService } from '@muster/agents';
import { EventLog, MemoryStore, principalOf, streamOf } from '@muster/core';
import { threadStoreConformance } from '@muster/core/testing';
import { withAgent } from './harness.ts';

const ann = principalOf('ann');

describe('KeyValueThreadStore in memory', () => {
  it.each(threadStoreConformance().map(({ name, run }) => [name, run] as const))('%s', (_, run) =>
    run(async () => {
      const store = new MemoryStore((error) => {
        throw error;
      });
      return {
        threads: new KeyValueThreadStore(store),
        reopen: async () => new KeyValueThreadStore(store),
        close: async () => {},
      };
    }),
  );
});

describe('KeyValueThreadStore, when whoever adds a message dies in the middle', () => {
  const message = { id: 'a', role: 'user', content: 'one', status: 'pending', run: 'r', at: 1 } as const;

  it.each(['threads/', 'numbers/', 'messages/'])(
    'before it has written %s, has it once when it is added again',
    async (prefix) => {
      const store = new MemoryStore((error) => {
        throw error;
      });
      const threads = new KeyValueThreadStore(store);
      await threads.open('ann', { id: 't', title: 't', at: 0 });
      const dying = new Proxy(store, {
        get: (target, name) => {
          const value = Reflect.get(target, name, target) as unknown;
          if (typeof value !== 'function') return value;
          const isWrite = name === 'create' || name === 'update';
          return (key: string, ...rest: unknown[]) =>
            isWrite && key.startsWith(prefix)
              ? Promise.reject(new Error('dead'))
              : (value as (...args: unknown[]) => unknown).call(target, key, ...rest);
        },
      });
      await expect(new KeyValueThreadStore(dying).add('ann', 't', [message])).rejects.toThrow('dead');
      expect(await threads.messages('ann', 't')).toEqual([]);
      for (const again of [message, { ...message, content: 'another' }])
        expect(await threads.add('ann', 't', [again, { ...message, id: 'b' }])).toBe(true);
      expect(await threads.messages('ann', 't')).toEqual([message, { ...message, id: 'b' }]);
      expect(await threads.messages('ann', 't', { latest: 2 })).toHaveLength(2);
      expect(await threads.settle('ann', 't', 'a', { status: 'failed', at: 2 })).toBe(true);
    },
  );
});

describe('ThreadService', () => {
  it('takes the title of a thread from its first message, cut at 80 characters', async () => {
    await using test = await withAgent(() => ({}));
    const threads = test.app.get(ThreadService);
    await threads.begin(ann, 't', 'x'.repeat(100), 'r1');
    await threads.begin(ann, 't', 'a second question', 'r2');
    const store = test.app.get(KeyValueThreadStore);
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
    await threads.begin(ann, 't', 'one', 'r1');
    await threads.abandoned(ann, 't', 'r1');
    expect(await threads.messages(ann, 't')).toMatchObject([{ role: 'user', status: 'failed' }]);
  });

  it('cannot be made to tell a foreign thread from one that there is not', async () => {
    await using test = await withAgent(() => ({}));
    const threads = test.app.get(ThreadService);
    await threads.begin(ann, 't', 'one', 'r1');
    const bob = principalOf('bob');
    for (const call of [
      (id: string) => threads.messages(bob, id),
      (id: string) => threads.rename(bob, id, 'mine'),
      (id: string) => threads.remove(bob, id),
    ]) {
      const [foreign, absent] = await Promise.all(
        ['t', 'none'].map((id) =>
          call(id).catch(({ code, message }: Error & { code: string }) => [
            code,
            message.replace(`thread ${id}.`, 'thread.'),
          ]),
        ),
      );
      expect(foreign).toEqual(['THREAD_NOT_FOUND', expect.any(String)]);
      expect(foreign).toEqual(absent);
    }
    expect((await threads.begin(bob, 't', 'a thread of my own', 'r2')).history).toEqual([]);
    expect(await threads.messages(ann, 't')).toMatchObject([{ content: 'one' }]);
    expect(await threads.messages(bob, 't')).toMatchObject([{ content: 'a thread of my own' }]);
  });

  it('lists, renames, and takes away with messages and events', async () => {
    await using test = await withAgent(() => ({ finalResponse: 'done' }));
    const threads = test.app.get(ThreadService);
    await (
      await test.ask('first', { thread: 't' })
    ).terminal;
    await (
      await test.ask('second', { thread: 'u' })
    ).terminal;
    await test.clock.settle();
    await threads.rename(ann, 't', 'x'.repeat(100));
    expect((await threads.list(ann)).map(({ id, title }) => [id, title]).sort()).toEqual([
      ['t', 'x'.repeat(80)],
      ['u', 'second'],
    ]);
    const { epoch } = await test.log.info(streamOf(ann, 't'));
    await threads.remove(ann, 't');
    expect((await threads.list(ann)).map(({ id }) => id)).toEqual(['u']);
    expect(await test.eventsOf('t')).toEqual([]);
    expect((await test.app.get(EventLog).info(streamOf(ann, 't'))).epoch).not.toBe(epoch);
    expect(await test.eventsOf('u')).toHaveLength(3);
  });

  it('has a state for every end of a run', async () => {
    const ends = { fail: 'failed', cancel: 'cancelled', answer: 'success' };
    await using test = await withAgent(async (_, { text }) => {
      if (text === 'fail') throw new Error('no');
      if (text === 'cancel') await new Promise(() => {});
      return { finalResponse: 'done' };
    });
    const threads = test.app.get(ThreadService);
    for (const [text, status] of Object.entries(ends)) {
      const run = await test.ask(text, { thread: text });
      await test.clock.settle();
      if (text === 'cancel') {
        expect(await threads.messages(ann, text)).toMatchObject([{ status: 'running', run: run.run }]);
        void test.supervisor.cancel(ann, run.run, null);
      }
      await run.terminal;
      await test.clock.settle();
      expect(await threads.messages(ann, text)).toMatchObject([
        { role: 'user', content: text, status, run: run.run },
        { role: 'assistant', status, run: run.run },
      ]);
    }
  });
});

describe('the methods of threads', () => {
  it('serve a connection, and end what runs in a thread before it is deleted', async () => {
    await using test = await withAgent(async (_, { text }) =>
      text === 'hang' ? new Promise(() => {}) : { finalResponse: text },
    );
    const requester = await test.requesterOf('ann');
    const methods = threadMethods(test.app.get(ThreadService), test.supervisor, requester);
    await (
      await test.ask('hello', { thread: 't' })
    ).terminal;
    await test.clock.settle();
    expect(await methods.threads()).toMatchObject({ threads: [{ id: 't', title: 'hello' }] });
    expect(await methods['threads.messages']({ thread: 't' })).toMatchObject({
      messages: [{ content: 'hello' }, { content: 'hello' }],
    });
    expect(await methods['threads.rename']({ thread: 't', title: ' better ' })).toEqual({});
    expect(await methods.threads()).toMatchObject({ threads: [{ title: 'better' }] });
    const hanging = await test.ask('hang', { thread: 't' });
    await test.clock.settle();
    expect(await methods['threads.delete']({ thread: 't' })).toEqual({});
    expect((await hanging.terminal).data).toMatchObject({ status: 'cancelled' });
    expect([await methods.threads(), test.supervisor.activeRuns]).toEqual([{ threads: [] }, 0]);
    expect(await test.eventsOf('t')).toEqual([]);
  });

  it.each([
    ['threads.messages', {}],
    ['threads.rename', { thread: 't', title: '' }],
    ['threads.delete', { thread: 7 }],
  ] as const)('refuse what is no %s', async (method, data) => {
    await using test = await withAgent(() => ({}));
    const methods = threadMethods(test.app.get(ThreadService), test.supervisor, { principal: ann });
    await expect(methods[method](data)).rejects.toMatchObject({ code: 'FRAME_INVALID' });
  });
});

describe('AgentRegistry', () => {
  it('lists agents by name and description', async () => {
    await using test = await withAgent(() => ({}));
    expect(test.app.get(AgentRegistry).list()).toEqual([{ name: 'tester', description: 'does what the test says' }]);
  });
});
