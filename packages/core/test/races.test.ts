/** What happens when things happen at awkward moments: between two steps, during a stop, twice at once. */
import { describe, expect, it } from '@jest/globals';
import {
  type App,
  type AppServer,
  createApp,
  healthy,
  optional,
  type Random,
  type RunContext,
  type Service,
  service,
  sleep,
  type StartContext,
  unhealthy,
} from '@muster/core';
import { FakeClock, recordEvents } from '@muster/core/testing';
import { Container, inject, injectable } from 'inversify';
import { EngineClock } from '../src/lifecycle/engine-clock.ts';

const longest: Random = { next: () => 1, uuid: () => '' };
const phaseOf = (app: App, id: string): string => app.graph().node(id).phase;
const stopped = async (app: App, clock: FakeClock): Promise<void> => {
  const stop = app.stop();
  await clock.advance(10_000);
  await stop;
};
const serverThat = (over: Partial<AppServer>): AppServer => ({
  name: 'Server',
  dependsOn: [],
  listensAtOnce: false,
  attach() {},
  opening() {},
  listen: async () => 'nowhere',
  drain: async () => {},
  close: async () => {},
  ...over,
});

describe('an opening that fails', () => {
  it('is a failed boot also when a standstill put it off, and nothing is bound behind a closed gate', async () => {
    const clock = new FakeClock();
    let listened = false;
    let outcome = 'pending';
    @service({ health: { everyMs: 1_000, timeoutMs: 900 } })
    class Db implements Service {
      asked = 0;
      async check() {
        this.asked += 1;
        if (this.asked > 1) await sleep(clock, 500);
        return healthy;
      }
    }
    @service()
    class Slow implements Service {
      start = () => sleep(clock, 5_100);
    }
    const server = serverThat({
      opening() {
        throw new Error('bad factory');
      },
      listen: async () => ((listened = true), 'nowhere'),
    });
    const app = createApp({ services: [Db, Slow], clock, server });
    void app.start().then(
      () => (outcome = 'booted'),
      (error: { code: string }) => (outcome = error.code),
    );
    await clock.advance(3_000);
    clock.freeze(2_050);
    await clock.advance(3_000);
    expect([outcome, listened, app.gate.state]).toEqual(['BOOT_FAILED', false, 'stopped']);
  });

  it('after a loss is told, and tried again until it succeeds', async () => {
    const clock = new FakeClock();
    let fails = false;
    let ctx!: StartContext;
    @service()
    class Db implements Service {
      start(given: StartContext): void {
        ctx = given;
      }
    }
    const server = serverThat({
      opening() {
        if (fails) throw new Error('bad factory');
      },
    });
    const app = createApp({ services: [Db], clock, server });
    const recorded = recordEvents(app);
    await app.start();
    ctx.report(unhealthy('gone'));
    fails = true;
    ctx.report(healthy);
    await clock.advance(3_000);
    expect([app.gate.state, recorded.of('fault').map(({ component }) => component)[0]]).toEqual([
      'closed',
      'opening of gate main',
    ]);
    fails = false;
    await clock.advance(10_000);
    expect(app.gate.state).toBe('open');
    await app.stop();
    expect(clock.pending).toBe(0);
  });

  it.each(['opening', 'open'])('is none when the app is stopped as it moves to %s: nothing is bound', async (state) => {
    const clock = new FakeClock();
    let listened = false;
    @service()
    class Db implements Service {
      async start(): Promise<void> {}
    }
    const app = createApp({
      services: [Db],
      clock,
      server: serverThat({ listen: async () => ((listened = true), 'nowhere') }),
    });
    app.events.on((event) => {
      if (event.type === 'moved' && event.machine === 'gate' && event.to === state) void app.stop();
    });
    const outcome = await app.start().catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'ABORTED' });
    await app.stop();
    expect([listened, app.state]).toEqual([false, 'stopped']);
  });
});

describe('a recovery', () => {
  it('that is skipped in the middle begins anew when what it waited for is back', async () => {
    const clock = new FakeClock();
    const contexts: Record<string, StartContext> = {};
    let bad = false;
    @service({ restart: { delayMs: 5_000 } })
    class Pool implements Service {
      start(ctx: StartContext): void {
        contexts['pool'] = ctx;
        if (bad) throw Object.assign(new Error('bad'), { fatal: true });
      }
    }
    @service({ dependsOn: [Pool], restart: { delayMs: 1 } })
    class Cache implements Service {
      constructor(_: Pool) {}
      start(ctx: StartContext): void {
        contexts['cache'] = ctx;
      }
    }
    @service({ dependsOn: [optional(Cache)] })
    class Api {
      constructor(_: unknown) {}
    }
    const app = createApp({ services: [Pool, Cache, Api], clock, random: longest });
    await app.start();
    bad = true;
    contexts['pool']?.fail(new Error('x'));
    contexts['cache']?.fail(new Error('x'));
    await clock.advance(10_000);
    expect([phaseOf(app, 'Pool'), phaseOf(app, 'Cache')]).toEqual(['failed', 'skipped']);
    bad = false;
    app.restart('Pool');
    await clock.advance(10_000);
    expect(phaseOf(app, 'Cache')).toBe('running');
    await app.stop();
  });

  /** A service that has crashed and waits a minute at the longest; its `stop()` takes as long as it is told. */
  const crashed = async (stopMs: number) => {
    const clock = new FakeClock();
    let ctx!: StartContext;
    let isBad = true;
    let starts = 0;
    @service({ shared: true, restart: { delayMs: 30_000, capMs: 30_000 } })
    class Pool implements Service {
      start(given: StartContext): void {
        ctx = given;
        starts += 1;
        if (starts > 1 && isBad) throw new Error('no route to it');
      }
      stop = () => sleep(clock, stopMs);
    }
    const app = createApp({ services: [Pool], clock, random: longest });
    await app.start();
    ctx.fail(new Error('it is gone'));
    await clock.advance(0);
    const mended = () => void (isBad = false);
    return { app, clock, mended, starts: () => starts };
  };

  it('makes a pause before another attempt end at once', async () => {
    const { app, clock, mended, starts } = await crashed(0);
    await clock.advance(10_000);
    expect(app.graph().node('Pool')).toMatchObject({ phase: 'backoff', sinceMs: 10_000, nextAttemptInMs: 20_000 });
    expect(app.restart('Pool')).toBe(true);
    await clock.advance(0);
    // That one fails, and the next pause is a whole one.
    expect([starts(), phaseOf(app, 'Pool')]).toEqual([2, 'backoff']);
    expect(app.graph().node('Pool').nextAttemptInMs).toBe(30_000);
    mended();
    expect(app.restart('Pool')).toBe(true);
    await clock.advance(0);
    expect(app.graph().node('Pool')).toMatchObject({ phase: 'running', job: { kind: 'restart', result: 'done' } });
    expect(app.graph().node('Pool').nextAttemptInMs).toBeUndefined();
    await clock.advance(60_000);
    expect(starts()).toBe(3);
    await stopped(app, clock);
  });

  it('leaves out the pause where the last attempt is still being taken down', async () => {
    const { app, clock, mended, starts } = await crashed(2_000);
    mended();
    expect(app.restart('Pool')).toBe(true);
    await clock.advance(1_900);
    expect([starts(), phaseOf(app, 'Pool')]).toEqual([1, 'backoff']);
    await clock.advance(200);
    expect([starts(), phaseOf(app, 'Pool')]).toEqual([2, 'running']);
    await stopped(app, clock);
  });

  it('may be asked for in the very moment in which the last one ends', async () => {
    const clock = new FakeClock();
    let starts = 0;
    let ctx!: StartContext;
    @service({ restart: { when: 'never' } })
    class Cache implements Service {
      start(given: StartContext): void {
        ctx = given;
        starts += 1;
      }
    }
    @service({ dependsOn: [optional(Cache)] })
    class Api {
      constructor(_: unknown) {}
    }
    const app = createApp({ services: [Cache, Api], clock });
    await app.start();
    app.events.on((event) => {
      if (event.type === 'moved' && event.subject === 'Cache' && event.to === 'failed') app.restart('Cache');
    });
    ctx.fail(new Error('x'));
    await clock.advance(1_000);
    expect([phaseOf(app, 'Cache'), starts]).toEqual(['running', 2]);
    await app.stop();
  });

  it.each(['stop', 'restart'] as const)(
    'with onLoss %s begins again what was starting on the one that was lost',
    async (onLoss) => {
      const clock = new FakeClock();
      const journal: string[] = [];
      let ctx!: StartContext;
      @service({ restart: { delayMs: 1_000 } })
      class Db implements Service {
        generation = 0;
        start(given: StartContext): void {
          ctx = given;
          this.generation += 1;
        }
      }
      @service({ dependsOn: [{ on: Db, onLoss }] })
      class Worker implements Service {
        constructor(private readonly db: Db) {}
        async start(given: StartContext): Promise<void> {
          const { generation } = this.db;
          await sleep(clock, 3_000, given.signal);
          journal.push(`up on ${generation}`);
        }
      }
      const app = createApp({ services: [Db, Worker], clock, random: longest });
      const starting = app.start();
      await clock.advance(100);
      ctx.fail(new Error('x'));
      await clock.advance(20_000);
      await starting;
      expect(journal).toEqual(['up on 2']);
      await app.stop();
    },
  );

  it('does not wait for the body of an older generation for ever', async () => {
    const clock = new FakeClock();
    const at: number[] = [];
    let contexts: RunContext | undefined;
    @service({ restart: { delayMs: 1, capMs: 1 } })
    class Db implements Service {
      start(): void {
        at.push(clock.monotonic());
        if (at.length > 1) throw new Error('no');
      }
      run(ctx: RunContext): Promise<void> {
        contexts = ctx;
        return new Promise(() => {});
      }
    }
    const app = createApp({ services: [Db], clock, random: longest });
    await app.start();
    contexts?.fail(new Error('x'));
    await clock.advance(20_000);
    expect((at[3] as number) - (at[2] as number)).toBe(1);
    await app.stop();
  });
});

describe('a stop', () => {
  it('waits for the stop of what started too late, and calls none twice at once', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    let stops = 0;
    @service()
    class Db implements Service {
      stop(): void {
        journal.push('db stop');
      }
    }
    @service({ dependsOn: [Db], start: { timeoutMs: 100 } })
    class Worker implements Service {
      constructor(_: Db) {}
      start = () => sleep(clock, 150);
      async stop(): Promise<void> {
        stops += 1;
        if (stops === 2) await sleep(clock, 1_000);
        journal.push(`stop ${stops}`);
      }
    }
    const app = createApp({ services: [Db, Worker], clock });
    const starting = app.start().catch(() => {});
    await clock.advance(200);
    const stopping = app.stop();
    await clock.advance(3_000);
    await Promise.all([stopping, starting]);
    expect(journal).toEqual(['stop 1', 'stop 2', 'db stop']);
  });

  it('waits for the stop of a crash that is under way', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    let ctx!: StartContext;
    @service()
    class Db implements Service {
      stop(): void {
        journal.push('db stop');
      }
    }
    @service({ dependsOn: [Db] })
    class Worker implements Service {
      constructor(_: Db) {}
      start(given: StartContext): void {
        ctx = given;
      }
      async stop(): Promise<void> {
        journal.push('stop');
        await sleep(clock, 1_000);
        journal.push('stopped');
      }
    }
    const app = createApp({ services: [Db, Worker], clock });
    await app.start();
    ctx.fail(new Error('x'));
    await clock.advance(100);
    const stopping = app.stop();
    await clock.advance(3_000);
    await stopping;
    expect(journal).toEqual(['stop', 'stopped', 'db stop']);
  });

  it('calls stop() once for a start that is given up between two first checks, and leaves no timer', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    @service()
    class Worker implements Service {
      start(): void {
        journal.push('start');
      }
      check() {
        return unhealthy('not yet');
      }
      stop(): void {
        journal.push('stop');
      }
    }
    const app = createApp({ services: [Worker], clock });
    const starting = app.start().catch(() => {});
    await clock.advance(100);
    await app.stop();
    await starting;
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    expect(journal).toEqual(['start', 'stop']);
  });

  it('names what hangs in a restart that it joins, and a restart tells what stop() threw', async () => {
    const clock = new FakeClock();
    @service({ stop: { timeoutMs: 1_000 } })
    class Hanging implements Service {
      stop = () => new Promise<void>(() => {});
    }
    const hanging = createApp({ services: [Hanging], clock });
    await hanging.start();
    hanging.restart('Hanging');
    await clock.advance(500);
    const stopping = hanging.stop();
    await clock.advance(9_000);
    expect((await stopping).hung).toEqual(['Hanging']);
    @service()
    class Throwing implements Service {
      stop(): void {
        throw new Error('boom');
      }
    }
    const throwing = createApp({ services: [Throwing], clock });
    const recorded = recordEvents(throwing);
    await throwing.start();
    throwing.restart('Throwing');
    await clock.advance(500);
    expect(recorded.of('stop-failed')).toHaveLength(1);
    await throwing.stop();
  });

  it('stops services whatever the server does, and ends', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    @service()
    class Db implements Service {
      stop(): void {
        journal.push('db stop');
      }
    }
    const failing = createApp({
      services: [Db],
      clock,
      server: serverThat({ drain: () => Promise.reject(new Error('x')) }),
    });
    await failing.start();
    expect((await failing.stop()).errors).toEqual([]);
    expect([journal, failing.state]).toEqual([['db stop'], 'stopped']);
    const hanging = createApp({ clock, server: serverThat({ close: () => new Promise<void>(() => {}) }) });
    await hanging.start();
    const stopping = hanging.stop();
    await clock.advance(9_000);
    expect((await stopping).hung).toEqual(['server']);
  });
});

describe('what a service says', () => {
  it('is heard in any microtask between the end of its start and its move to running', async () => {
    for (let turns = 0; turns < 24; turns += 1) {
      const clock = new FakeClock();
      let starts = 0;
      @service()
      class Worker implements Service {
        async start(ctx: StartContext): Promise<void> {
          starts += 1;
          if (starts > 1) return;
          void (async () => {
            for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
            ctx.fail(new Error('gone'));
          })();
        }
        async check() {
          return healthy;
        }
      }
      const app = createApp({ services: [Worker], clock, random: longest });
      const recorded = recordEvents(app);
      const starting = app.start();
      await clock.advance(2_000);
      await starting;
      expect([turns, recorded.of('crashed').length + recorded.of('attempt-failed').length]).toEqual([turns, 1]);
      await app.stop();
    }
  });

  it('makes the engine ask sooner', async () => {
    const clock = new FakeClock();
    let ctx!: StartContext;
    let checks = 0;
    @service()
    class Db implements Service {
      start(given: StartContext): void {
        ctx = given;
      }
      check() {
        checks += 1;
        return healthy;
      }
    }
    const app = createApp({ services: [Db], clock });
    await app.start();
    await clock.advance(100);
    ctx.report(unhealthy('x'));
    await clock.advance(1_000);
    expect(checks).toBe(2);
    await app.stop();
  });
});

describe('a gate', () => {
  it('does not wait for the proof of what it does not rest on', async () => {
    const clock = new FakeClock();
    let db!: StartContext;
    @service()
    class Db implements Service {
      start(ctx: StartContext): void {
        db = ctx;
      }
    }
    @service({ restart: { delayMs: 1, capMs: 1 }, health: { everyMs: 60_000 } })
    class Cache implements Service {
      async run(_: RunContext): Promise<void> {
        await sleep(clock, 800);
        throw new Error('flaps');
      }
      check() {
        return healthy;
      }
    }
    @service({ dependsOn: [Db, optional(Cache)] })
    class Api {
      constructor(_: Db, __: unknown) {}
    }
    const app = createApp({ services: [Db, Cache, Api], clock, random: longest });
    await app.start();
    await clock.advance(5_000);
    db.report(unhealthy('x'));
    await clock.advance(1_000);
    db.report(healthy);
    await clock.advance(10_000);
    expect(app.gate.state).toBe('open');
    const stopping = app.stop();
    await clock.advance(9_000);
    await stopping;
  });

  it('with an option that makes no sense is a failed boot, told as any other', async () => {
    const app = createApp({ gate: { holdMs: -1 } });
    const recorded = recordEvents(app);
    await expect(app.start()).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    expect([app.state, recorded.of('boot-failed').length]).toEqual(['failed', 1]);
  });
});

describe('dynamic values that ask for each other', () => {
  it('have each its own edges', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    @service()
    class Pool implements Service {
      async start(): Promise<void> {
        await sleep(clock, 100);
        journal.push('pool up');
      }
    }
    @injectable()
    class User {
      constructor(@inject('inner') _: unknown) {}
      start(): void {
        journal.push('user up');
      }
    }
    const container = new Container({ defaultScope: 'Singleton' });
    container.bind(Pool).toSelf().inSingletonScope();
    container
      .bind('outer')
      .toDynamicValue((context) => ({ inner: context.get('inner') }))
      .inSingletonScope();
    container
      .bind('inner')
      .toDynamicValue((context) => ({ pool: context.get(Pool) }))
      .inSingletonScope();
    container.bind(User).toSelf().inSingletonScope();
    const app = createApp({ container, clock });
    const starting = app.start();
    await clock.advance(1_000);
    await starting;
    expect(journal).toEqual(['pool up', 'user up']);
    const observed = app
      .graph()
      .toJSON()
      .edges.filter(({ source }) => source === 'observed');
    expect(observed.map(({ from, to }) => `${from} → ${to}`).sort()).toEqual(['inner → Pool', 'outer → inner']);
    await app.stop();
  });
});

describe('the end of the boot budget', () => {
  it('names what is unhealthy beside what is still starting', async () => {
    const clock = new FakeClock();
    let ctx!: StartContext;
    @service()
    class Db implements Service {
      start(given: StartContext): void {
        ctx = given;
      }
    }
    @service({ dependsOn: [Db] })
    class Repository implements Service {
      constructor(_: Db) {}
      start = () => sleep(clock, 10);
    }
    @service()
    class Hung implements Service {
      start = () => new Promise<void>(() => {});
    }
    @service({ dependsOn: [Repository, Hung] })
    class Api {
      constructor(_: Repository, __: Hung) {}
    }
    const app = createApp({ services: [Db, Repository, Hung, Api], clock, boot: { budgetMs: 20_000 } });
    const starting = app.start().catch((error: unknown) => error);
    await clock.advance(5);
    ctx.report(unhealthy('gone'));
    await clock.advance(40_000);
    const { details } = (await starting) as { details: { causes: { service: string }[] } };
    expect(details.causes.map((cause) => cause.service).sort()).toEqual(['Db', 'Hung']);
  });
});

describe('the dump after a restart', () => {
  it('still says how well the boot went', async () => {
    const clock = new FakeClock();
    let ms = 100;
    @service()
    class Worker implements Service {
      start = () => sleep(clock, ms);
    }
    const app = createApp({ services: [Worker], clock });
    const starting = app.start();
    await clock.advance(200);
    await starting;
    ms = 5_000;
    app.restart('Worker');
    await clock.advance(6_000);
    expect(app.graph().toJSON()).toMatchObject({ parallelEfficiency: 1, idealMs: 100, wallMs: 100 });
    await app.stop();
  });
});

describe('EngineClock', () => {
  it('goes on with the timers of a queue when one of them throws', async () => {
    const fake = new FakeClock();
    const clock = new EngineClock(fake);
    const fired: number[] = [];
    clock.schedule(1_000, () => {
      throw new Error('not mine');
    });
    clock.schedule(1_000, () => fired.push(1));
    fake.fireNext();
    expect(() => fake.fireNext()).toThrow('not mine');
    clock.schedule(1_000, () => fired.push(2));
    await fake.advance(2_000);
    expect(fired).toEqual([1, 2]);
  });
});
