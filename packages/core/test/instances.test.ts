import { describe, expect, it } from '@jest/globals';
import {
  createApp,
  degraded,
  type Health,
  healthy,
  InstanceFacts,
  Instances,
  KeyValueStore,
  LEASE,
  MemoryStore,
  provideValue,
  type Service,
  service,
  type StartContext,
} from '@muster/core';
import { FakeClock, InstanceClock } from '@muster/core/testing';

class SharedStore extends MemoryStore {
  readonly isShared = true;
}

@service()
class Mailer implements Service {
  health: Health = healthy;
  #report: (health: Health) => void = () => {};

  start(ctx: StartContext): void {
    this.#report = (health) => ctx.report(health);
  }

  turn(health: Health): void {
    this.health = health;
    this.#report(health);
  }

  check(): Health {
    return this.health;
  }
}

const failed = (error: unknown): void => {
  throw error;
};

async function started(shared: { readonly clock: FakeClock; readonly store: KeyValueStore }, version = '1') {
  const clock = new InstanceClock(shared.clock);
  const facts = provideValue(InstanceFacts, { version, fingerprint: 'f' });
  const app = createApp({ services: [Mailer, Instances, facts, provideValue(KeyValueStore, shared.store)], clock });
  await app.start();
  const instances = app.get(Instances);
  return { app, clock, instances, ids: () => instances.list().map(({ id }) => id) };
}

const shared = () => ({ clock: new FakeClock(), store: new SharedStore(failed) });
const WATCHED = LEASE.leaseMs + LEASE.marginMs;

describe('instances', () => {
  it('know each other, and what each says of itself', async () => {
    const cluster = shared();
    const first = await started(cluster, '1');
    const second = await started(cluster, '2');
    await cluster.clock.advance(2_000);
    for (const [one, other] of [
      [first, second],
      [second, first],
    ] as const) {
      expect(one.ids()).toEqual([one.instances.id, other.instances.id]);
      expect(one.instances.list()[1]).toEqual(other.instances.list()[0]);
    }
    expect(first.instances.list()[1]).toMatchObject({
      version: '2',
      address: null,
      fingerprint: 'f',
      services: { Mailer: 'healthy' },
      load: {},
    });
    second.instances.describe({ address: 'ws://two', load: { runs: 3 } });
    second.app.get(Mailer).turn(degraded('slow'));
    await cluster.clock.advance(2_000);
    expect(first.instances.list()[1]).toMatchObject({
      version: '2',
      address: 'ws://two',
      load: { runs: 3 },
      services: { Mailer: 'degraded' },
    });
    await Promise.all([first.app.stop(), second.app.stop()]);
  });

  it('tell of who comes, goes and says something else, and not of renewals', async () => {
    const cluster = shared();
    const first = await started(cluster);
    await cluster.clock.advance(2_000);
    let changes = 0;
    const end = first.instances.onChange(() => (changes += 1));
    const second = await started(cluster);
    await cluster.clock.advance(2_000);
    expect(changes).toBeGreaterThan(0);
    changes = 0;
    await cluster.clock.advance(60_000);
    expect(changes).toBe(0);
    second.instances.describe({ load: { runs: 1 } });
    await cluster.clock.advance(2_000);
    expect(changes).toBe(1);
    await second.app.stop();
    await cluster.clock.settle();
    expect([changes, first.ids()]).toEqual([2, [first.instances.id]]);
    end();
    first.instances.describe({ load: { runs: 1 } });
    expect(changes).toBe(2);
    await first.app.stop();
    expect(await cluster.store.list('instances/')).toEqual([]);
  });

  it('list one that has died until lease and margin are over, and then take its record away', async () => {
    const cluster = shared();
    const first = await started(cluster);
    const second = await started(cluster);
    await cluster.clock.advance(6_000);
    second.clock.pause();
    const renewedAt = cluster.clock.monotonic();
    await cluster.clock.advance(LEASE.leaseMs);
    expect(first.ids()).toHaveLength(2);
    await cluster.clock.advance(renewedAt + WATCHED - cluster.clock.monotonic());
    expect(first.ids()).toEqual([first.instances.id]);
    await cluster.clock.advance(LEASE.renewMs);
    expect((await cluster.store.list('instances/')).map(({ key }) => key)).toEqual([`instances/${first.instances.id}`]);
    // It was only asleep.
    second.clock.resume();
    await cluster.clock.advance(LEASE.renewMs);
    expect(first.ids()).toHaveLength(2);
    await Promise.all([first.app.stop(), second.app.stop()]);
  });

  it('come back after the store was out of reach', async () => {
    const cluster = shared();
    const first = await started(cluster);
    const second = await started(cluster);
    const update = cluster.store.update.bind(cluster.store);
    cluster.store.update = () => Promise.reject(new Error('no route'));
    await cluster.clock.advance(WATCHED + LEASE.renewMs);
    cluster.store.update = update;
    await cluster.clock.advance(LEASE.renewMs + 1_000);
    expect([first.ids().length, second.ids().length]).toEqual([2, 2]);
    await Promise.all([first.app.stop(), second.app.stop()]);
  });

  it('are one where the store is not shared, which writes nothing and sets no timer', async () => {
    const clock = new FakeClock();
    const without = createApp({ services: [Mailer], clock });
    await without.start();
    const idle = clock.pending;
    const store = new MemoryStore(failed);
    const alone = await started({ clock, store });
    expect(clock.pending).toBe(idle * 2);
    alone.instances.describe({ load: { runs: 1 } });
    expect(alone.instances.list()).toMatchObject([{ id: alone.instances.id, load: { runs: 1 } }]);
    expect([await store.list(''), clock.pending]).toEqual([[], idle * 2]);
    await Promise.all([alone.app.stop(), without.stop()]);
  });
});
