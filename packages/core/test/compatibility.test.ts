/** Builds that cannot work side by side. */
import { describe, expect, it } from '@jest/globals';
import { type ClusterOptions, createApp, InstanceFacts, Instances, LEASE, provideValue, service } from '@muster/core';
import { type Cluster, cluster, instanceOn, WATCHED } from './cluster.ts';

@service()
class Api {}

function build(shared: Cluster, options: ClusterOptions) {
  const facts = provideValue(InstanceFacts, { version: `1.${options.contract}` });
  return instanceOn(shared, [Api, facts], { cluster: options });
}

async function started(shared: Cluster, options: ClusterOptions) {
  const instance = build(shared, options);
  await instance.app.start();
  return instance;
}

describe('instances of different contracts', () => {
  it.each([
    [
      'is not accepted by the newcomer',
      { contract: 2, accepts: [1, 2, 3] },
      { contract: 3 },
      'has contract 2, and this one accepts 3',
    ],
    [
      'does not accept the newcomer',
      { contract: 2 },
      { contract: 3, accepts: [2, 3] },
      'accepts contract 2, and this one has 3',
    ],
  ])('keep the gate of the newer one closed while the older one %s', async (_, old, young, says) => {
    const shared = cluster();
    const older = await started(shared, old);
    const newcomer = build(shared, young);
    const starting = newcomer.app.start();
    await shared.clock.advance(60_000);
    const { id } = older.app.get(Instances);
    expect([newcomer.app.gate.state, newcomer.app.gate.blockedBy]).toEqual(['closed', ['ClusterCompatibility']]);
    expect(newcomer.node('ClusterCompatibility')).toMatchObject({
      phase: 'running',
      health: 'unhealthy',
      reason: `instance ${id} (version 1.2) ${says}`,
    });
    expect(newcomer.app.explain('ClusterCompatibility')).toContain(says);
    await expect(newcomer.app.gate.enter(AbortSignal.abort(new Error('no time')))).rejects.toThrow('no time');
    // The older one is not disturbed, nor when it says something new of itself.
    expect([older.app.gate.state, older.node('ClusterCompatibility').health]).toEqual(['open', 'healthy']);
    older.app.get(Instances).describe({ load: { runs: 1 } });
    await shared.clock.advance(10_000);
    expect(older.app.gate.state).toBe('open');
    await older.stop();
    await shared.clock.settle();
    await starting;
    expect(newcomer.app.gate.state).toBe('open');
    await newcomer.stop();
  });

  it('serve side by side where their ranges overlap, or where one says nothing', async () => {
    const shared = cluster();
    const older = await started(shared, { contract: 2, accepts: [2, 3] });
    const newcomer = await started(shared, { contract: 3, accepts: [2, 3] });
    const silent = instanceOn(shared, [Api, Instances]);
    await silent.app.start();
    await shared.clock.advance(5_000);
    expect([older, newcomer, silent].map(({ app }) => app.gate.state)).toEqual(['open', 'open', 'open']);
    await Promise.all([older.stop(), newcomer.stop(), silent.stop()]);
  });

  it('that start together let one of them serve', async () => {
    const shared = cluster();
    const all = [build(shared, { contract: 2 }), build(shared, { contract: 3 })];
    const starting = all.map(({ app }) => app.start());
    await shared.clock.advance(30_000);
    expect(all.map(({ app }) => app.gate.state).sort()).toEqual(['closed', 'open']);
    const [open, closed] = all[0]?.app.gate.state === 'open' ? all : all.toReversed();
    await open?.stop();
    await shared.clock.advance(1_000);
    await Promise.all(starting);
    expect(closed?.app.gate.state).toBe('open');
    await closed?.stop();
  });

  it('wait for the record of an older one that has died', async () => {
    const shared = cluster();
    const older = await started(shared, { contract: 2 });
    older.kill();
    const newcomer = build(shared, { contract: 3 });
    const starting = newcomer.app.start();
    await shared.clock.advance(WATCHED - 1_000);
    expect(newcomer.app.gate.state).toBe('closed');
    await shared.clock.advance(LEASE.renewMs + 1_000);
    await starting;
    expect(newcomer.app.gate.state).toBe('open');
    await newcomer.stop();
  });

  it('know of each other before either serves, also where the store tells of changes late', async () => {
    const shared = cluster();
    const older = await started(shared, { contract: 2 });
    const newcomer = instanceOn(shared, [Api], { cluster: { contract: 3 }, hearsLateMs: 5_000 });
    void newcomer.app.start().catch(() => {});
    for (let at = 0; at < 6_000; at += 500) {
      expect(newcomer.app.gate.state).toBe('closed');
      await shared.clock.advance(500);
    }
    await Promise.all([older.stop(), newcomer.stop()]);
  });

  it('never serve both when the older one is cut off from the store', async () => {
    const shared = cluster();
    const older = await started(shared, { contract: 2 });
    const newcomer = build(shared, { contract: 3 });
    const starting = newcomer.app.start();
    await shared.clock.advance(2_000);
    older.cut();
    for (let at = 0; at < 40_000; at += 500) {
      await shared.clock.advance(500);
      expect([older, newcomer].map(({ app }) => app.gate.state)).not.toEqual(['open', 'open']);
    }
    await starting;
    expect([older.app.gate.state, newcomer.app.gate.state]).toEqual(['closed', 'open']);
    older.mend();
    await Promise.all([older.stop(), newcomer.stop()]);
  });

  it('come back behind those that have joined meanwhile', async () => {
    const shared = cluster();
    const older = await started(shared, { contract: 2 });
    await shared.clock.advance(1_000);
    older.clock.pause();
    await shared.clock.advance(WATCHED + LEASE.renewMs);
    const newcomer = build(shared, { contract: 3 });
    const starting = newcomer.app.start();
    await shared.clock.advance(WATCHED + LEASE.renewMs);
    await starting;
    older.clock.resume();
    await shared.clock.advance(10_000);
    expect([older.app.gate.state, newcomer.app.gate.state]).toEqual(['closed', 'open']);
    await Promise.all([older.stop(), newcomer.stop()]);
  });

  it('fail the boot with what differs when the other does not go in time', async () => {
    const shared = cluster();
    const older = await started(shared, { contract: 2 });
    const newcomer = build(shared, { contract: 3 });
    const starting = expect(newcomer.app.start()).rejects.toMatchObject({
      details: {
        causes: [{ service: 'ClusterCompatibility', description: expect.stringContaining('has contract 2') }],
      },
    });
    await shared.clock.advance(130_000);
    await starting;
    expect(older.app.gate.state).toBe('open');
    await older.stop();
  });

  it('differ in the records of Muster as well', async () => {
    const shared = cluster();
    const lease = { owner: 'o', term: 1, leaseMs: LEASE.leaseMs, beat: 0 };
    const other = {
      ...lease,
      id: 'o',
      version: null,
      format: 0,
      contract: null,
      accepts: [],
      offers: [],
      factories: {},
      services: {},
    };
    await shared.store.create('instances/o', other);
    const newcomer = build(shared, { contract: 3 });
    const starting = newcomer.app.start();
    await shared.clock.advance(1_000);
    expect(newcomer.node('ClusterCompatibility').reason).toContain('instance o writes records of format 0 of Muster');
    await shared.clock.advance(30_000);
    await starting;
    await newcomer.stop();
  });
});

describe('the contract of an app', () => {
  it.each([
    [{ contract: 0 }, 'cluster.contract must be a whole number from 1 on, and is 0'],
    [
      { contract: 3, accepts: [2] },
      'cluster.accepts must be a list with 3 in it, the contract of this build, and is 2',
    ],
  ])('is checked: %j', (options, message) => {
    expect(() => createApp({ services: [Api], cluster: options })).toThrow(message);
  });
});
