import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { AgentEvent, Position } from '@muster/contracts';
import {
  createApp,
  EventLog,
  KeyValueStore,
  MemoryLog,
  MemoryStore,
  principalOf,
  provideValue,
  streamOf,
  systemRandom,
} from '@muster/core';
import { eventsIn, FakeClock } from '@muster/core/testing';
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  defineTool,
  type RunInput,
  runMethods,
  ThreadService,
  ThreadStore,
} from '@muster/agents';
import * as v from 'valibot';

const forever = defineTool({
  name: 'forever',
  description: 'never ends',
  input: v.object({}),
  run: () => new Promise<string>(() => {}),
});

@agent({ name: 'tester', description: 'does what it is told', tools: [forever] })
class Tester implements Agent {
  async run({ text }: RunInput, ctx: AgentContext) {
    if (text === 'hang') await ctx.tool(forever, {});
    return { finalResponse: text };
  }
}

/** What outlives a process. */
function storage() {
  const clock = new FakeClock();
  const failed = (error: unknown): void => {
    throw error;
  };
  return { clock, log: new MemoryLog(clock, systemRandom, failed), store: new MemoryStore(failed) };
}

/** One process on it. It is never stopped: it dies. */
async function processOn({ clock, log, store }: ReturnType<typeof storage>) {
  const app = createApp({
    services: [Tester, ...agents(), provideValue(EventLog, log), provideValue(KeyValueStore, store)],
    clock,
  });
  await app.start();
  const followed: [string, Position | undefined][] = [];
  const requesterOf = async (user = 'ann', id = 'session 1') => ({
    id,
    principal: principalOf(user),
    permit: await app.gate.enter(),
    follow: async (thread: string, from?: Position) => void followed.push([thread, from]),
  });
  const eventsOf = async (thread: string, user = 'ann'): Promise<readonly AgentEvent[]> =>
    (await log.read(streamOf(principalOf(user), thread), { after: 0, maxBytes: 10_000_000 })).batches.flatMap(eventsIn);
  const rowsOf = (thread: string) => app.get(ThreadService).messages(principalOf('ann'), thread);
  return { app, supervisor: app.get(AgentSupervisor), requesterOf, eventsOf, rowsOf, followed };
}

describe('a run whose process has died', () => {
  it('gets its terminal when the next one starts, with its open tool call closed before it', async () => {
    const disk = storage();
    const first = await processOn(disk);
    const { thread, run } = await first.supervisor.accept(await first.requesterOf(), { text: 'hang' });
    while ((await first.eventsOf(thread)).length < 3) await new Promise(setImmediate);
    await disk.clock.advance(2_000);
    const second = await processOn(disk);
    const events = await second.eventsOf(thread);
    expect(events.map(({ event, n, id }) => [event, n, id])).toEqual([
      ['agent_started', 1, `${run}:1`],
      ['agent_thinking', 2, `${run}:2`],
      ['tool_executing', 3, `${run}:3`],
      ['tool_completed', 4, `${run}:4`],
      ['agent_completed', 5, `${run}:5`],
    ]);
    expect(events[3]?.data).toMatchObject({ toolName: 'forever', status: 'abandoned', durationMs: 2_000 });
    expect(events[4]?.data).toMatchObject({
      status: 'interrupted',
      by: 'reaper',
      code: 'RUN_INTERRUPTED',
      retryable: true,
      count: 5,
      durationMs: 2_000,
    });
    const rows = [
      { role: 'user', content: 'hang', status: 'interrupted', run },
      {
        role: 'assistant',
        content: 'The run was interrupted, because the process shuts down.',
        status: 'interrupted',
        run,
      },
    ];
    expect(await second.rowsOf(thread)).toMatchObject(rows);
    await processOn(disk);
    expect(await second.eventsOf(thread)).toHaveLength(5);
    expect(await second.rowsOf(thread)).toMatchObject(rows);
    expect(await disk.store.list('runs/')).toEqual([]);
  });

  it('is told apart from others of its thread, whoever started or ended when', async () => {
    const disk = storage();
    const first = await processOn(disk);
    const thread = randomUUID();
    const requester = await first.requesterOf();
    const runs: string[] = [];
    for (const text of ['hang', 'fine', 'hang', 'fine', 'hang']) {
      runs.push((await first.supervisor.accept(requester, { text, thread })).run);
    }
    while ((await first.eventsOf(thread)).filter(({ event }) => event === 'agent_completed').length < 2)
      await new Promise(setImmediate);
    while ((await first.eventsOf(thread)).filter(({ event }) => event === 'tool_executing').length < 3)
      await new Promise(setImmediate);
    const second = await processOn(disk);
    const events = await second.eventsOf(thread);
    for (const run of runs) {
      const own = events.filter((event) => event.run === run);
      expect(own.map(({ n }) => n)).toEqual(own.map((_, i) => i + 1));
      expect(own.filter(({ event }) => event === 'agent_completed')).toHaveLength(1);
      expect(own.at(-1)?.event).toBe('agent_completed');
    }
  });

  it('that had ended keeps its end, and has its answer stored once', async () => {
    for (const isStored of [false, true]) {
      const disk = storage();
      const first = await processOn(disk);
      const threads = first.app.get(ThreadStore);
      const add = threads.add.bind(threads);
      // It dies between the terminal and the answer, or between the answer and the end of its question.
      const settle = threads.settle.bind(threads);
      threads.settle = (user, thread, id, change) =>
        change.status === 'running' ? settle(user, thread, id, change) : new Promise(() => {});
      if (!isStored)
        threads.add = (user, thread, messages) =>
          messages[0]?.role === 'user' ? add(user, thread, messages) : new Promise(() => {});
      const { thread } = await first.supervisor.accept(await first.requesterOf(), { text: 'fine' });
      await disk.clock.settle();
      expect((await first.eventsOf(thread)).at(-1)?.event).toBe('agent_completed');
      const second = await processOn(disk);
      expect(await second.rowsOf(thread)).toMatchObject([
        { role: 'user', status: 'success' },
        { role: 'assistant', content: 'fine', status: 'success' },
      ]);
      expect((await second.eventsOf(thread)).filter(({ event }) => event === 'agent_completed')).toHaveLength(1);
    }
  });

  it('that had not begun leaves nothing behind, and its request is a first one again', async () => {
    const disk = storage();
    const first = await processOn(disk);
    const append = disk.log.append.bind(disk.log);
    disk.log.append = () => new Promise(() => {});
    const requester = await first.requesterOf();
    void first.supervisor.accept(requester, { text: 'lost', thread: 't' }, 'request 1');
    while ((await disk.store.list('runs/')).length === 0) await new Promise(setImmediate);
    disk.log.append = append;
    const second = await processOn(disk);
    expect([...(await disk.store.list('runs/')), ...(await disk.store.list('requests/'))]).toEqual([]);
    expect(await second.rowsOf('t')).toMatchObject([{ content: 'lost', status: 'failed' }]);
    expect(await second.eventsOf('t')).toEqual([]);
    await second.supervisor.accept(await second.requesterOf(), { text: 'again', thread: 't' }, 'request 1');
    expect((await second.eventsOf('t')).length).toBeGreaterThan(0);
  });

  it('whose thread was dropped is forgotten', async () => {
    const disk = storage();
    const first = await processOn(disk);
    const { thread } = await first.supervisor.accept(await first.requesterOf(), { text: 'hang' });
    await disk.clock.settle();
    await disk.log.drop(streamOf(principalOf('ann'), thread));
    const second = await processOn(disk);
    expect(await second.eventsOf(thread)).toEqual([]);
    expect(await disk.store.list('runs/')).toEqual([]);
  });
});

describe('a request that comes again after a crash', () => {
  it('finds the run that came of it, and follows it from its beginning', async () => {
    const disk = storage();
    const first = await processOn(disk);
    const methods = runMethods(first.supervisor, await first.requesterOf());
    const accepted = await methods.run({ text: 'fine' }, { request: 'request 1' });
    const second = await processOn(disk);
    const again = runMethods(second.supervisor, await second.requesterOf());
    expect(await again.run({ text: 'fine' }, { request: 'request 1' })).toEqual(accepted);
    const { thread } = accepted as { thread: string };
    expect(second.followed).toEqual([[thread, expect.objectContaining({ offset: 0 })]]);
    // Another session, another user and another request are others.
    for (const requester of [await second.requesterOf('ann', 'session 2'), await second.requesterOf('bob')]) {
      const other = await runMethods(second.supervisor, requester).run({ text: 'fine' }, { request: 'request 1' });
      expect(other).not.toEqual(accepted);
    }
    expect(await again.run({ text: 'fine' }, { request: 'request 2' })).not.toEqual(accepted);
    await expect(again.run({ text: 'other' }, { request: 'request 1' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_MISMATCH',
    });
  });

  it('is remembered for an hour', async () => {
    const disk = storage();
    const first = await processOn(disk);
    await first.supervisor.accept(await first.requesterOf(), { text: 'fine' }, 'request 1');
    expect(await disk.store.list('requests/')).toHaveLength(1);
    await disk.clock.advance(3_600_001);
    await processOn(disk);
    expect(await disk.store.list('requests/')).toEqual([]);
  });
});

describe('a run whose terminal could not be written', () => {
  it('stays open, and gets one from the next process', async () => {
    const disk = storage();
    const first = await processOn(disk);
    const append = disk.log.append.bind(disk.log);
    let writes = 0;
    disk.log.append = async (...all) => {
      writes += 1;
      if (writes > 1) throw new Error('the disk is gone');
      return append(...all);
    };
    const { thread } = await first.supervisor.accept(await first.requesterOf(), { text: 'fine' });
    while (first.supervisor.activeRuns > 0) await new Promise(setImmediate);
    disk.log.append = append;
    const second = await processOn(disk);
    expect((await second.eventsOf(thread)).at(-1)).toMatchObject({ event: 'agent_completed', data: { by: 'reaper' } });
  });
});
