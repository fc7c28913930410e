/** Services that one instance of all runs. */
import { describe, expect, it } from '@jest/globals';
import {
  type Class,
  type Health,
  healthy,
  LEASE,
  optional,
  type Ref,
  type RunContext,
  type Service,
  service,
  type StartContext,
} from '@muster/core';
import { cluster, instanceOn, WATCHED } from './cluster.ts';

/** A leader service whose instances all write into one diary. */
function leader(diary: string[], { fails = () => false, stopMs = 0 }: { fails?: () => boolean; stopMs?: number } = {}) {
  let count = 0;
  @service({ cluster: 'leader', restart: { delayMs: 1_000, capMs: 1_000 } })
  class Reaper implements Service {
    readonly name: string;
    start!: (ctx: StartContext) => void;
    ctx: StartContext | undefined;
    constructor() {
      this.name = `r${(count += 1)}`;
      this.start = (ctx) => {
        this.ctx = ctx;
        if (fails()) throw new Error('no disk');
        diary.push(`${this.name} leads`);
      };
    }
    run({ signal }: RunContext): Promise<void> {
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    }
    check(): Health {
      return healthy;
    }
    stop({ clock }: { clock: { schedule(ms: number, then: () => void): unknown } }): void | Promise<void> {
      diary.push(`${this.name} stops`);
      if (stopMs > 0) return new Promise((resolve) => void clock.schedule(stopMs, resolve));
    }
  }
  @service({ dependsOn: [Reaper] })
  class Api {
    readonly reaper: Reaper;
    constructor(reaper: Reaper) {
      this.reaper = reaper;
    }
  }
  return { Reaper, Api };
}

const phases = (...instances: { readonly node: (name: string) => { phase: string } }[]) =>
  instances.map(({ node }) => node('Reaper').phase);
const gates = (...instances: { app: { gate: { state: string } } }[]) => instances.map(({ app }) => app.gate.state);

async function two(services: readonly Class[]) {
  const shared = cluster();
  const one = instanceOn(shared, services);
  await one.app.start();
  const other = instanceOn(shared, services);
  await other.app.start();
  return { shared, one, other };
}

describe('a leader service', () => {
  it('runs on one instance, and stands by on the other, whose gate opens', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const { one, other } = await two([Reaper, Api]);
    expect([phases(one, other), gates(one, other), diary]).toEqual([
      ['running', 'standby'],
      ['open', 'open'],
      ['r1 leads'],
    ]);
    expect(other.node('Reaper')).toMatchObject({ blockedBy: [], reason: expect.stringMatching(/^\S+ leads$/) });
    expect(other.app.explain('Reaper')).toContain('It starts here when this instance is given the lead.');
    expect(one.app.get(Api).reaper.ctx?.fence).toBeGreaterThan(0);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('is not run by one that stood still for so long while it claimed the lead, which stands by then', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const shared = cluster();
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const one = instanceOn(shared, [Reaper, Api], {
      answering: (method, key) => (method === 'create' && key === 'leaders/Reaper' ? answered : undefined),
    });
    const first = one.app.start();
    await shared.clock.settle();
    one.clock.pause();
    const other = instanceOn(shared, [Reaper, Api]);
    const second = other.app.start();
    await shared.clock.advance(WATCHED + LEASE.retryMs);
    expect(diary).toEqual(['r2 leads']);
    one.clock.resume();
    answer();
    await shared.clock.advance(2 * LEASE.retryMs);
    await Promise.all([first, second]);
    expect([diary, phases(one, other)]).toEqual([['r2 leads'], ['standby', 'running']]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('goes over at once when its leader stops, with a higher fence', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const { shared, one, other } = await two([Reaper, Api]);
    const fence = one.app.get(Api).reaper.ctx?.fence ?? 0;
    await one.app.stop();
    await shared.clock.settle();
    expect([phases(other), gates(other), diary]).toEqual([['running'], ['open'], ['r1 leads', 'r1 stops', 'r2 leads']]);
    expect(other.app.get(Api).reaper.ctx?.fence).toBeGreaterThan(fence);
    await other.stop();
    expect(await shared.store.list('')).toEqual([]);
  });

  it('goes over within lease, margin and a look when its leader has died, and no gate closes meanwhile', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const { shared, one, other } = await two([Reaper, Api]);
    one.kill();
    await shared.clock.advance(WATCHED - LEASE.renewMs - 1_000);
    expect(phases(other)).toEqual(['standby']);
    await shared.clock.advance(LEASE.renewMs + 2 * LEASE.retryMs);
    expect([phases(other), diary]).toEqual([['running'], ['r1 leads', 'r2 leads']]);
    expect(other.events.filter(({ type }) => type === 'gate-closed')).toEqual([]);
    await other.stop();
  });

  it('is stopped before its lease ends when that cannot be renewed, and another leads only after that', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const { shared, one, other } = await two([Reaper, Api]);
    const { ctx } = one.app.get(Api).reaper;
    one.cut();
    await shared.clock.advance(LEASE.leaseMs);
    expect([diary, ctx?.lost.aborted, phases(one, other)]).toEqual([
      ['r1 leads', 'r1 stops'],
      true,
      ['standby', 'standby'],
    ]);
    await shared.clock.advance(LEASE.leaseMs);
    expect(diary).toEqual(['r1 leads', 'r1 stops', 'r2 leads']);
    await shared.clock.advance(60_000);
    expect(gates(one, other)).toEqual(['closed', 'open']);
    // It follows when it hears of the other.
    one.mend();
    await shared.clock.advance(10_000);
    expect([phases(one, other), gates(one, other)]).toEqual([
      ['standby', 'running'],
      ['open', 'open'],
    ]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('of a process that was paused past its lease knows at once that it leads no more', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const { shared, one, other } = await two([Reaper, Api]);
    one.clock.pause();
    await shared.clock.advance(60_000);
    expect(phases(other)).toEqual(['running']);
    const { ctx } = one.app.get(Api).reaper;
    expect(ctx?.lost.aborted).toBe(true);
    one.clock.resume();
    await shared.clock.advance(5_000);
    expect([phases(one, other), gates(one, other)]).toEqual([
      ['standby', 'running'],
      ['open', 'open'],
    ]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('is not ready when nobody has led for longer than lease and margin', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const { shared, one, other } = await two([Reaper, Api]);
    other.cut();
    await one.app.stop();
    await shared.clock.advance(LEASE.leaseMs);
    expect(gates(other)).toEqual(['open']);
    await shared.clock.advance(2 * WATCHED);
    expect([gates(other), other.app.gate.blockedBy]).toEqual([['closed'], ['Reaper']]);
    expect(other.node('Reaper').reason).toBe('nobody leads');
    other.mend();
    await shared.clock.advance(5_000);
    expect([phases(other), gates(other)]).toEqual([['running'], ['open']]);
    await other.stop();
  });

  it('gives the lead away when it cannot start', async () => {
    const diary: string[] = [];
    let isBroken = false;
    const broken = leader(diary, { fails: () => isBroken });
    const shared = cluster();
    const one = instanceOn(shared, [broken.Reaper, broken.Api]);
    await one.app.start();
    const well = leader(diary);
    const other = instanceOn(shared, [well.Reaper, well.Api]);
    await other.app.start();
    isBroken = true;
    one.app.get(broken.Api).reaper.ctx?.fail(new Error('broken'));
    await shared.clock.advance(10_000);
    expect([phases(one, other), gates(one, other)]).toEqual([
      ['standby', 'running'],
      ['open', 'open'],
    ]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('keeps its lease where it could not be stopped', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary, { stopMs: 60_000 });
    const { shared, one, other } = await two([Reaper, Api]);
    const stopping = one.app.stop();
    await shared.clock.advance(9_000);
    expect((await stopping).hung).toEqual(['Reaper']);
    expect(phases(other)).toEqual(['standby']);
    await shared.clock.advance(WATCHED);
    expect(phases(other)).toEqual(['running']);
    await other.stop();
  });

  it('is no reference where it stands by', async () => {
    const { Reaper } = leader([]);
    @service({ dependsOn: [optional(Reaper)] })
    class Page {
      readonly reaper: Ref<InstanceType<typeof Reaper>>;
      constructor(reaper: Ref<InstanceType<typeof Reaper>>) {
        this.reaper = reaper;
      }
    }
    const { shared, one, other } = await two([Reaper, Page]);
    const refs = (): unknown[] => [one, other].map(({ app }) => app.get(Page).reaper.current?.name);
    expect(refs()).toEqual(['r1', undefined]);
    expect(other.node('Page').degradedBy).toEqual([]);
    one.cut();
    await shared.clock.advance(2 * LEASE.leaseMs);
    expect(refs()).toEqual([undefined, 'r2']);
    one.mend();
    await Promise.all([one.stop(), other.stop()]);
  });

  it('has started, for whoever waits for no more, where it stands by', async () => {
    const { Reaper } = leader([]);
    @service({ dependsOn: [{ on: Reaper, until: 'started' }] })
    class Page {
      constructor(_: InstanceType<typeof Reaper>) {}
    }
    const { one, other } = await two([Reaper, Page]);
    expect([phases(other), gates(other)]).toEqual([['standby'], ['open']]);
    await Promise.all([one.stop(), other.stop()]);
  });

  it('rests on the store, which is stopped after it', () => {
    const { Reaper } = leader([]);
    const { needs } = instanceOn(cluster(), [Reaper]).node('Reaper');
    expect(needs).toEqual(['KeyValueStore']);
  });

  it('simply leads where the store is not shared', async () => {
    const diary: string[] = [];
    const { Reaper, Api } = leader(diary);
    const shared = cluster({ isShared: false });
    const alone = instanceOn(shared, [Reaper, Api]);
    await alone.app.start();
    expect([phases(alone), gates(alone)]).toEqual([['running'], ['open']]);
    const { pending } = shared.clock;
    await shared.clock.advance(60_000);
    expect([phases(alone), shared.clock.pending]).toEqual([['running'], pending - 1]);
    await alone.stop();
    expect(await shared.store.list('')).toEqual([]);
  });
});
