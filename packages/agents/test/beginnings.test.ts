/** Runs whose instance goes while it accepts them: each begins once, wherever that is, or not at all. */
import { describe, expect, it } from '@jest/globals';
import { LEASE, principalOf, streamOf } from '@muster/core';
import { agent, type Agent, type RunInput } from '@muster/agents';
import { type Cluster, cluster, type Instance, instanceOn } from './cluster.ts';
import { expectLegal, names } from './harness.ts';

const REAP_MS = 5_000;
const GIVEN_UP = LEASE.leaseMs + LEASE.marginMs + REAP_MS;

@agent({ name: 'parrot', description: 'says it again, and how much was said before' })
class Parrot implements Agent {
  async run({ text, history }: RunInput) {
    if (text === 'hang') await new Promise(() => {});
    return { finalResponse: `${text} after ${history.length}` };
  }
}

@agent({ name: 'twin', description: 'has another help', onTakeover: 'restart' })
class Twin implements Agent {
  async run({ text }: RunInput) {
    return { finalResponse: `${text} by a twin` };
  }
}

const two = async (shared: Cluster): Promise<[Instance, Instance]> => [
  await instanceOn(shared, [Parrot, Twin]),
  await instanceOn(shared, [Parrot, Twin]),
];

/** Holds back the next `create` of a key that begins so, until `go` lets it arrive; others pass. */
function holdBack({ store }: Cluster, prefix: string): { readonly isHeld: boolean; readonly go: () => void } {
  const create = store.create.bind(store);
  let go: (() => void) | undefined;
  store.create = (key, value) => {
    if (!key.startsWith(prefix)) return create(key, value);
    store.create = create;
    return new Promise((resolve, reject) => (go = () => void create(key, value).then(resolve, reject)));
  };
  return {
    get isHeld() {
      return go !== undefined;
    },
    go: () => go?.(),
  };
}

/** Has the next append of ann in a thread be under way until it is let go, while others arrive. */
function late(shared: Cluster, thread = 't'): { go: () => void } {
  const append = shared.log.append.bind(shared.log);
  const stream = streamOf(principalOf('ann'), thread);
  let go = (): void => {};
  shared.log.append = (of, ...rest) => {
    if (of !== stream) return append(of, ...rest);
    shared.log.append = append;
    // What is under way is what there was when it was sent.
    const [events, expected] = rest;
    const sent = typeof events === 'function' ? events() : events;
    const gathering = 'json' in sent ? () => sent : sent;
    return new Promise((resolve, reject) => (go = () => void append(of, gathering, expected).then(resolve, reject)));
  };
  return { go: () => go() };
}

const kept = async (shared: Cluster): Promise<string[]> =>
  [...(await shared.store.list('runs/')), ...(await shared.store.list('requests/'))].map(
    ({ key }) => key.split('/')[0] ?? '',
  );

describe('a run whose instance dies before its first events', () => {
  it.each(['parrot', 'twin'])('begins on another, also for one who repeats its request: %s', async (name) => {
    const shared = cluster();
    const [first, second] = await two(shared);
    late(shared);
    void first.ask('hi', { thread: 't', id: 'request', agent: name });
    await shared.clock.settle();
    first.kill();
    const repeated = second.ask('hi', { thread: 't', id: 'request', agent: name });
    let isAccepted = false;
    void repeated.then(() => (isAccepted = true));
    await shared.clock.advance(LEASE.leaseMs);
    expect([isAccepted, await shared.eventsOf('t')]).toEqual([false, []]);
    await shared.clock.advance(GIVEN_UP);
    const { run } = await repeated;
    const events = await shared.eventsOf('t');
    expectLegal(events);
    expect(new Set(events.map((event) => event.run))).toEqual(new Set([run]));
    expect(events[0]).toMatchObject({ event: 'agent_started', data: { message: 'hi' } });
    expect(events.at(-1)).toMatchObject({ data: { status: 'success' } });
    expect(await second.rowsOf('t')).toMatchObject([
      { role: 'user', content: 'hi', status: 'success', run },
      { role: 'assistant', status: 'success', run },
    ]);
    expect(await kept(shared)).toEqual(['requests']);
    await second.stop();
  });

  it('has one life though those events arrive after it was taken over', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const append = late(shared);
    const asked = first.ask('hi', { thread: 't', id: 'request' });
    const refused = expect(asked).rejects.toMatchObject({ code: 'RUN_FENCED' });
    await shared.clock.settle();
    // Not dead, and its own clock tells it nothing.
    first.clock.pause('withTime');
    await shared.clock.advance(GIVEN_UP);
    const events = await shared.eventsOf('t');
    append.go();
    await shared.clock.advance(1_000);
    first.clock.resume();
    await shared.clock.advance(GIVEN_UP);
    await refused;
    expect(await shared.eventsOf('t')).toEqual(events);
    expectLegal(events);
    expect(await second.rowsOf('t')).toMatchObject([{ status: 'success' }, { status: 'success' }]);
    expect(await kept(shared)).toEqual(['requests']);
    await first.stop();
    await second.stop();
  });

  it('is interrupted, and not lost, when those events arrive before it is taken over', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const append = late(shared);
    void first.ask('hi', { thread: 't' });
    await shared.clock.settle();
    first.kill();
    await shared.clock.advance(LEASE.leaseMs);
    append.go();
    await shared.clock.advance(GIVEN_UP);
    const events = await shared.eventsOf('t');
    expectLegal(events);
    expect(events.at(-1)).toMatchObject({ data: { status: 'interrupted', by: 'reaper' } });
    expect(await second.rowsOf('t')).toMatchObject([{ status: 'interrupted' }, { status: 'interrupted' }]);
    await second.stop();
  });

  it('is shown and interrupted where it cannot begin, so that what is late finds it ended', async () => {
    const shared = cluster();
    const first = await instanceOn(shared, [Parrot]);
    const append = late(shared);
    void first.ask('hi', { thread: 't' });
    await shared.clock.settle();
    first.kill();
    // It does not know the agent.
    const second = await instanceOn(shared, [Twin]);
    await shared.clock.advance(GIVEN_UP);
    append.go();
    await shared.clock.settle();
    const events = await shared.eventsOf('t');
    expectLegal(events);
    expect(names(events)).toEqual(['agent_started', 'agent_thinking', 'agent_completed']);
    expect(events.at(-1)).toMatchObject({ data: { status: 'interrupted', by: 'reaper', retryable: true } });
    expect(await second.rowsOf('t')).toMatchObject([
      { role: 'user', content: 'hi', status: 'interrupted' },
      { role: 'assistant', status: 'interrupted' },
    ]);
    expect(await kept(shared)).toEqual([]);
    await second.stop();
  });

  it.each(['threads/', 'numbers/', 'messages/'])(
    'has its question and its answer though its instance died before it had stored %s of it',
    async (prefix) => {
      const shared = cluster();
      const [first, second] = await two(shared);
      const question = holdBack(shared, prefix);
      void first.ask('hi', { thread: 't' });
      await shared.clock.settle();
      expect([question.isHeld, await kept(shared)]).toEqual([true, ['runs']]);
      first.kill();
      question.go();
      await shared.clock.advance(GIVEN_UP);
      expectLegal(await shared.eventsOf('t'));
      expect((await second.rowsOf('t')).map(({ content, status }) => [content, status])).toEqual([
        ['hi', 'success'],
        ['hi after 0', 'success'],
      ]);
      await second.stop();
    },
  );
});

describe('the record of a run', () => {
  it('has what was asked until that stands in the log, and leaves it out when it is renewed', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const append = late(shared);
    void first.ask('hi', { thread: 't', id: 'request' });
    await shared.clock.settle();
    const record = async () => (await shared.store.list('runs/'))[0]?.value;
    expect(await record()).toMatchObject({ text: 'hi', state: 'running' });
    expect((await shared.store.list('requests/'))[0]?.value).not.toHaveProperty('text');
    await shared.clock.advance(LEASE.renewMs);
    expect(await record()).toMatchObject({ text: 'hi', beat: 1 });
    append.go();
    await shared.clock.settle();
    const hanging = await first.ask('hang', { thread: 'u' });
    await shared.clock.advance(LEASE.renewMs);
    expect(await record()).toMatchObject({ run: hanging.run, beat: 1 });
    expect(await record()).not.toHaveProperty('text');
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe('a request that two instances are asked at once', () => {
  it.each(['runs/', 'requests/'])('is one run though what one writes under %s comes late', async (prefix) => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const writing = holdBack(shared, prefix);
    const one = first.ask('hi', { thread: 't', id: 'request' });
    await shared.clock.settle();
    expect(writing.isHeld).toBe(true);
    const other = second.ask('hi', { thread: 't', id: 'request' });
    await shared.clock.advance(2_000);
    writing.go();
    await shared.clock.advance(2_000);
    expect(await one).toEqual(await other);
    const events = await shared.eventsOf('t');
    expectLegal(events);
    expect(new Set(events.map(({ run }) => run)).size).toBe(1);
    expect(await first.rowsOf('t')).toHaveLength(2);
    await Promise.all([first.stop(), second.stop()]);
  });

  it.each(['before', 'after'])(
    'is one run though its instance dies, and what it has written arrives %s its run is taken over',
    async (when) => {
      const shared = cluster();
      const [first, second] = await two(shared);
      const naming = holdBack(shared, 'requests/');
      void first.ask('hi', { thread: 't', id: 'request' });
      await shared.clock.settle();
      first.kill();
      if (when === 'before') naming.go();
      const [record] = await shared.store.list('runs/');
      await shared.clock.advance(GIVEN_UP);
      naming.go();
      const { run } = await second.ask('hi', { thread: 't', id: 'request' });
      expect(record?.value).toMatchObject({ run });
      const events = await shared.eventsOf('t');
      expectLegal(events);
      expect(new Set(events.map((event) => event.run))).toEqual(new Set([run]));
      await second.stop();
    },
  );
});

describe('a request that is refused when its run was remembered already', () => {
  it('leaves a question that has failed, and can be asked again', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const requester = { ...(await first.requesterOf()), permit: { live: false } as never };
    const asking = first.supervisor.accept(requester, { text: 'hi', thread: 't' }, 'request');
    await expect(asking).rejects.toMatchObject({ code: 'PERMIT_DEAD' });
    expect(await kept(shared)).toEqual([]);
    expect(await first.rowsOf('t')).toMatchObject([{ status: 'failed' }]);
    const { run } = await second.ask('hi', { thread: 't', id: 'request' });
    await shared.clock.settle();
    expect((await shared.eventsOf('t')).map((event) => event.run)).toEqual([run, run, run]);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('is undone by another when its instance dies in the middle of that, and not begun', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const update = shared.store.update.bind(shared.store);
    shared.store.update = (key, ...rest) => {
      if (!key.startsWith('messages/')) return update(key, ...rest);
      first.kill();
      shared.store.update = update;
      return new Promise(() => {});
    };
    const requester = { ...(await first.requesterOf()), permit: { live: false } as never };
    void first.supervisor.accept(requester, { text: 'hi', thread: 't' }, 'request');
    await shared.clock.settle();
    expect(await kept(shared)).toEqual(['runs', 'requests']);
    await shared.clock.advance(GIVEN_UP);
    expect(await kept(shared)).toEqual([]);
    expect(await second.rowsOf('t')).toMatchObject([{ status: 'failed' }]);
    expect(await shared.eventsOf('t')).toEqual([]);
    await second.stop();
  });

  it('is left to whoever has taken it over when its instance never knew that it was remembered', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const claim = holdBack(shared, 'runs/');
    const lost = expect(first.ask('hang', { thread: 't', id: 'request' })).rejects.toThrow('the link was cut');
    await shared.clock.settle();
    first.link.isDeaf = true;
    claim.go();
    await shared.clock.advance(GIVEN_UP + REAP_MS);
    expect(await second.rowsOf('t')).toMatchObject([{ content: 'hang', status: 'running' }]);
    first.link.isDeaf = false;
    await lost;
    await shared.clock.advance(1_000);
    expect(await second.rowsOf('t')).toMatchObject([{ content: 'hang', status: 'running' }]);
    expect(await kept(shared)).toEqual(['runs', 'requests']);
    await Promise.all([first.stop(), second.stop()]);
    expectLegal(await shared.eventsOf('t'));
  });

  it('is left to whoever has taken it over meanwhile', async () => {
    const shared = cluster();
    const [first, second] = await two(shared);
    const question = holdBack(shared, 'messages/');
    const requester = { ...(await first.requesterOf()), permit: { live: false } as never };
    const asking = first.supervisor.accept(requester, { text: 'hi', thread: 't' }, 'request');
    const ended = expect(asking).rejects.toMatchObject({ code: 'PERMIT_DEAD' });
    await shared.clock.settle();
    first.clock.pause('withTime');
    first.link.isMute = true;
    await shared.clock.advance(GIVEN_UP);
    question.go();
    first.link.isMute = false;
    first.clock.resume();
    await shared.clock.advance(GIVEN_UP);
    await ended;
    const events = await shared.eventsOf('t');
    expectLegal(events);
    expect(events.at(-1)).toMatchObject({ data: { status: 'success' } });
    expect(await second.rowsOf('t')).toMatchObject([{ status: 'success' }, { status: 'success' }]);
    expect(await kept(shared)).toEqual(['requests']);
    expect(first.faults).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });
});
