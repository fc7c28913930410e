/** Where a user is who has left one instance: what instances ask each other, and that nothing of it stays behind. */
import { describe, expect, it } from '@jest/globals';
import { keyPart, type MemoryStore } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { ConnectionPool } from '@muster/server';
import { PresenceElsewhere } from '../src/session/presence-elsewhere.ts';
import { UserPresence } from '../src/session/user-presence.ts';
import { FakeCluster, SharedStore } from './fake-cluster.ts';

class FailingStore extends SharedStore {
  /** Writes fail while it is. */
  isAway = false;

  override create(...args: Parameters<MemoryStore['create']>) {
    return this.isAway ? Promise.reject(new Error('the store is away')) : super.create(...args);
  }

  override delete(...args: Parameters<MemoryStore['delete']>) {
    return this.isAway ? Promise.reject(new Error('the store is away')) : super.delete(...args);
  }
}

function cluster() {
  const store = new FailingStore(() => {});
  const clock = new FakeClock();
  const fake = new FakeCluster();
  const failures: unknown[] = [];
  const instance = (id: string) => {
    const pool = new ConnectionPool();
    const failed = (error: unknown): void => void failures.push(error);
    const elsewhere = new PresenceElsewhere({ store, instances: fake.instances(id), pool, clock, failed });
    return {
      elsewhere,
      connect: (user: string) => pool.add({ id: 'c', user }),
      presence: (user: string) => new UserPresence(user, pool, elsewhere),
    };
  };
  const join = (id: string): void => fake.join(id);
  const dies = (id: string): void => {
    fake.vanish(id);
    fake.tell();
  };
  const keys = async (): Promise<string[]> => {
    await clock.settle();
    return (await store.list('')).map(({ key }) => key.replace(/\/.*\//, ' ')).sort();
  };
  return { store, clock, failures, instance, join, dies, keys };
}

describe('a user who is waited for', () => {
  it('is found where they are, as long as they are there, and nothing is written while nobody waits', async () => {
    const { instance, keys, clock, failures } = cluster();
    const [one, two] = [instance('one'), instance('two')];
    let leave = two.connect('ann');
    const here = one.connect('ann');
    expect(await keys()).toEqual([]);
    const presence = one.presence('ann');
    const seen: boolean[] = [];
    const end = presence.onChange(() => seen.push(presence.isPresent));
    // They are here: nobody asks.
    expect(await keys()).toEqual([]);
    here();
    expect(await keys()).toEqual(['awaited one', 'present two']);
    expect(presence.isPresent).toBe(true);
    expect(one.presence('bob').isPresent).toBe(false);
    leave();
    expect(await keys()).toEqual(['awaited one']);
    expect([presence.isPresent, seen.at(-1)]).toEqual([false, false]);
    leave = two.connect('ann');
    await clock.settle();
    expect([presence.isPresent, seen.at(-1)]).toEqual([true, true]);
    // Back here they are looked for nowhere else.
    one.connect('ann');
    expect(await keys()).toEqual([]);
    expect(presence.isPresent).toBe(true);
    end();
    expect([await keys(), failures]).toEqual([[], []]);
  });

  it('is looked for as long as anybody waits, whoever else has stopped', async () => {
    const { instance, keys } = cluster();
    const [one, two] = [instance('one'), instance('two')];
    two.connect('ann');
    const ends = [one.presence('ann').onChange(() => {}), one.presence('ann').onChange(() => {})];
    expect(await keys()).toEqual(['awaited one', 'present two']);
    ends[0]?.();
    ends[0]?.();
    expect(await keys()).toEqual(['awaited one', 'present two']);
    ends[1]?.();
    expect(await keys()).toEqual([]);
  });

  it('is nowhere when the instance has died that had them, and what it left behind is taken away', async () => {
    const { instance, join, dies, store, keys } = cluster();
    const one = instance('one');
    join('two');
    const presence = one.presence('ann');
    let changes = 0;
    presence.onChange(() => (changes += 1));
    // As an instance says it that has ann, and waits for bob.
    await store.create(`present/${keyPart('ann')}/two`, {});
    await store.create(`awaited/${keyPart('bob')}/two`, { user: 'bob' });
    expect(await keys()).toEqual(['awaited one', 'awaited two', 'present two']);
    expect(presence.isPresent).toBe(true);
    const before = changes;
    dies('two');
    expect([presence.isPresent, changes > before]).toEqual([false, true]);
    expect(await keys()).toEqual(['awaited one']);
  });

  it('is still found by whoever seemed to be dead and is not', async () => {
    const { instance, store, keys } = cluster();
    const [one, two] = [instance('one'), instance('two')];
    two.connect('ann');
    const presence = one.presence('ann');
    presence.onChange(() => {});
    await keys();
    for (const { key, revision } of await store.list('')) await store.delete(key, revision);
    expect(await keys()).toEqual(['awaited one', 'present two']);
    expect(presence.isPresent).toBe(true);
  });

  it('is asked for again when the store is back, and the failure is told once', async () => {
    const { instance, store, keys, clock, failures } = cluster();
    const [one, two] = [instance('one'), instance('two')];
    two.connect('ann');
    store.isAway = true;
    const presence = one.presence('ann');
    presence.onChange(() => {});
    await clock.advance(3_000);
    expect([presence.isPresent, failures.length]).toEqual([false, 1]);
    store.isAway = false;
    await clock.advance(1_000);
    expect(await keys()).toEqual(['awaited one', 'present two']);
    expect(presence.isPresent).toBe(true);
  });

  it('is tried for no more once the instance has stopped, though the store was away', async () => {
    const { instance, store, clock } = cluster();
    const one = instance('one');
    store.isAway = true;
    one.presence('ann').onChange(() => {});
    await clock.settle();
    expect(clock.pending).toBe(1);
    await one.elsewhere.close();
    expect(clock.pending).toBe(0);
  });

  it('is asked for no more when the instance stops, and nothing of that is left', async () => {
    const { instance, keys, clock } = cluster();
    const [one, two] = [instance('one'), instance('two')];
    two.connect('ann');
    const end = one.presence('ann').onChange(() => {});
    two.presence('bob').onChange(() => {});
    await keys();
    await one.elsewhere.close();
    end();
    expect(await keys()).toEqual(['awaited two']);
    await two.elsewhere.close();
    expect([await keys(), clock.pending]).toEqual([[], 0]);
  });
});
