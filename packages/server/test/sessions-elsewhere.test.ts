/** One limit of sessions for all instances: what they tell each other, and who is let in. */
import { describe, expect, it } from '@jest/globals';
import { Instances, KeyValueStore, provideValue } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { SessionsElsewhere } from '../src/session/sessions-elsewhere.ts';
import { FakeCluster, SharedStore } from './fake-cluster.ts';
import { RawClient, serve } from './harness.ts';

describe('sessions on other instances', () => {
  it('are told of every few seconds where a user has several, and count while their instance lives', async () => {
    const store = new SharedStore(() => {});
    const clock = new FakeClock();
    const fake = new FakeCluster();
    const make = (id: string, here: Map<string, number>): SessionsElsewhere =>
      new SessionsElsewhere({
        store,
        clock,
        here: () => here,
        failed: (error) => {
          throw error;
        },
        instances: fake.instances(id),
      });
    const here = new Map<string, number>();
    const [one, two] = [make('one', new Map()), make('two', here)];
    here.set('ann', 3).set('bob', 1);
    expect(one.of('ann')).toBe(0);
    await clock.advance(5_000);
    await clock.settle();
    expect([one.of('ann'), one.of('bob'), one.of('eve'), two.of('ann')]).toEqual([3, 0, 0, 0]);
    const revision = async (): Promise<number | undefined> => (await store.get('sessions/two'))?.revision;
    const written = await revision();
    await clock.advance(20_000);
    // Nothing has changed, so nothing is written.
    expect(await revision()).toBe(written);
    here.set('ann', 2);
    await clock.advance(5_000);
    expect(one.of('ann')).toBe(2);
    // Somebody took it away who thought that it was dead.
    await store.delete('sessions/two', (await revision()) as number);
    await clock.settle();
    expect(one.of('ann')).toBe(2);
    fake.vanish('two');
    expect(one.of('ann')).toBe(0);
    fake.tell();
    await clock.settle();
    fake.join('two');
    here.clear();
    await clock.advance(5_000);
    expect([one.of('ann'), await store.list('sessions/')]).toEqual([0, []]);
    await Promise.all([one.close(), two.close()]);
    expect(clock.pending).toBe(0);
  });

  it('are sessions of the user like any other, until their instance stops', async () => {
    const clock = new FakeClock();
    const services = [provideValue(KeyValueStore, new SharedStore(() => {})), Instances] as never;
    const instance = () =>
      serve(() => ({ methods: {} }), { services, app: { clock }, server: { limits: { sessionsPerUser: 3 } } });
    const one = await instance();
    await using two = await instance();
    const there = [await RawClient.welcomed(one.url), await RawClient.welcomed(one.url)];
    await clock.advance(5_000);
    const here = await RawClient.welcomed(two.url);
    const more = async (): Promise<RawClient> => {
      const client = new RawClient(two.url);
      await client.opened();
      client.hello('token:ann');
      return client;
    };
    expect(await (await more()).frame()).toMatchObject({
      code: 'TOO_MANY_SESSIONS',
      details: { sessions: 3, limit: 3 },
    });
    await (await RawClient.welcomed(two.url, 'bob')).close();
    const stopping = one[Symbol.asyncDispose]();
    await Promise.all(there.map((client) => client.next('drain')));
    // They are to come here, so they count no more where they were.
    const again = await more();
    await again.next('welcome');
    await Promise.all([...there, here, again].map((client) => client.close()));
    await clock.advance(60_000);
    await stopping;
  });
});
