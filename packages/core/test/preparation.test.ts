/** What a factory prepares, once for all instances. */
import { describe, expect, it } from '@jest/globals';
import { configure, type Factory, factory, Instances, LEASE, type PrepareContext } from '@muster/core';
import { cluster, instanceOn, WATCHED } from './cluster.ts';

type Config = { readonly size: string };

/** A factory whose preparations a test ends, and what its instances adopted. */
function models({ scope = 'cluster' as 'cluster' | 'instance' } = {}) {
  const calls: { readonly ctx: PrepareContext<Config>; end(value: unknown): void; fail(error: Error): void }[] = [];
  const adopted: unknown[] = [];
  @factory({ prepare: { scope, timeoutMs: 60_000 } })
  class Models implements Factory<unknown, Config> {
    prepare(ctx: PrepareContext<Config>): Promise<unknown> {
      return new Promise((end, fail) => {
        calls.push({ ctx, end, fail });
        ctx.signal.addEventListener('abort', () => fail(ctx.signal.reason));
      });
    }
    adopt(shared: unknown): void {
      adopted.push(shared);
    }
  }
  return { Models, calls, adopted };
}

const recordsOf = async (shared: ReturnType<typeof cluster>) =>
  (await shared.store.list('factories/Models/')).map(({ value }) => value);

/** The answer to the claim of a preparation, for which a test makes an instance wait. */
function slowClaim() {
  let answer!: () => void;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  let tellClaimed!: () => void;
  const claimed = new Promise<void>((resolve) => (tellClaimed = resolve));
  const answering = (method: string, key: unknown): Promise<void> | undefined => {
    if (method !== 'create' || !String(key).startsWith('factories/Models/')) return undefined;
    tellClaimed();
    return answered;
  };
  return { claimed, answering, answer };
}

describe('a factory on a shared store', () => {
  it('is prepared by one instance, and all adopt the value', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models();
    const one = instanceOn(shared, [Models]);
    const first = one.app.start();
    await shared.clock.settle();
    const other = instanceOn(shared, [Models]);
    const second = other.app.start();
    await shared.clock.settle();
    expect([one.node('Models').phase, other.node('Models').phase, calls.length]).toEqual([
      'initialising',
      'awaiting',
      1,
    ]);
    expect(String(other.app.graph())).toContain('awaiting  – another instance prepares it');
    await shared.clock.advance(10_000);
    expect([adopted, other.app.gate.state]).toEqual([[], 'opening']);
    calls[0]?.end({ names: ['small'] });
    await Promise.all([first, second]);
    expect([calls.length, adopted]).toEqual([1, [{ names: ['small'] }, { names: ['small'] }]]);
    // One that comes later finds it done.
    const third = instanceOn(shared, [Models]);
    await third.app.start();
    expect([calls.length, adopted.length, third.node('Models').phase]).toEqual([1, 3, 'ready']);
    await Promise.all([one.stop(), other.stop(), third.stop()]);
  });

  it('is taken over from an instance that died while it prepared', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models();
    const one = instanceOn(shared, [Models]);
    void one.app.start();
    await shared.clock.settle();
    one.kill();
    const other = instanceOn(shared, [Models]);
    const starting = other.app.start();
    await shared.clock.advance(WATCHED - 1);
    expect(calls.length).toBe(1);
    await shared.clock.advance(LEASE.retryMs + 1);
    expect([calls.length, other.node('Models').phase]).toEqual([2, 'initialising']);
    calls[1]?.end('fresh');
    await starting;
    // The other one wakes up: what it prepares is nobody's any more.
    expect([adopted, await recordsOf(shared)]).toMatchObject([['fresh'], [{ state: 'ready', value: 'fresh' }]]);
    await other.stop();
  });

  it('is given up by an instance whose lease is over, which adopts what another prepared', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models();
    const one = instanceOn(shared, [Models]);
    const first = one.app.start();
    await shared.clock.settle();
    const other = instanceOn(shared, [Models]);
    const second = other.app.start();
    await shared.clock.settle();
    one.clock.pause();
    await shared.clock.advance(WATCHED + 10_000);
    calls[1]?.end('by the other');
    await second;
    one.clock.resume();
    await shared.clock.advance(2_000);
    expect(calls[0]?.ctx.signal.reason).toBeDefined();
    await first;
    expect([calls.length, adopted]).toEqual([2, ['by the other', 'by the other']]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('is begun again at once by an instance that has lost its lease to nobody', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models();
    const one = instanceOn(shared, [Models]);
    const starting = one.app.start();
    await shared.clock.settle();
    one.cut();
    await shared.clock.advance(LEASE.leaseMs - 1_000);
    one.mend();
    await shared.clock.advance(LEASE.retryMs);
    expect(calls.length).toBe(2);
    calls[1]?.end('again');
    await starting;
    expect(adopted).toEqual(['again']);
    await one.stop();
  });

  it('is not begun by an instance that stood still for so long that what it claimed is over', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models();
    const { claimed, answering, answer } = slowClaim();
    const one = instanceOn(shared, [Models], { answering });
    const first = one.app.start();
    await claimed;
    one.clock.pause();
    const other = instanceOn(shared, [Models]);
    const second = other.app.start();
    await shared.clock.advance(WATCHED + LEASE.retryMs);
    expect(calls.length).toBe(1);
    one.clock.resume();
    answer();
    await shared.clock.advance(LEASE.retryMs);
    expect(calls.length).toBe(1);
    calls[0]?.end('by the other');
    await Promise.all([first, second]);
    expect([calls.length, adopted]).toEqual([1, ['by the other', 'by the other']]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('is not begun by an instance that was stopped while it claimed it, and left to the next', async () => {
    const shared = cluster();
    const { Models, calls } = models();
    const { claimed, answering, answer } = slowClaim();
    const one = instanceOn(shared, [Models], { answering });
    const first = one.app.start().catch(() => {});
    await claimed;
    const stopping = one.stop();
    answer();
    await Promise.all([first, stopping]);
    expect([calls.length, await recordsOf(shared)]).toEqual([0, []]);
  });

  it('is tried again by another instance after a pause when it failed, which fails the boot of the first', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models();
    const one = instanceOn(shared, [Models]);
    const first = expect(one.app.start()).rejects.toMatchObject({ code: 'BOOT_FAILED' });
    await shared.clock.settle();
    const other = instanceOn(shared, [Models]);
    const second = other.app.start();
    await shared.clock.settle();
    calls[0]?.fail(new Error('no such model'));
    await first;
    await shared.clock.settle();
    expect([calls.length, await recordsOf(shared)]).toMatchObject([1, [{ state: 'failed', reason: 'no such model' }]]);
    await shared.clock.advance(2_000);
    expect(calls.length).toBe(2);
    calls[1]?.end(7);
    await second;
    expect(adopted).toEqual([7]);
    await other.stop();
  });

  it('is left to the next at once by an instance that is stopped while it prepares', async () => {
    const shared = cluster();
    const { Models, calls } = models();
    const one = instanceOn(shared, [Models]);
    const first = expect(one.app.start()).rejects.toMatchObject({ code: 'ABORTED' });
    await shared.clock.settle();
    const other = instanceOn(shared, [Models]);
    const second = other.app.start();
    await shared.clock.settle();
    const stopping = one.app.stop();
    await shared.clock.settle();
    expect(calls.length).toBe(2);
    calls[1]?.end(1);
    await second;
    await shared.clock.advance(9_000);
    await Promise.all([first, stopping]);
    await other.stop();
  });

  it('is prepared by each configuration for itself; the difference is shown, and told once', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models();
    const started = async (size: string) => {
      const instance = instanceOn(shared, [Models, Instances, configure(Models, { size } as never)]);
      const starting = instance.app.start();
      await shared.clock.settle();
      calls.at(-1)?.end(size);
      await starting;
      return instance;
    };
    const one = await started('small');
    const other = await started('large');
    expect([calls.length, adopted]).toEqual([2, ['small', 'large']]);
    for (let runs = 0; runs < 3; runs += 1) {
      for (const { app } of [one, other]) app.get(Instances).describe({ load: { runs } });
      await shared.clock.advance(5_000);
    }
    for (const [here, there] of [
      [one, other],
      [other, one],
    ] as const) {
      const { id } = there.app.get(Instances);
      expect(here.node('Models').differsFrom).toEqual([id]);
      expect(here.app.explain('Models')).toContain(`It is configured otherwise on ${id}.`);
      expect(here.events.filter(({ type }) => type === 'configuration-differs')).toMatchObject([
        { factory: 'Models', instance: id },
      ]);
    }
    const third = await started('small');
    await shared.clock.advance(5_000);
    expect([calls.length, third.node('Models').differsFrom?.length]).toEqual([2, 1]);
    await other.stop();
    await shared.clock.advance(1_000);
    expect(one.node('Models').differsFrom).toBeUndefined();
    await Promise.all([one.stop(), third.stop()]);
  });

  it('rests on the store only where it is shared', () => {
    const needs = (scope: 'cluster' | 'instance') =>
      instanceOn(cluster(), [models({ scope }).Models]).node('Models').needs;
    expect([needs('cluster'), needs('instance')]).toEqual([['KeyValueStore'], []]);
  });

  it('prepares its own with scope instance, JSON or not', async () => {
    const shared = cluster();
    const { Models, calls, adopted } = models({ scope: 'instance' });
    const one = instanceOn(shared, [Models]);
    const first = one.app.start();
    const other = instanceOn(shared, [Models]);
    const second = other.app.start();
    await shared.clock.settle();
    for (const call of calls) call.end(() => 'a function');
    await Promise.all([first, second]);
    expect([calls.length, adopted.length, await recordsOf(shared)]).toEqual([2, 2, []]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it.each([true, false])('fails for good with a value that is no JSON (shared: %s)', async (isShared) => {
    const shared = cluster({ isShared });
    const { Models, calls } = models();
    const one = instanceOn(shared, [Models]);
    const starting = expect(one.app.start()).rejects.toMatchObject({
      details: {
        causes: [
          {
            service: 'Models',
            description: expect.stringContaining('a function at load.by'),
            action: expect.stringContaining("scope: 'instance'"),
          },
        ],
      },
    });
    await shared.clock.settle();
    calls[0]?.end({ load: { by: () => 1 } });
    await starting;
  });
});
