import { describe, expect, it } from '@jest/globals';
import type { MusterError } from '@muster/contracts';
import { LEASE, principalOf, provideValue, streamOf } from '@muster/core';
import { agent, type Agent, type AgentContext, defineTool, RunLimits, type RunInput } from '@muster/agents';
import * as v from 'valibot';
import { type Cluster, cluster, type Instance, instanceOn } from './cluster.ts';
import { expectLegal, names } from './harness.ts';

const REAP_MS = 5_000;
const GIVEN_UP = LEASE.leaseMs + LEASE.marginMs;

/** What the agents of a test wait for, by the text of the run. */
const waits = new Map<string, (() => void)[]>();
const goOn = (text: string): void => {
  for (const resolve of waits.get(text)?.splice(0) ?? []) resolve();
};

/** Why thoughts of a babbling agent were refused. */
const refused: string[] = [];
/** What `drain()` said to it. */
const undrained: string[] = [];

const pending = defineTool({
  name: 'pending',
  description: 'ends when the test says so',
  input: v.object({ text: v.string() }),
  timeoutMs: 10_000_000,
  run: ({ text }) =>
    new Promise<string>((resolve) => {
      waits.set(text, [...(waits.get(text) ?? []), () => resolve('done')]);
    }),
});

@agent({ name: 'tester', description: 'does what it is told', tools: [pending] })
class Tester implements Agent {
  async run({ text }: RunInput, ctx: AgentContext) {
    if (text.startsWith('hang')) await ctx.tool(pending, { text });
    if (text.startsWith('babble')) {
      // It takes no notice of anything.
      for (;;) {
        await new Promise<void>((resolve) => waits.set(text, [resolve]));
        await ctx.think('and another thing').catch((error: MusterError) => refused.push(error.code));
        await ctx.drain().catch((error: MusterError) => undrained.push(error.code));
      }
    }
    return { finalResponse: text };
  }
}

let attempts = 0;

@agent({ name: 'stubborn', description: 'begins again', tools: [pending], onTakeover: 'restart' })
class Stubborn implements Agent {
  async run({ text, history }: RunInput, ctx: AgentContext) {
    attempts += 1;
    if (text === 'babble') {
      await new Promise<void>((resolve) => waits.set(text, [...(waits.get(text) ?? []), resolve]));
      await ctx.think('late').catch(() => {});
    }
    await ctx.think(`attempt ${attempts}, with ${history.length} messages before`);
    await ctx.tool(pending, { text });
    return { finalResponse: `${text} after all` };
  }
}

const two = async (shared: Cluster, services = [Tester] as Parameters<typeof instanceOn>[1]) =>
  [await instanceOn(shared, services), await instanceOn(shared, services)] as [Instance, Instance];

const terminals = async (shared: Cluster, thread: string): Promise<number> =>
  (await shared.eventsOf(thread)).filter(({ event }) => event === 'agent_completed').length;

describe('a run whose instance has been killed', () => {
  it('has its terminal within lease, margin and the interval of the reaper, and not before lease and margin', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread, run } = await first.ask('hang');
    await shared.clock.advance(31_000);
    const renewedAt = 30_000;
    first.kill();
    await shared.clock.advance(renewedAt + GIVEN_UP - 31_000 - 1_000);
    expect(await terminals(shared, thread)).toBe(0);
    await shared.clock.advance(1_000 + REAP_MS);
    const events = await shared.eventsOf(thread);
    expectLegal(events);
    // Whoever watches the instance that has ended it hears of it, once.
    expect(second.told.filter(({ type }) => type.startsWith('run-'))).toMatchObject([
      { type: 'run-begun', run, user: 'ann', thread, offset: null, isResumed: true },
      { type: 'run-ended', run, status: 'interrupted', by: 'reaper', events: events.length, offset: events.length },
    ]);
    expect(events.slice(-2)).toMatchObject([
      { event: 'tool_completed', data: { status: 'abandoned' } },
      {
        event: 'agent_completed',
        data: { status: 'interrupted', by: 'reaper', code: 'RUN_INTERRUPTED', retryable: true },
      },
    ]);
    expect(await second.rowsOf(thread)).toMatchObject([
      { role: 'user', status: 'interrupted', run },
      { role: 'assistant', status: 'interrupted', run },
    ]);
    expect(await shared.store.list('runs/')).toEqual([]);
    await second.stop();
  });

  it('has one terminal and one answer though three instances look for it', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const third = await instanceOn(shared, [Tester]);
    const runs = await Promise.all(Array.from({ length: 5 }, (_, i) => first.ask(`hang ${i}`)));
    await shared.clock.settle();
    first.kill();
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    for (const { thread } of runs) {
      expectLegal(await shared.eventsOf(thread));
      expect(await second.rowsOf(thread)).toHaveLength(2);
    }
    await Promise.all([second.stop(), third.stop()]);
  });

  it('is ended by another though the first who tries it dies as well', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('hang');
    await shared.clock.advance(1_000);
    first.kill();
    const append = shared.log.append.bind(shared.log);
    shared.log.append = () => {
      second.kill();
      return new Promise(() => {});
    };
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    shared.log.append = append;
    const third = await instanceOn(shared, [Tester]);
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    expectLegal(await shared.eventsOf(thread));
    await third.stop();
  });
});

describe('a run whose instance lives', () => {
  it('is left alone, however long it goes on and however many look', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('hang');
    await shared.clock.advance(300_000);
    expect(await terminals(shared, thread)).toBe(0);
    expect([...first.faults, ...second.faults]).toEqual([]);
    expect(shared.writes.filter((key) => key.startsWith('runs/'))).toHaveLength(300_000 / LEASE.renewMs);
    goOn('hang');
    await shared.clock.settle();
    expectLegal(await shared.eventsOf(thread));
    expect(await shared.store.list('runs/')).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('is not taken over by one that stood still while it was renewed', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('hang');
    await shared.clock.settle();
    second.link.isCut = true;
    second.clock.pause();
    await shared.clock.advance(60_000);
    second.link.isCut = false;
    second.clock.resume();
    await shared.clock.advance(1_000);
    expect(await terminals(shared, thread)).toBe(0);
    goOn('hang');
    await Promise.all([first.stop(), second.stop()]);
  });

  it('is ended by its own instance at a graceful stop', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('hang');
    await shared.clock.settle();
    await first.stop();
    const events = await shared.eventsOf(thread);
    expectLegal(events);
    expect(events.at(-1)).toMatchObject({ data: { status: 'interrupted', by: 'supervisor' } });
    expect(await shared.store.list('runs/')).toEqual([]);
    await second.stop();
  });
});

describe('a run of an agent that may begin again', () => {
  const services = [Stubborn];

  it('goes on in the same run on another instance, and is one whole run', async () => {
    attempts = 0;
    const shared = cluster();
    const [first, second] = await two(shared, services);
    const { thread, run } = await first.ask('hang', { id: 'request' });
    await shared.clock.settle();
    first.kill();
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    expect(await terminals(shared, thread)).toBe(0);
    expect((await shared.store.list('runs/'))[0]?.value).toMatchObject({ run, fence: 1 });
    expect(second.supervisor.activeRuns).toBe(1);
    await shared.clock.advance(60_000);
    goOn('hang');
    await shared.clock.settle();
    const events = await shared.eventsOf(thread);
    expectLegal(events);
    expect(names(events)).toEqual([
      'agent_started',
      'agent_thinking',
      'agent_thinking',
      'tool_executing',
      'tool_completed',
      'agent_thinking',
      'agent_thinking',
      'tool_executing',
      'tool_completed',
      'agent_completed',
    ]);
    expect(events[4]).toMatchObject({ data: { status: 'abandoned' } });
    expect(events.at(-1)).toMatchObject({ data: { durationMs: GIVEN_UP + REAP_MS + 60_000 } });
    expect(events[6]).toMatchObject({ data: { reasoning: 'attempt 2, with 0 messages before' } });
    expect(await second.rowsOf(thread)).toMatchObject([
      { role: 'user', status: 'success' },
      { role: 'assistant', content: 'hang after all', status: 'success' },
    ]);
    expect(await second.ask('hang', { id: 'request' })).toEqual({ run, thread });
    expect(await shared.store.list('runs/')).toEqual([]);
    await second.stop();
  });

  it('is not written by the owner before, who wakes up beside it', async () => {
    const shared = cluster();
    const [first, second] = await two(shared, services);
    const { thread } = await first.ask('hang');
    await shared.clock.settle();
    first.clock.pause('withTime');
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    goOn('hang');
    first.clock.resume();
    await shared.clock.advance(LEASE.renewMs);
    expectLegal(await shared.eventsOf(thread));
    expect(first.faults).toMatchObject([{ code: 'RUN_FENCED' }]);
    expect(await second.rowsOf(thread)).toHaveLength(2);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('is not written by one who took it over and slept, behind the next who did', async () => {
    const shared = cluster();
    const [first, second] = await two(shared, services);
    const { thread } = await first.ask('hang');
    await shared.clock.settle();
    first.kill();
    const stream = streamOf(principalOf('ann'), thread);
    const read = shared.log.read.bind(shared.log);
    let look = (): void => {};
    shared.log.read = (of, range) => {
      if (of !== stream) return read(of, range);
      shared.log.read = read;
      // The run is its own, and it is about to look how far that has come.
      second.clock.pause('withTime');
      return new Promise((resolve) => (look = () => void read(of, range).then(resolve)));
    };
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    const third = await instanceOn(shared, services);
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    const events = await shared.eventsOf(thread);
    expect(names(events)).toContain('tool_executing');
    look();
    await shared.clock.settle();
    expect(await shared.eventsOf(thread)).toEqual(events);
    second.clock.resume();
    await shared.clock.advance(LEASE.renewMs);
    goOn('hang');
    await shared.clock.settle();
    const all = await shared.eventsOf(thread);
    expectLegal(all);
    expect(all.at(-1)).toMatchObject({ data: { status: 'success' } });
    expect(await third.rowsOf(thread)).toMatchObject([{ status: 'success' }, { status: 'success' }]);
    await Promise.all([second.stop(), third.stop()]);
  });

  it('begins behind what the owner before has written until then', async () => {
    const shared = cluster();
    const [first, second] = await two(shared, services);
    const { thread } = await first.ask('babble');
    await shared.clock.settle();
    first.clock.pause('withTime');
    const append = shared.log.append.bind(shared.log);
    let isFirst = true;
    shared.log.append = async (...args) => {
      if (isFirst && args[0] === streamOf(principalOf('ann'), thread)) {
        isFirst = false;
        goOn('babble');
        await shared.clock.settle();
      }
      return append(...args);
    };
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    first.clock.resume();
    await shared.clock.advance(LEASE.renewMs);
    goOn('babble');
    await shared.clock.settle();
    goOn('babble');
    await shared.clock.settle();
    expectLegal(await shared.eventsOf(thread));
    await Promise.all([first.stop(), second.stop()]);
  });

  it('is interrupted when it has brought down too many', async () => {
    const shared = cluster();
    let carrier = await instanceOn(shared, services);
    const { thread } = await carrier.ask('hang');
    for (let n = 1; n <= 4; n += 1) {
      const next = await instanceOn(shared, services);
      await shared.clock.settle();
      carrier.kill();
      await shared.clock.advance(GIVEN_UP + 2 * REAP_MS);
      expect(await terminals(shared, thread)).toBe(n === 4 ? 1 : 0);
      carrier = next;
    }
    expectLegal(await shared.eventsOf(thread));
    await carrier.stop();
  });

  it('can be cancelled where it goes on, and is interrupted when that was wished before', async () => {
    const shared = cluster();
    const [first, second] = await two(shared, services);
    const gone = await first.ask('hang');
    const wished = await first.ask('hang');
    await shared.clock.settle();
    first.kill();
    await second.cancel(wished.run);
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    expect((await shared.eventsOf(wished.thread)).at(-1)).toMatchObject({ data: { status: 'interrupted' } });
    await second.cancel(gone.run);
    await shared.clock.settle();
    const events = await shared.eventsOf(gone.thread);
    expectLegal(events);
    expect(events.at(-1)).toMatchObject({ data: { status: 'cancelled', by: 'user' } });
    await second.stop();
  });
});

describe('an owner that was paused', () => {
  it('finds its run lost at the first thing that it does, and writes nothing', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread, run } = await first.ask('hang');
    await shared.clock.settle();
    first.clock.pause();
    await shared.clock.advance(60_000);
    const ended = await shared.eventsOf(thread);
    expectLegal(ended);
    goOn('hang');
    first.clock.resume();
    await shared.clock.advance(10_000);
    expect(await shared.eventsOf(thread)).toEqual(ended);
    expect(await second.rowsOf(thread)).toHaveLength(2);
    expect(first.faults).toMatchObject([{ code: 'RUN_FENCED', details: { run } }]);
    expect(first.told.filter(({ type }) => /^run-(begun|left|ended)$/.test(type))).toMatchObject([
      { type: 'run-begun', run },
      { type: 'run-left', run },
    ]);
    expect(first.supervisor.activeRuns).toBe(0);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('writes nothing after the end of its lease, also when nobody has taken its run over yet', async () => {
    const shared = cluster();
    const alone = await instanceOn(shared, [Tester]);
    const { thread } = await alone.ask('babble');
    await shared.clock.settle();
    alone.clock.pause();
    await shared.clock.advance(LEASE.leaseMs - LEASE.marginMs);
    undrained.length = 0;
    goOn('babble');
    await shared.clock.settle();
    expect(await shared.eventsOf(thread)).toHaveLength(2);
    // Nor is its agent told that it had.
    expect(undrained).toEqual(['RUN_FENCED']);
    alone.clock.resume();
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    expectLegal(await shared.eventsOf(thread));
    await alone.stop();
  });

  it('is kept out by the log where its own clock stood still too', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread, run } = await first.ask('babble');
    await shared.clock.settle();
    first.clock.pause('withTime');
    await shared.clock.advance(60_000);
    const ended = await shared.eventsOf(thread);
    expectLegal(ended);
    // As far as it can tell the lease is held.
    refused.length = 0;
    goOn('babble');
    await shared.clock.settle();
    expect(refused).toEqual(['RUN_FENCED']);
    expect(await shared.eventsOf(thread)).toEqual(ended);
    expect(first.faults).toMatchObject([{ code: 'RUN_FENCED', details: { run } }]);
    first.clock.resume();
    await shared.clock.advance(10_000);
    goOn('babble');
    await shared.clock.settle();
    expect(await shared.eventsOf(thread)).toEqual(ended);
    expect(first.faults).toHaveLength(1);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('and wrote between the takeover and the end has what it wrote in front of that end', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('babble');
    await shared.clock.settle();
    first.clock.pause('withTime');
    const append = shared.log.append.bind(shared.log);
    let isFirst = true;
    shared.log.append = async (...args) => {
      if (isFirst && args[0] === streamOf(principalOf('ann'), thread)) {
        isFirst = false;
        goOn('babble');
        await shared.clock.settle();
      }
      return append(...args);
    };
    await shared.clock.advance(60_000);
    const events = await shared.eventsOf(thread);
    expectLegal(events);
    expect(events).toHaveLength(4);
    first.clock.resume();
    await Promise.all([first.stop(), second.stop()]);
  });

  it('that could not reach the store gives its runs up, and another ends them', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('hang');
    await shared.clock.settle();
    first.link.isCut = true;
    await shared.clock.advance(LEASE.leaseMs);
    expect(first.faults).toMatchObject([{ code: 'RUN_FENCED' }]);
    await shared.clock.advance(LEASE.marginMs + REAP_MS);
    expectLegal(await shared.eventsOf(thread));
    await second.stop();
  });
});

describe('a cancel', () => {
  it('reaches a run that another instance carries, and does nothing to one that has ended', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread, run } = await first.ask('hang');
    await shared.clock.settle();
    await second.cancel(run);
    await second.cancel(run);
    await shared.clock.settle();
    const events = await shared.eventsOf(thread);
    expectLegal(events);
    expect(events.at(-1)).toMatchObject({ data: { status: 'cancelled', by: 'user' } });
    await second.cancel(run);
    expect(await shared.eventsOf(thread)).toEqual(events);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('that was acknowledged is known to whoever takes the run over before its end could be written', async () => {
    const shared = cluster();
    const [first, second] = await two(shared, [Stubborn]);
    const { thread, run } = await first.ask('hang');
    await shared.clock.settle();
    const append = shared.log.append.bind(shared.log);
    shared.log.append = () => new Promise(() => {});
    await first.cancel(run);
    shared.log.append = append;
    first.kill();
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    const events = await shared.eventsOf(thread);
    expectLegal(events);
    expect(events.at(-1)).toMatchObject({ data: { status: 'interrupted', by: 'reaper' } });
    await second.stop();
  });

  it('of a run of somebody else is refused as one of a run that is not there', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread, run } = await first.ask('hang');
    await expect(second.cancel(run, 'bob')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await shared.clock.advance(1_000);
    expect(await terminals(shared, thread)).toBe(0);
    goOn('hang');
    await Promise.all([first.stop(), second.stop()]);
  });

  it('is not lost in a renewal, and comes with the end of the thread', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('hang');
    await shared.clock.advance(LEASE.renewMs - 1);
    const ending = second.supervisor.endThread(principalOf('ann'), thread, 'removed');
    await shared.clock.advance(1_000);
    await ending;
    expect((await shared.eventsOf(thread)).at(-1)).toMatchObject({ data: { status: 'cancelled' } });
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe('an answer that could not be stored', () => {
  it('is stored by whoever finds the record of its run', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const { thread } = await first.ask('hang');
    await shared.clock.settle();
    const update = shared.store.update.bind(shared.store);
    shared.store.update = async (key, ...rest) => {
      if (key.startsWith('threads/')) throw new Error('no answer');
      return update(key, ...rest);
    };
    goOn('hang');
    await shared.clock.settle();
    shared.store.update = update;
    expect(await terminals(shared, thread)).toBe(1);
    expect(await first.rowsOf(thread)).toMatchObject([{ status: 'running' }]);
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    expect(await second.rowsOf(thread)).toMatchObject([
      { role: 'user', status: 'success' },
      { role: 'assistant', content: 'hang', status: 'success' },
    ]);
    expect(await shared.store.list('runs/')).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe('a question that was stored by one that had stood still', () => {
  /** Two, of which the first stands still while it stores the question of a run; meanwhile its request becomes another run's. */
  async function late() {
    const shared = cluster();
    const second = await instanceOn(shared, [Tester]);
    let isStill = false;
    const first = await instanceOn(shared, [Tester], {
      stored: (key) => {
        if (isStill || !key.startsWith('numbers/')) return;
        isStill = true;
        first.clock.pause();
      },
    });
    // Answers come by its clock.
    first.link.weather = { delayMs: 5, loss: 0, twice: 0 };
    const answers: string[] = [];
    void first.ask('late', { thread: 't', id: 'x' }).catch(({ code }: MusterError) => answers.push(code));
    await shared.clock.advance(1_000);
    expect([isStill, await second.rowsOf('t')]).toEqual([true, []]);
    const [named] = await shared.store.list('requests/');
    const { key, value, revision } = named as { key: string; value: object; revision: number };
    await shared.store.update(key, { ...value, run: 'another' }, revision);
    /** Lets the first go on, until it knows that the run is not its own. */
    const wake = async (): Promise<void> => {
      first.clock.resume();
      while (answers.length === 0) await shared.clock.advance(10);
      expect(answers).toEqual(['RUN_FENCED']);
    };
    return { shared, first, second, wake };
  }

  it('has failed as soon as that one knows that nothing has come of its run', async () => {
    const { shared, first, second, wake } = await late();
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    expect([await shared.store.list('runs/'), await second.rowsOf('t')]).toEqual([[], []]);
    await wake();
    await shared.clock.advance(100);
    expect(await second.rowsOf('t')).toMatchObject([{ role: 'user', content: 'late', status: 'failed' }]);
    expect(await shared.eventsOf('t')).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('waits for whoever has the run by then, and for a store that fails', async () => {
    const { shared, first, second, wake } = await late();
    second.kill();
    await shared.clock.advance(GIVEN_UP);
    await wake();
    first.link.weather = undefined;
    const get = shared.store.get.bind(shared.store);
    let isGone = false;
    shared.store.get = async (key) => {
      if (!key.startsWith('runs/')) return get(key);
      if (!isGone) throw new Error('no answer');
      return undefined;
    };
    await shared.clock.advance(3_000);
    expect(await first.rowsOf('t')).toMatchObject([{ status: 'pending' }]);
    isGone = true;
    await shared.clock.advance(1_100);
    expect(await first.rowsOf('t')).toMatchObject([{ status: 'failed' }]);
    shared.store.get = get;
    await first.stop();
  });

  it('keeps no instance from its stop', async () => {
    const { shared, first, second, wake } = await late();
    second.kill();
    await shared.clock.advance(GIVEN_UP);
    await wake();
    await first.stop();
    const failed = first.told.filter(({ type }) => type === 'stop-failed');
    expect([first.app.state, failed]).toEqual(['stopped', []]);
  });
});

describe('a request that is repeated on another instance', () => {
  it('finds its run, while it goes on and after its end', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const accepted = await first.ask('hang', { id: 'request' });
    expect(await second.ask('hang', { id: 'request' })).toEqual(accepted);
    goOn('hang');
    await shared.clock.settle();
    expect(await second.ask('hang', { id: 'request' })).toEqual(accepted);
    expect(second.followed).toHaveLength(2);
    expect(await terminals(shared, accepted.thread)).toBe(1);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('is one run when both are asked at once', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const asked = Promise.all([first.ask('fine', { id: 'request' }), second.ask('fine', { id: 'request' })]);
    await shared.clock.advance(2_000);
    const [one, other] = await asked;
    expect(other).toEqual(one);
    const stored = await shared.store.list('requests/');
    expect(stored).toMatchObject([{ value: { run: one.run } }]);
    expectLegal(await shared.eventsOf(one.thread));
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe('the limit per user', () => {
  it('counts the runs that go on elsewhere', async () => {
    const shared = cluster();
    const services = [Tester, provideValue(RunLimits, { perUser: 2, waitingPerUser: 1 })];
    const [first, second] = await two(shared, services);
    await first.ask('hang 1');
    await first.ask('hang 2');
    await shared.clock.advance(10_000);
    const third = await second.ask('hang 3');
    await shared.clock.advance(10_000);
    expect([first.supervisor.waitingRuns, second.supervisor.waitingRuns]).toEqual([0, 1]);
    expect(names(await shared.eventsOf(third.thread))).not.toContain('tool_executing');
    await expect(first.ask('hang 4')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await second.ask('hang', { user: 'bob' });
    expect(second.supervisor.waitingRuns).toBe(1);
    goOn('hang 1');
    await shared.clock.settle();
    expect(names(await shared.eventsOf(third.thread))).toContain('tool_executing');
    for (const text of ['hang', 'hang 2', 'hang 3']) goOn(text);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('counts those of a dead instance until they are taken over', async () => {
    const shared = cluster();
    const services = [Tester, provideValue(RunLimits, { perUser: 1 })];
    const [first, second] = await two(shared, services);
    await first.ask('hang');
    await shared.clock.settle();
    first.kill();
    const { thread } = await second.ask('fine');
    await shared.clock.advance(LEASE.leaseMs);
    expect(await terminals(shared, thread)).toBe(0);
    await shared.clock.advance(LEASE.marginMs + REAP_MS);
    expect(await terminals(shared, thread)).toBe(1);
    await second.stop();
  });
});

describe('an instance that is alone on its store', () => {
  it('renews nothing, and at its start ends at once what the one before has left', async () => {
    const shared = cluster({ isShared: false });
    const alone = await instanceOn(shared, [Tester]);
    const idle = shared.clock.pending;
    const { thread } = await alone.ask('hang');
    await shared.clock.settle();
    // Of the run there is its own time and that of its tool.
    expect(shared.clock.pending).toBe(idle + 2);
    await shared.clock.advance(60_000);
    expect(shared.writes.filter((key) => key.startsWith('runs/'))).toEqual([]);
    alone.kill();
    const next = await instanceOn(shared, [Tester]);
    expectLegal(await shared.eventsOf(thread));
    expect(await shared.store.list('runs/')).toEqual([]);
    await next.stop();
  });
});
