import { describe, expect, it } from '@jest/globals';
import { type Json, LEASE, type Lease, Leases, MemoryStore, ObservedRecords, sleep, type Written } from '@muster/core';
import { FakeClock, InstanceClock, SeededRandom } from '@muster/core/testing';

const { leaseMs, renewMs, marginMs } = LEASE;
/** When another may begin, after the last renewal that it has seen. */
const GIVEN_UP = leaseMs + marginMs;

/** A store of several processes. */
class SharedStore extends MemoryStore {
  readonly isShared = true;
  writes = 0;

  constructor() {
    super((error) => {
      throw error;
    });
  }

  override update(key: string, value: Json, revision: number): Promise<Written> {
    this.writes += 1;
    return super.update(key, value, revision);
  }
}

function cluster() {
  const clock = new FakeClock();
  const store = new SharedStore();
  const instance = (owner: string) => {
    const own = new InstanceClock(clock);
    return { clock: own, leases: new Leases(store, own, owner) };
  };
  return { clock, store, a: instance('a'), b: instance('b') };
}

/** Waits for a lease without being held up by it. */
function wanted(acquiring: Promise<Lease>) {
  const got: { lease: Lease | undefined } = { lease: undefined };
  void acquiring.then((lease) => (got.lease = lease));
  return got;
}

describe('a lease', () => {
  it('is kept by renewing it, for as long as its owner lives', async () => {
    const { clock, store, a, b } = cluster();
    const lease = await a.leases.acquire('leases/one', { value: { what: 'work' } });
    const other = wanted(b.leases.acquire('leases/one'));
    await clock.advance(300_000);
    expect([lease.isHeld, other.lease]).toEqual([true, undefined]);
    expect(store.writes).toBe(300_000 / renewMs);
    expect((await store.get('leases/one'))?.value).toMatchObject({ what: 'work', owner: 'a', leaseMs });
    a.leases.close();
  });

  it('says with its next renewal what was amended, and is not written for that', async () => {
    const { clock, store, a } = cluster();
    const lease = await a.leases.acquire('leases/one', { value: { what: 'work', more: 'once' } });
    lease.amend(({ more: _, ...value }) => value);
    expect([lease.value, store.writes]).toEqual([{ what: 'work' }, 0]);
    await clock.advance(renewMs);
    expect(store.writes).toBe(1);
    expect((await store.get('leases/one'))?.value).toEqual({ what: 'work', owner: 'a', term: 1, leaseMs, beat: 1 });
    a.leases.close();
  });

  it('goes to the next who waits when it is released, under a higher fence', async () => {
    const { clock, a, b } = cluster();
    const lease = await a.leases.acquire('leases/one');
    const other = wanted(b.leases.acquire('leases/one'));
    await clock.advance(2_000);
    await lease.release();
    await lease.release();
    await clock.advance(LEASE.retryMs);
    expect([lease.isHeld, lease.signal.aborted, other.lease?.isHeld]).toEqual([false, false, true]);
    expect(other.lease?.fence).toBeGreaterThan(lease.fence);
  });

  it('of an owner that has died is taken over after lease and margin, and not before', async () => {
    const { clock, a, b } = cluster();
    const lease = await a.leases.acquire('leases/one');
    const other = wanted(b.leases.acquire('leases/one'));
    await clock.settle();
    a.clock.pause();
    await clock.advance(GIVEN_UP - 1);
    expect(other.lease).toBeUndefined();
    await clock.advance(LEASE.retryMs);
    expect(other.lease?.isHeld).toBe(true);
    expect(other.lease?.fence).toBeGreaterThan(lease.fence);
  });

  it('is given up by an owner that cannot renew it before another may begin', async () => {
    const { clock, store, a } = cluster();
    const lease = await a.leases.acquire('leases/one');
    store.update = () => Promise.reject(new Error('no route'));
    await clock.advance(leaseMs - marginMs - 1);
    expect([lease.isHeld, lease.signal.aborted]).toEqual([true, false]);
    await clock.advance(1);
    expect(lease.isHeld).toBe(false);
    expect(lease.signal.reason).toMatchObject({ code: 'LEASE_LOST', details: { key: 'leases/one', why: 'expired' } });
    await expect(lease.update((value) => value)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('is soon free for others when its owner has given it up and a renewal arrives after all', async () => {
    const { clock, store, a, b } = cluster();
    const lease = await a.leases.acquire('leases/one', { value: { what: 'work' } });
    const other = wanted(b.leases.acquire('leases/one'));
    // What it sends arrives late, as over a link that lets nothing through for a while.
    const update = store.update.bind(store);
    let arrive!: () => void;
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    store.update = async (...args: Parameters<SharedStore['update']>) => {
      if ((args[1] as { owner: string }).owner === 'a') await arrived;
      return update(...args);
    };
    await clock.advance(leaseMs);
    expect([lease.isHeld, other.lease]).toEqual([false, undefined]);
    arrive();
    await clock.settle();
    expect((await store.get('leases/one'))?.value).toMatchObject({ what: 'work', owner: 'a', leaseMs: 0 });
    await clock.advance(marginMs - 1);
    expect(other.lease).toBeUndefined();
    await clock.advance(LEASE.retryMs + 1);
    expect(other.lease?.isHeld).toBe(true);
    b.leases.close();
  });

  it('is given up as well where the store does not answer at all, and nobody looks', async () => {
    const { clock, store, a } = cluster();
    const { signal } = await a.leases.acquire('leases/one');
    store.update = () => new Promise(() => {});
    await clock.advance(leaseMs - marginMs + LEASE.retryMs);
    expect(signal.aborted).toBe(true);
  });

  it('outlives renewals that fail, and answers that are lost', async () => {
    const { clock, store, a } = cluster();
    const lease = await a.leases.acquire('leases/one');
    const update = store.update.bind(store);
    let calls = 0;
    store.update = async (...args) => {
      calls += 1;
      if (calls % 3 === 1) throw new Error('not written');
      const written = await update(...args);
      if (calls % 3 === 2) throw new Error('the answer was lost');
      return written;
    };
    await clock.advance(120_000);
    expect(lease.isHeld).toBe(true);
  });

  it('is found lost by an owner that was paused, before anything tells it', async () => {
    const { clock, a, b } = cluster();
    const lease = await a.leases.acquire('leases/one');
    const other = wanted(b.leases.acquire('leases/one'));
    await clock.settle();
    a.clock.pause();
    await clock.advance(60_000);
    expect(other.lease?.isHeld).toBe(true);
    // It goes on here, and no timer of it has fired yet.
    expect(lease.isHeld).toBe(false);
    expect(lease.signal.reason).toMatchObject({ details: { why: 'expired' } });
  });

  it('is found taken by an owner whose clock stood still with it', async () => {
    const { clock, a, b } = cluster();
    const lease = await a.leases.acquire('leases/one');
    const other = wanted(b.leases.acquire('leases/one'));
    await clock.settle();
    a.clock.pause('withTime');
    await clock.advance(60_000);
    a.clock.resume();
    await clock.advance(renewMs);
    expect(other.lease?.isHeld).toBe(true);
    expect([lease.isHeld, lease.signal.reason]).toEqual([
      false,
      expect.objectContaining({ details: { key: 'leases/one', why: 'taken' } }),
    ]);
  });

  it('keeps what somebody else has written into its record, which does not keep it alive', async () => {
    const { clock, store, a, b } = cluster();
    const lease = await a.leases.acquire('leases/one', { value: { n: 1 } });
    const write = async (wish: number): Promise<void> => {
      const { value, revision } = (await store.get('leases/one')) as { value: object; revision: number };
      await store.update('leases/one', { ...value, wish }, revision);
    };
    await write(1);
    await lease.update((value) => ({ ...value, n: 2 }));
    expect((await store.get('leases/one'))?.value).toMatchObject({ n: 2, wish: 1, owner: 'a' });
    const other = wanted(b.leases.acquire('leases/one'));
    await clock.settle();
    a.clock.pause();
    for (let at = 0; at < GIVEN_UP; at += 2_000) {
      await write(at);
      await clock.advance(2_000);
    }
    await clock.advance(LEASE.retryMs);
    expect(other.lease?.isHeld).toBe(true);
  });

  it('of an owner before is taken at once where the store is not shared, and costs nothing; here it is one all the same', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore(() => {});
    await store.create('leases/one', { owner: 'dead', leaseMs, beat: 7 });
    const leases = new Leases(store, clock, 'a');
    const lease = await leases.acquire('leases/one');
    expect(clock.pending).toBe(0);
    const other = wanted(new Leases(store, clock, 'b').acquire('leases/one'));
    await clock.advance(600_000);
    expect([lease.isHeld, other.lease]).toEqual([true, undefined]);
    await lease.release();
    await clock.advance(LEASE.retryMs);
    expect(other.lease?.isHeld).toBe(true);
  });

  it.each([true, false])(
    'has one holder though it is wanted twice at once where answers take their time, shared: %s',
    async (isShared) => {
      const clock = new FakeClock();
      const slow = (ms: number): MemoryStore =>
        new (class extends MemoryStore {
          readonly isShared = isShared;
          override async create(key: string, value: Json): Promise<Written> {
            const written = await super.create(key, value);
            if (written.ok) await sleep(clock, ms);
            return written;
          }
        })(() => {});
      const leases = new Leases(slow(100), clock, 'a');
      const both = [wanted(leases.acquire('leases/one')), wanted(leases.acquire('leases/one'))];
      const holders = (): Lease[] => both.flatMap(({ lease }) => (lease?.isHeld === true ? [lease] : []));
      for (let ms = 0; ms < 20_000; ms += 50) {
        await clock.advance(50);
        expect(holders().length).toBeLessThan(2);
      }
      await holders()[0]?.release();
      await clock.advance(LEASE.retryMs + 100);
      expect([holders().length, both.every(({ lease }) => lease !== undefined)]).toEqual([1, true]);
      leases.close();
    },
  );

  it('stops being waited for when the signal says so', async () => {
    const { clock, a, b } = cluster();
    await a.leases.acquire('leases/one');
    const abort = new AbortController();
    const waiting = b.leases.acquire('leases/one', { signal: abort.signal });
    await clock.settle();
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    a.leases.close();
    await clock.settle();
    expect(clock.pending).toBe(0);
  });
});

/** Answers late, not at all, or after a write whose answer is lost. */
class HarmedStore extends MemoryStore {
  readonly isShared = true;
  readonly #random: SeededRandom;
  readonly #clock: FakeClock;
  isCut = false;

  constructor(clock: FakeClock, random: SeededRandom) {
    super((error) => {
      throw error;
    });
    this.#clock = clock;
    this.#random = random;
  }

  override create(key: string, value: Json): Promise<Written> {
    return this.#harmed(() => super.create(key, value));
  }

  override update(key: string, value: Json, revision: number): Promise<Written> {
    return this.#harmed(() => super.update(key, value, revision));
  }

  override delete(key: string, revision: number): Promise<Written> {
    return this.#harmed(() => super.delete(key, revision));
  }

  async #harmed(write: () => Promise<Written>): Promise<Written> {
    const wait = (ms: number): Promise<void> => new Promise((resolve) => this.#clock.schedule(ms, resolve));
    const dice = this.#random.below(100);
    if (dice < 40) await wait(this.#random.below(dice < 4 ? 30_000 : 900));
    if (this.#random.below(100) < 12) throw new Error('not written');
    const written = await write();
    if (dice > 60) await wait(this.#random.below(dice > 95 ? 30_000 : 900));
    if (this.#random.below(100) < 12) throw new Error('the answer was lost');
    return written;
  }
}

describe('leases under pauses, late and lost answers, and races', () => {
  it.each(Array.from({ length: 25 }, (_, i) => i + 1))('never have two holders at once, seed %d', async (seed) => {
    const random = new SeededRandom(seed);
    const clock = new FakeClock();
    const store = new HarmedStore(clock, random);
    const holders = ['a', 'b', 'c'].map((owner) => {
      const own = new InstanceClock(clock);
      return { owner, clock: own, leases: new Leases(store, own, owner), lease: undefined as Lease | undefined };
    });
    const taken: number[] = [];
    const want = (holder: (typeof holders)[number]): void => {
      const again = (): void => want(holder);
      holder.leases.acquire('leases/one').then(
        (lease) => {
          // Looked at when it is had, with all clocks where they are.
          const others = holders.filter((other) => other !== holder && other.lease?.isHeld === true);
          if (lease.isHeld && others.length > 0) throw new Error(`${holder.owner} and ${others[0]?.owner} hold it`);
          if (lease.isHeld) taken.push(lease.fence);
          holder.lease = lease;
          const look = (): void => {
            if (!lease.isHeld) again();
            else holder.clock.schedule(500, look);
          };
          look();
          if (random.below(3) === 0)
            holder.clock.schedule(random.below(20_000), () => void lease.release().catch(() => {}));
        },
        () => holder.clock.schedule(500, again),
      );
    };
    for (const holder of holders) want(holder);
    for (let step = 0; step < 240; step += 1) {
      const holder = holders[random.below(holders.length)] as (typeof holders)[number];
      const dice = random.below(10);
      if (dice < 3) holder.clock.pause();
      else if (dice < 8) holder.clock.resume();
      await clock.advance(random.below(12_000));
    }
    expect(taken.length).toBeGreaterThan(1);
    expect(taken).toEqual([...taken].sort((one, other) => one - other));
  });
});

describe('records that are observed', () => {
  it('are what is there, and overdue by the own clock alone', async () => {
    const { clock, store } = cluster();
    await store.create('x/old', { owner: 'a', leaseMs: 10_000, beat: 0 });
    await store.create('x/plain', 1);
    const changes: unknown[] = [];
    const records = new ObservedRecords(store, clock, 'x/', (now, before) => changes.push([now?.key, before?.key]));
    await clock.advance(10_000 + marginMs - 1);
    expect(records.overdue()).toEqual([]);
    await clock.advance(1);
    expect(records.overdue().map(({ key }) => key)).toEqual(['x/old']);
    await store.update('x/old', { owner: 'a', leaseMs: 10_000, beat: 1 }, 1);
    expect(records.overdue()).toEqual([]);
    await store.delete('x/old', 3);
    expect([...records.all()].map(({ key }) => key)).toEqual(['x/plain']);
    expect(changes).toEqual([
      ['x/old', undefined],
      ['x/plain', undefined],
      ['x/old', 'x/old'],
      [undefined, 'x/old'],
    ]);
    records.close();
  });
});
