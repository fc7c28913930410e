import { describe, expect, it } from '@jest/globals';
import {
  BootstrapError,
  createApp,
  type Health,
  healthy,
  type Service,
  service,
  type StartContext,
  unhealthy,
} from '@muster/core';
import { FakeClock, recordEvents } from '@muster/core/testing';

/** Three services in a row and one beside them, which write down what happens to them. */
function chain(journal: string[], overrides: { thread?: Service; cache?: Service } = {}) {
  const noted = (name: string, own: Service = {}): Service => ({
    start: async (ctx) => {
      journal.push(`start ${name}`);
      await own.start?.(ctx);
    },
    stop: async (ctx) => {
      journal.push(`stop ${name}`);
      await own.stop?.(ctx);
    },
    ...(own.check ? { check: (ctx) => own.check?.(ctx) as Health } : {}),
  });
  @service()
  class Database {
    constructor() {
      Object.assign(this, noted('Database'));
    }
  }
  @service({ dependsOn: [Database] })
  class ThreadService {
    constructor(_: Database) {
      Object.assign(this, noted('ThreadService', overrides.thread));
    }
  }
  @service({ dependsOn: [ThreadService] })
  class AgentSupervisor {
    constructor(_: ThreadService) {
      Object.assign(this, noted('AgentSupervisor'));
    }
  }
  @service()
  class Cache {
    constructor() {
      Object.assign(this, noted('Cache', overrides.cache));
    }
  }
  return { services: [AgentSupervisor, Cache, ThreadService, Database], ThreadService };
}

describe('a boot', () => {
  it('starts along the edges, opens the gate, and stops in reverse', async () => {
    const journal: string[] = [];
    const app = createApp({ services: chain(journal).services, clock: new FakeClock() });
    expect(app.graph().toJSON().state).toBe('new');
    await app.start();
    expect(app.gate.state).toBe('open');
    expect(journal.filter((line) => !line.includes('Cache'))).toEqual([
      'start Database',
      'start ThreadService',
      'start AgentSupervisor',
    ]);
    journal.length = 0;
    const report = await app.stop();
    expect(journal.filter((line) => !line.includes('Cache'))).toEqual([
      'stop AgentSupervisor',
      'stop ThreadService',
      'stop Database',
    ]);
    expect(report.order).toHaveLength(4);
    expect(app.graph().toJSON()).toMatchObject({ state: 'stopped', gate: { state: 'stopped' } });
  });

  it('is as long as its critical path, which the dump names', async () => {
    const clock = new FakeClock();
    const slow = (ms: number): Service => ({
      start: (ctx) => new Promise((resolve) => ctx.clock.schedule(ms, resolve)),
    });
    const app = createApp({ services: chain([], { thread: slow(300), cache: slow(200) }).services, clock });
    const starting = app.start();
    await clock.advance(299);
    expect(app.state).toBe('starting');
    expect(app.graph().toJSON().gate).toEqual({ state: 'closed', blockedBy: ['ThreadService'] });
    await clock.advance(1);
    await starting;
    expect(app.graph().toJSON()).toMatchObject({ wallMs: 300, criticalPath: { nodes: ['ThreadService'], ms: 300 } });
    await app.stop();
  });

  it('releases dependents only when the first check is healthy', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    let well = false;
    const thread: Service = { check: () => (well ? healthy : unhealthy('warming up')) };
    const app = createApp({ services: chain(journal, { thread }).services, clock });
    const starting = app.start();
    await clock.advance(3_000);
    expect(journal).toContain('start ThreadService');
    expect(journal).not.toContain('start AgentSupervisor');
    well = true;
    await clock.advance(250);
    await starting;
    expect(journal).toContain('start AgentSupervisor');
    await app.stop();
  });

  it('repeats a failed attempt with growing pauses, also after a TypeError, stopping in between', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    const at: number[] = [];
    const thread: Service = {
      start() {
        at.push(clock.monotonic());
        if (at.length < 4) throw new TypeError('not yet');
      },
    };
    const app = createApp({ services: chain(journal, { thread }).services, clock });
    const starting = app.start();
    await clock.advance(2_000);
    await starting;
    expect(at).toEqual([0, 250, 750, 1_750]);
    expect(journal.filter((line) => line.endsWith('ThreadService'))).toEqual([
      'start ThreadService',
      'stop ThreadService',
      'start ThreadService',
      'stop ThreadService',
      'start ThreadService',
      'stop ThreadService',
      'start ThreadService',
    ]);
    await app.stop();
  });

  it('gives up an attempt that hangs, aborts its signal with a typed reason, and stops what succeeds too late', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    const contexts: StartContext[] = [];
    let finish: (() => void) | undefined;
    const thread: Service = {
      start(ctx) {
        contexts.push(ctx);
        if (contexts.length > 1) throw Object.assign(new Error('no licence'), { fatal: true });
        return new Promise<void>((resolve) => {
          finish = resolve;
        });
      },
    };
    const app = createApp({ services: chain(journal, { thread }).services, clock });
    const starting = expect(app.start()).rejects.toMatchObject({ code: 'BOOT_FAILED' });
    await clock.advance(15_000);
    expect(contexts[0]?.signal.reason).toMatchObject({
      code: 'START_TIMEOUT',
      details: { service: 'ThreadService', timeoutMs: 15_000 },
    });
    await clock.advance(250);
    await starting;
    expect(contexts).toHaveLength(2);
    finish?.();
    await clock.settle();
    expect(
      app
        .graph()
        .toJSON()
        .nodes.find((node) => node.id === 'ThreadService')?.phase,
    ).toBe('failed');
  });

  it('stops again what succeeds after its boot was given up', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    let finish!: () => void;
    const thread: Service = {
      start: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    };
    const app = createApp({ services: chain(journal, { thread }).services, clock, boot: { budgetMs: 1_000 } });
    const starting = app.start().catch(() => {});
    await clock.advance(1_000);
    await starting;
    journal.length = 0;
    finish();
    await clock.settle();
    expect(journal).toEqual(['stop ThreadService']);
  });

  it('rolls back in reverse when a required service fails for good, and names causes and victims apart', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    const thread: Service = {
      start() {
        throw Object.assign(new Error('table "threads" does not exist'), { fatal: true, hint: 'Run the migrations.' });
      },
    };
    const app = createApp({ services: chain(journal, { thread }).services, clock });
    const failure = await app.start().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'BOOT_FAILED',
      details: {
        causes: [
          {
            service: 'ThreadService',
            description: expect.stringContaining('table "threads" does not exist'),
            action: 'Run the migrations.',
          },
        ],
        skipped: ['AgentSupervisor'],
      },
    });
    expect(journal.slice(-2)).toEqual(expect.arrayContaining(['stop Database']));
    expect(journal.filter((line) => line.startsWith('stop')).sort()).toEqual([
      'stop Cache',
      'stop Database',
      'stop ThreadService',
    ]);
    expect(journal.indexOf('stop ThreadService')).toBeLessThan(journal.indexOf('stop Database'));
    const { nodes, ...dump } = app.graph().toJSON();
    expect(dump).toMatchObject({ state: 'failed', gate: { state: 'stopped' } });
    expect(nodes.map((node) => [node.id, node.phase]).sort()).toEqual([
      ['AgentSupervisor', 'skipped'],
      ['Cache', 'stopped'],
      ['Database', 'stopped'],
      ['ThreadService', 'failed'],
    ]);
    await expect(app.start()).rejects.toMatchObject({ code: 'BOOT_FAILED' });
  });

  it('ends with its budget, naming who was not up and why', async () => {
    const clock = new FakeClock();
    const thread: Service = {
      start() {
        throw new Error('connection refused');
      },
    };
    const app = createApp({ services: chain([], { thread }).services, clock, boot: { budgetMs: 5_000 } });
    const starting = expect(app.start()).rejects.toMatchObject({
      code: 'BOOT_FAILED',
      details: { causes: [{ service: 'ThreadService', description: expect.stringContaining('connection refused') }] },
    });
    await clock.advance(5_000);
    await starting;
    expect(clock.monotonic()).toBe(5_000);
  });

  it('ends with its budget also when an attempt hangs', async () => {
    const clock = new FakeClock();
    const thread: Service = { start: (ctx) => (ctx.progress('indexing 3 of 9'), new Promise(() => {})) };
    const app = createApp({ services: chain([], { thread }).services, clock, boot: { budgetMs: 2_000 } });
    const starting = app.start().catch((error: unknown) => error);
    await clock.advance(2_000);
    expect(await starting).toMatchObject({
      details: { causes: [{ service: 'ThreadService', description: expect.stringContaining('indexing 3 of 9') }] },
    });
  });

  it('is stopped in the middle by stop(), in order, and start() says why', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    const thread: Service = { start: () => new Promise(() => {}) };
    const app = createApp({ services: chain(journal, { thread }).services, clock });
    const starting = expect(app.start()).rejects.toMatchObject({ code: 'ABORTED' });
    await clock.advance(100);
    await app.stop('SIGTERM');
    await starting;
    expect(journal.indexOf('stop ThreadService')).toBeLessThan(journal.indexOf('stop Database'));
    expect(journal.filter((line) => line.includes('AgentSupervisor'))).toEqual([]);
    expect(app.state).toBe('stopped');
  });

  it('starts nothing and builds nothing when the graph is unsound, and lists every problem', async () => {
    const journal: string[] = [];
    const { services, ThreadService } = chain(journal);
    const app = createApp({ services: [...services.slice(0, 2), ThreadService, ThreadService] });
    await expect(app.start()).rejects.toMatchObject({
      code: 'GRAPH_INVALID',
      details: { problems: [{ code: 'DUPLICATE' }, { code: 'MISSING' }] },
    });
    expect(journal).toEqual([]);
    expect(String(app.graph())).toContain('✘ DUPLICATE');
  });

  it('says what it waits for after 1, 2, 5 and 10 seconds', async () => {
    const clock = new FakeClock();
    const thread: Service = { start: () => new Promise(() => {}) };
    const app = createApp({ services: chain([], { thread }).services, clock });
    const recorded = recordEvents(app);
    const starting = app.start().catch(() => {});
    await clock.advance(12_000);
    const waiting = [{ service: 'AgentSupervisor', blockedBy: ['ThreadService'] }];
    const waits = recorded.all.flatMap((event) =>
      event.type === 'waiting' ? [[event.elapsedMs, event.blockedBy, event.waiting]] : [],
    );
    expect(waits).toEqual([1_000, 2_000, 5_000, 10_000].map((ms) => [ms, ['ThreadService'], waiting]));
    await app.stop();
    await starting;
  });
});

describe('a boot with a limit', () => {
  it('starts no more services at the same time than it may, and all in the end', async () => {
    const clock = new FakeClock();
    let now = 0;
    let most = 0;
    const services = Array.from({ length: 9 }, (_, i) => {
      const made = {
        [`S${i}`]: class implements Service {
          async start(ctx: StartContext): Promise<void> {
            now += 1;
            most = Math.max(most, now);
            await new Promise<void>((resolve) => void ctx.clock.schedule(10 + i, resolve));
            now -= 1;
          }
        },
      }[`S${i}`] as new () => object;
      service()(made);
      return made;
    });
    const app = createApp({ services, clock, boot: { concurrency: 2 } });
    const starting = app.start();
    await clock.advance(1_000);
    await starting;
    expect(most).toBe(2);
    expect(
      app
        .graph()
        .toJSON()
        .nodes.every(({ phase }) => phase === 'running'),
    ).toBe(true);
    await app.stop();
    expect(() => createApp({ boot: { concurrency: 0 } })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});

describe('the error of a failed boot', () => {
  it('has the timeline of what happened and the graph as it was left, beside causes and victims', async () => {
    const clock = new FakeClock();
    let tries = 0;
    const thread: Service = {
      start() {
        tries += 1;
        throw Object.assign(new Error(tries === 1 ? 'refused' : 'no such table'), { fatal: tries > 1 });
      },
    };
    const app = createApp({ services: chain([], { thread }).services, clock });
    const starting = app.start().catch((error: unknown) => error);
    await clock.advance(250);
    const failure = (await starting) as BootstrapError;
    expect(failure).toBeInstanceOf(BootstrapError);
    expect(failure.timeline.filter((moment) => moment.service === 'ThreadService')).toEqual([
      { atMs: 0, service: 'ThreadService', what: 'starts' },
      {
        atMs: 0,
        service: 'ThreadService',
        what: expect.stringContaining('failed: start() of ThreadService failed in attempt 1: refused'),
      },
      { atMs: 250, service: 'ThreadService', what: expect.stringContaining('no such table') },
    ]);
    expect(failure.timeline).toContainEqual({ atMs: 0, service: 'Database', what: 'is up after 0 ms' });
    expect(failure.graph.toJSON()).toMatchObject({ state: 'failed' });
    expect(failure.details).toMatchObject({
      causes: [{ service: 'ThreadService', declaredAt: expect.stringMatching(/boot\.test\.ts:\d+$/) }],
    });
  });
});

describe('after the start', () => {
  it('closes the gate after three failed checks in a row, names the cause, and opens it again', async () => {
    const clock = new FakeClock();
    let well = true;
    const thread: Service = { check: () => (well ? healthy : unhealthy('replica lost')) };
    const app = createApp({ services: chain([], { thread }).services, clock });
    await app.start();
    const permit = await app.gate.enter();
    well = false;
    await clock.advance(5_000);
    expect(app.gate.state).toBe('open');
    await clock.advance(2_000);
    expect(app.gate.state).toBe('closed');
    expect(app.gate.blockedBy).toEqual(['ThreadService']);
    expect(permit.live).toBe(false);
    well = true;
    await clock.advance(5_000);
    expect(app.gate.state).toBe('open');
    await app.stop();
  });

  it.each([
    ['throws', () => Promise.reject(new Error('socket hang up'))],
    ['hangs', () => new Promise<never>(() => {})],
    ['returns something else', () => true as never],
  ])('a check that %s is a failed check', async (_, broken) => {
    const clock = new FakeClock();
    let check: NonNullable<Service['check']> = () => healthy;
    const app = createApp({ services: chain([], { thread: { check: (ctx) => check(ctx) } }).services, clock });
    await app.start();
    check = broken;
    await clock.advance(12_000);
    expect(app.gate.state).toBe('closed');
    await app.stop();
  });

  it('names what hangs in stop() and goes on with the rest within the budget', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    const thread: Service = { stop: () => new Promise(() => {}) };
    const cache: Service = {
      stop() {
        throw new Error('flush failed');
      },
    };
    const app = createApp({ services: chain(journal, { thread, cache }).services, clock });
    await app.start();
    const stopping = app.stop();
    await clock.advance(9_000);
    const report = await stopping;
    expect(report.hung).toEqual(['ThreadService']);
    expect(report.errors.map(({ service: id }) => id).sort()).toEqual(['Cache', 'ThreadService']);
    expect(journal.at(-1)).toBe('stop Database');
  });
});
