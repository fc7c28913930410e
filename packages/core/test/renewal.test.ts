/** A factory that is made anew: for all who share it, while all of them go on serving, and never half old and half new. */
import { describe, expect, it } from '@jest/globals';
import { createApp, type Factory, factory, LEASE, type RuntimeEvent, scoped } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { cluster, instanceOn, WATCHED } from './cluster.ts';
import { ann, noting, running } from './scope-harness.ts';

/** A factory whose preparations a test ends; `served` tells by instance what each serves with. */
function models({ scope = 'cluster' as 'cluster' | 'instance' } = {}) {
  const calls: { end(value: unknown): void; fail(error: Error): void }[] = [];
  const served: unknown[] = [];
  const trouble: { adopting?: Error | undefined } = {};
  @factory({ prepare: { scope, timeoutMs: 60_000 } })
  class Models implements Factory {
    readonly #at = served.push('nothing') - 1;
    prepare({ signal }: { readonly signal: AbortSignal }): Promise<unknown> {
      return new Promise((end, fail) => {
        calls.push({ end, fail });
        signal.addEventListener('abort', () => fail(signal.reason));
      });
    }
    adopt(shared: unknown): void {
      if (trouble.adopting !== undefined) throw trouble.adopting;
      served[this.#at] = shared;
    }
  }
  return { Models, calls, served, trouble };
}

/** Two instances that have adopted `first`. */
async function two() {
  const shared = cluster();
  let watches = 0;
  const watch = shared.store.watch.bind(shared.store);
  shared.store.watch = (...args) => {
    const subscription = watch(...args);
    watches += 1;
    return {
      close() {
        watches -= 1;
        subscription.close();
      },
    };
  };
  const made = models();
  const one = instanceOn(shared, [made.Models]);
  const first = one.app.start();
  await shared.clock.settle();
  made.calls[0]?.end('first');
  await first;
  const other = instanceOn(shared, [made.Models]);
  await other.app.start();
  const records = async () => (await shared.store.list('factories/Models/')).map(({ value }) => value);
  return { shared, ...made, one, other, records, watches: () => watches };
}

const failures = (events: readonly RuntimeEvent[]) => events.filter(({ type }) => type === 'fault').length;

describe('a renewal', () => {
  it('is prepared by one instance and adopted by all, which serve with what they have meanwhile', async () => {
    const { shared, Models, calls, served, one, other, records } = await two();
    const renewed = one.app.renew(Models);
    await shared.clock.settle();
    expect([calls.length, served, one.node('Models').phase, other.node('Models').phase]).toEqual([
      2,
      ['first', 'first'],
      'renewing',
      'renewing',
    ]);
    expect([one.app.gate.state, other.app.gate.state]).toEqual(['open', 'open']);
    await shared.clock.advance(10_000);
    calls[1]?.end('second');
    await renewed;
    await shared.clock.advance(LEASE.retryMs);
    expect([calls.length, served]).toEqual([2, ['second', 'second']]);
    for (const { node } of [one, other]) expect(node('Models')).toMatchObject({ phase: 'ready', generation: 2 });
    expect(await records()).toMatchObject([{ state: 'ready', epoch: 2, value: 'second' }]);
    // One that comes later has the new at once.
    const third = instanceOn(shared, [Models]);
    await third.app.start();
    expect([calls.length, served.at(-1), third.node('Models').generation]).toEqual([2, 'second', 2]);
    await Promise.all([one.stop(), other.stop(), third.stop()]);
  });

  it('is one, however many ask for it at the same time', async () => {
    const { shared, Models, calls, served, one, other } = await two();
    const renewed = Promise.all([one.app.renew(Models), one.app.renew(Models), other.app.renew(Models)]);
    await shared.clock.settle();
    calls[1]?.end('second');
    await shared.clock.advance(LEASE.retryMs);
    await renewed;
    expect([calls.length, served, one.node('Models').generation]).toEqual([2, ['second', 'second'], 2]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('is taken over from an instance that died of it', async () => {
    const { shared, Models, calls, served, one, other } = await two();
    void one.app.renew(Models).catch(() => {});
    await shared.clock.settle();
    one.kill();
    await shared.clock.advance(WATCHED - 1);
    expect([calls.length, served[1]]).toEqual([2, 'first']);
    await shared.clock.advance(LEASE.retryMs + 1);
    calls[2]?.end('second');
    await shared.clock.settle();
    expect([calls.length, served[1], other.node('Models').generation]).toEqual([3, 'second', 2]);
    await other.stop();
  });

  it('that failed is told to who asked, changes nothing, and is tried again by all', async () => {
    const { shared, Models, calls, served, one, other, records } = await two();
    const renewed = expect(one.app.renew(Models)).rejects.toMatchObject({ code: 'FACTORY_FAILED' });
    await shared.clock.settle();
    calls[1]?.fail(new Error('no such model'));
    await renewed;
    expect([served, await records()]).toMatchObject([['first', 'first'], [{ state: 'failed', epoch: 2 }]]);
    expect(one.app.gate.state).toBe('open');
    await shared.clock.advance(3_000);
    expect(calls.length).toBe(3);
    calls[2]?.end('second');
    await shared.clock.advance(LEASE.retryMs);
    expect([calls.length, served, one.node('Models').reason]).toEqual([3, ['second', 'second'], null]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('that one instance cannot adopt leaves it with what it has, is told, and is tried again', async () => {
    const { shared, Models, calls, served, trouble, one, other } = await two();
    trouble.adopting = new Error('not of my kind');
    const renewed = expect(one.app.renew(Models)).rejects.toMatchObject({ code: 'FACTORY_FAILED' });
    await shared.clock.settle();
    calls[1]?.end('second');
    await renewed;
    await shared.clock.advance(10_000);
    expect([calls.length, served, one.node('Models').reason]).toEqual([2, ['first', 'first'], 'not of my kind']);
    // About once a second, and not as fast as it goes.
    expect(failures(other.events)).toBeGreaterThan(5);
    expect(failures(other.events)).toBeLessThan(15);
    trouble.adopting = undefined;
    await shared.clock.advance(2_000);
    expect(served).toEqual(['second', 'second']);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('keeps nobody from booting, not even one that fails for ever', async () => {
    const { shared, Models, calls, served, one, other, records } = await two();
    void one.app.renew(Models).catch(() => {});
    await shared.clock.settle();
    const third = instanceOn(shared, [Models]);
    await third.app.start();
    calls[1]?.fail(new Error('no such model'));
    await shared.clock.settle();
    expect(await records()).toMatchObject([{ state: 'failed', epoch: 2, kept: { epoch: 1, value: 'first' } }]);
    const fourth = instanceOn(shared, [Models]);
    await fourth.app.start();
    expect([served, fourth.app.gate.state]).toEqual([['first', 'first', 'first', 'first'], 'open']);
    // Those that have come take part in trying again.
    await Promise.all([one.stop(), other.stop(), third.stop()]);
    await shared.clock.advance(WATCHED);
    calls.at(-1)?.end('second');
    await shared.clock.advance(LEASE.retryMs);
    expect(served.at(-1)).toBe('second');
    await fourth.stop();
  });

  it('ends with the app, and another instance goes on with it', async () => {
    const { shared, Models, calls, served, one, other, watches } = await two();
    const renewed = expect(one.app.renew(Models)).rejects.toMatchObject({ code: 'FACTORY_FAILED' });
    await shared.clock.settle();
    await one.stop();
    await renewed;
    await shared.clock.advance(LEASE.retryMs);
    calls[2]?.end('second');
    await shared.clock.advance(LEASE.retryMs);
    expect([calls.length, served[1]]).toEqual([3, 'second']);
    await other.stop();
    expect([shared.clock.pending, watches()]).toEqual([0, 0]);
  });

  it('is possible of what is ready, alone as well', async () => {
    const clock = new FakeClock();
    const { Models, calls, served } = models({ scope: 'instance' });
    const app = createApp({ services: [Models], clock });
    await expect(app.renew(Models)).rejects.toMatchObject({ code: 'FACTORY_NOT_READY' });
    const started = app.start();
    await clock.settle();
    calls[0]?.end('first');
    await started;
    const renewed = app.renew(Models);
    await clock.settle();
    calls[1]?.end('second');
    await renewed;
    expect([served, app.graph().node('Models')]).toMatchObject([['second'], { phase: 'ready', generation: 2 }]);
    await expect(app.renew(class Other {})).rejects.toMatchObject({ code: 'FACTORY_NOT_READY' });
    await app.stop();
  });
});

describe('scopes that were opened before a renewal', () => {
  async function renewing() {
    const journal: string[] = [];
    const Noting = noting(journal);
    @scoped('user')
    class Memory extends Noting {}
    @scoped('run', { dependsOn: [Memory] })
    class Draft extends Noting {}
    @scoped('run', { dependsOn: [Memory] })
    class Sources extends Noting {}
    @factory()
    class Models implements Factory {
      prepare(): string {
        return 'models';
      }
    }
    const options = { scopes: { perUser: { run: 2 } } };
    const it = await running([Memory, Draft, Sources, Models], options);
    return { ...it, journal, Memory, Draft, Sources, renew: () => it.app.renew(Models) };
  }

  it('keep what they have made, and make nothing new', async () => {
    const { run, renew, app, Memory, Draft, Sources } = await renewing();
    const old = run();
    const draft = old.get(Draft);
    await renew();
    expect(old.get(Draft)).toBe(draft);
    expect(() => old.get(Sources)).toThrow(expect.objectContaining({ code: 'SCOPE_STALE', fatal: false }));
    const young = run();
    expect(young.get(Sources)).toBeInstanceOf(Sources);
    // What lies in the scope of the user is new as well.
    expect(young.get(Memory)).not.toBe(old.get(Memory));
    await Promise.all([old.close(), young.close()]);
    await app.stop();
  });

  it('are disposed of by themselves, and count for their user until then', async () => {
    const { run, renew, app, journal, Draft } = await renewing();
    const old = run();
    old.get(Draft);
    await renew();
    const young = run();
    young.get(Draft);
    expect(() => run()).toThrow(expect.objectContaining({ code: 'SCOPE_LIMIT' }));
    await old.close();
    expect(journal).toEqual(['+Memory', '+Draft', '+Memory', '+Draft', '-Draft', '-Memory']);
    const third = run();
    third.get(Draft);
    await renew();
    expect(() => run(ann)).toThrow(expect.objectContaining({ code: 'SCOPE_LIMIT' }));
    await Promise.all([young.close(), third.close()]);
    await run().close();
    expect(app.graph().toJSON().scopes).toBeUndefined();
    await app.stop();
  });
});
