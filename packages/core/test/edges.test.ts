import { describe, expect, it } from '@jest/globals';
import {
  type App,
  type AppOptions,
  type Class,
  createApp,
  degraded,
  type DependencyTerms,
  type Health,
  healthy,
  onReady,
  optional,
  provide,
  provideValue,
  type Random,
  type Ref,
  type Service,
  service,
  type ServiceOptions,
  sleep,
  type StartContext,
  type Task,
  task,
  token,
  unhealthy,
} from '@muster/core';
import { FakeClock, recordEvents } from '@muster/core/testing';

const longest: Random = { next: () => 1, uuid: () => '' };

/** A class that writes down its starts and stops, with methods and options as the test needs them. */
function noting(
  journal: string[],
  name: string,
  methods: Partial<Service> = {},
  options: ServiceOptions & { readonly dependsOn?: readonly (Class | DependencyTerms)[] } = {},
): Class {
  const made = {
    [name]: class {
      readonly injected: unknown[];
      constructor(...injected: unknown[]) {
        this.injected = injected;
      }
      start(ctx: StartContext): void | Promise<void> {
        journal.push(`start ${name}`);
        return methods.start?.(ctx);
      }
      stop(): void {
        journal.push(`stop ${name}`);
      }
    },
  }[name] as Class;
  for (const method of ['run', 'check', 'drain'] as const) {
    if (methods[method]) Object.assign(made.prototype, { [method]: methods[method] });
  }
  service(options as ServiceOptions)(made as never);
  return made;
}

function appOf(services: AppOptions['services'], options: AppOptions = {}): { app: App; clock: FakeClock } {
  const clock = new FakeClock();
  return {
    app: createApp({ services: services ?? [], clock, random: longest, gate: { dwellMs: 0 }, ...options }),
    clock,
  };
}

function nodeOf(app: App, id: string) {
  return app.graph().node(id);
}

describe('an optional dependency', () => {
  it('does not hold the boot after its first failed attempt, degrades who wanted it, and is there when it comes', async () => {
    const journal: string[] = [];
    let fails = true;
    const Cache = noting(journal, 'Cache', {
      start: () => {
        if (fails) throw new Error('refused');
      },
    });
    const refs: Ref<object>[] = [];
    @service({ dependsOn: [optional(Cache)] })
    class Search {
      constructor(cache: Ref<object>) {
        refs.push(cache);
      }
    }
    const { app, clock } = appOf([Search, Cache]);
    const recorded = recordEvents(app);
    await app.start();
    expect([app.gate.state, refs[0]?.current]).toEqual(['open', undefined]);
    expect(nodeOf(app, 'Search')).toMatchObject({ phase: 'running', degradedBy: ['Cache'] });
    expect(nodeOf(app, 'Cache')).toMatchObject({ phase: 'backoff', essential: false });
    expect(String(app.graph())).toContain('without Cache');
    fails = false;
    await clock.advance(30_000);
    expect(refs[0]?.current).toBe(app.get(Cache));
    expect(nodeOf(app, 'Search').degradedBy).toEqual([]);
    expect(recorded.all.filter((event) => event.type === 'degraded').map((event) => event.by)).toEqual([[]]);
    await app.stop();
    expect(refs[0]?.current).toBeUndefined();
  });

  it('is waited for as long as its first attempt goes on', async () => {
    const journal: string[] = [];
    const Cache = noting(journal, 'Cache', { start: (ctx) => sleep(ctx.clock, 400, ctx.signal) });
    const Search = noting(journal, 'Search', {}, { dependsOn: [optional(Cache)] });
    const { app, clock } = appOf([Search, Cache]);
    const starting = app.start();
    await clock.advance(399);
    expect(journal).toEqual(['start Cache']);
    await clock.advance(1);
    await starting;
    expect(journal).toEqual(['start Cache', 'start Search']);
    await app.stop();
  });

  it('may be absent altogether', async () => {
    class Nobody {}
    const Search = noting([], 'Search', {}, { dependsOn: [optional(Nobody)] });
    const { app } = appOf([Search]);
    await app.start();
    expect((app.get(Search) as { injected?: Ref<unknown>[] }).injected?.[0]?.current).toBeUndefined();
    await app.stop();
  });

  it('is a value where a value stands for it', async () => {
    const Limit = token<{ n: number }>('Limit');
    const Search = noting([], 'Search', {}, { dependsOn: [optional(Limit) as never] });
    const { app } = appOf([Search, provideValue(Limit, { n: 3 })]);
    await app.start();
    expect((app.get(Search) as { injected?: Ref<unknown>[] }).injected?.[0]?.current).toEqual({ n: 3 });
    await app.stop();
  });

  it('never takes the process down, and goes on at the cap', async () => {
    const Cache = noting([], 'Cache', {
      start: () => {
        throw new Error('refused');
      },
    });
    const Search = noting([], 'Search', {}, { dependsOn: [optional(Cache)] });
    const { app, clock } = appOf([Search, Cache]);
    const recorded = recordEvents(app);
    await app.start();
    await clock.advance(600_000);
    expect([app.state, app.gate.state]).toEqual(['running', 'open']);
    const pauses = recorded.all.flatMap((event) => (event.type === 'attempt-failed' ? [event.retryInMs] : []));
    expect(pauses.length).toBeGreaterThan(15);
    expect(pauses.at(-1)).toBe(30_000);
    await app.stop();
  });

  it('takes what only it needs along: that is skipped when it failed for good, and comes when it is restarted', async () => {
    const journal: string[] = [];
    let fatal = true;
    const Pool = noting(journal, 'Pool', {
      start: () => {
        if (fatal) throw Object.assign(new Error('no licence'), { fatal: true });
      },
    });
    const Cache = noting(journal, 'Cache', {}, { dependsOn: [Pool] });
    const Search = noting(journal, 'Search', {}, { dependsOn: [optional(Cache)] });
    const { app } = appOf([Search, Cache, Pool]);
    await app.start();
    expect([nodeOf(app, 'Pool').phase, nodeOf(app, 'Cache').phase]).toEqual(['failed', 'skipped']);
    expect(app.explain('Cache')).toContain('Pool failed');
    fatal = false;
    expect(app.restart('Pool')).toBe(true);
    expect(nodeOf(app, 'Cache').phase).toBe('running');
    expect(nodeOf(app, 'Pool').job).toEqual({ kind: 'restart', cause: 'restart() was called', result: 'done' });
    await app.stop();
  });
});

describe('order alone', () => {
  it('waits until the other side has come up or failed, stops before it, and requires nothing', async () => {
    const journal: string[] = [];
    const Warm = noting(journal, 'Warm', { start: (ctx) => sleep(ctx.clock, 200, ctx.signal) });
    const After = noting(journal, 'After', {}, { after: [Warm] });
    const { app, clock } = appOf([After, Warm]);
    const starting = app.start();
    await clock.advance(199);
    expect(journal).toEqual(['start Warm']);
    await clock.advance(1);
    await starting;
    await app.stop();
    expect(journal).toEqual(['start Warm', 'start After', 'stop After', 'stop Warm']);
  });

  it('ignores what is no part of the app, and refuses a circle', async () => {
    class Elsewhere {}
    const Alone = noting([], 'Alone', {}, { after: [Elsewhere] });
    const { app } = appOf([Alone]);
    await app.start();
    await app.stop();
    class B {}
    const A = noting([], 'A', {}, { after: [B] });
    service({ after: [A] })(B);
    expect(
      createApp({ services: [A, B] })
        .graph()
        .toJSON().problems,
    ).toMatchObject([{ code: 'CYCLE' }]);
  });
});

describe('a task', () => {
  it('completes, lets those go on who wait for its end, and stays completed whatever becomes of what it needed', async () => {
    const journal: string[] = [];
    let verdict: Health = healthy;
    const Database = noting(journal, 'Database', { check: () => verdict });
    @task({ dependsOn: [Database] })
    class Migrations implements Task {
      constructor(_: object) {}
      async start(ctx: StartContext): Promise<void> {
        journal.push('migrating');
        await sleep(ctx.clock, 100, ctx.signal);
        journal.push('migrated');
      }
    }
    const Threads = noting(journal, 'Threads', {}, { dependsOn: [{ on: Migrations, until: 'completed' }] });
    const { app, clock } = appOf([Threads, Migrations, Database]);
    const starting = app.start();
    await clock.advance(100);
    await starting;
    expect(journal).toEqual(['start Database', 'migrating', 'migrated', 'start Threads']);
    expect(nodeOf(app, 'Migrations')).toMatchObject({ kind: 'task', phase: 'completed' });
    verdict = unhealthy('gone');
    await clock.advance(7_000);
    expect([app.gate.state, nodeOf(app, 'Threads').blockedBy]).toEqual(['closed', []]);
    expect(app.gate.blockedBy).toEqual(['Database']);
    await app.stop();
  });

  it('is what `completed` asks for: a service never completes, and saying so is a problem of the graph', () => {
    const Database = noting([], 'Database');
    const Threads = noting([], 'Threads', {}, { dependsOn: [{ on: Database, until: 'completed' }] });
    expect(
      createApp({ services: [Threads, Database] })
        .graph()
        .toJSON().problems,
    ).toMatchObject([{ code: 'NEVER_COMPLETES', nodes: ['Threads', 'Database'] }]);
  });
});

describe('until: started', () => {
  it('does not wait for anything but the start of the other side', async () => {
    const journal: string[] = [];
    const Index = noting(journal, 'Index', {});
    const Base = noting(journal, 'Base', { check: () => healthy });
    const Mid = noting(journal, 'Mid', {}, { dependsOn: [Base] });
    const Top = noting(journal, 'Top', {}, { dependsOn: [{ on: Mid, until: 'started', onLoss: 'ignore' }, Index] });
    const { app } = appOf([Top, Mid, Base, Index]);
    await app.start();
    expect(journal.at(-1)).toBe('start Top');
    await app.stop();
  });
});

describe('a loss', () => {
  const base = () => {
    let verdict: Health = healthy;
    const contexts: StartContext[] = [];
    const journal: string[] = [];
    const Base = noting(
      journal,
      'Base',
      { check: () => verdict, start: (ctx) => void contexts.push(ctx) },
      { restart: { delayMs: 500 } },
    );
    const say = (next: Health): void => {
      verdict = next;
      contexts.at(-1)?.report(next);
    };
    const crash = (): void => contexts.at(-1)?.fail(new Error('lost'));
    return { Base, say, crash, journal };
  };

  it.each([
    ['gate', 'closed', []],
    ['restart', 'closed', []],
    ['stop', 'closed', []],
    ['degrade', 'open', ['Base']],
    ['ignore', 'open', []],
  ] as const)('of a dependency with onLoss %s leaves the gate %s', async (onLoss, gate, degradedBy) => {
    const { Base, say, journal } = base();
    const Top = noting(journal, 'Top', {}, { dependsOn: [{ on: Base, onLoss }] });
    const { app } = appOf([Top, Base]);
    await app.start();
    say(unhealthy('slow'));
    expect([app.gate.state, nodeOf(app, 'Top').degradedBy]).toEqual([gate, degradedBy]);
    expect(journal.filter((line) => line.startsWith('stop'))).toEqual([]);
    say(healthy);
    await app.stop();
  });

  it('by a crash restarts who said so once the other side is back, in the order of the graph, and leaves the rest warm', async () => {
    const { Base, crash, journal } = base();
    const Follower = noting(journal, 'Follower', {}, { dependsOn: [{ on: Base, onLoss: 'restart' }] });
    const Second = noting(journal, 'Second', {}, { dependsOn: [{ on: Follower, onLoss: 'restart' }] });
    const Warm = noting(journal, 'Warm', {}, { dependsOn: [Base] });
    const { app, clock } = appOf([Warm, Second, Follower, Base]);
    await app.start();
    journal.length = 0;
    crash();
    await clock.settle();
    expect(journal).toEqual(['stop Base']);
    await clock.advance(500);
    expect(journal).toEqual([
      'stop Base',
      'start Base',
      'stop Follower',
      'start Follower',
      'stop Second',
      'start Second',
    ]);
    expect(app.graph().node('Second').job).toMatchObject({ kind: 'restart', cause: 'Follower was restarted' });
    await app.stop();
  });

  it('by a crash stops who said so before the other side is cleaned up, and starts it again after', async () => {
    const { Base, crash, journal } = base();
    const Bound = noting(journal, 'Bound', {}, { dependsOn: [{ on: Base, onLoss: 'stop' }] });
    const Second = noting(journal, 'Second', {}, { dependsOn: [{ on: Bound, onLoss: 'stop' }] });
    const { app, clock } = appOf([Second, Bound, Base]);
    await app.start();
    journal.length = 0;
    crash();
    await clock.settle();
    expect(journal).toEqual(['stop Second', 'stop Bound', 'stop Base']);
    await clock.advance(500);
    expect(journal.slice(3)).toEqual(['start Base', 'start Bound', 'start Second']);
    expect(app.gate.state).toBe('closed');
    // What was lost proves itself by a second good check.
    await clock.advance(1_000);
    expect(app.gate.state).toBe('open');
    await app.stop();
  });
});

describe('a shared service', () => {
  it('holds the boot as any other, and once the gate has been open only degrades, whatever happens to it', async () => {
    let verdict: Health = unhealthy('not yet');
    const contexts: StartContext[] = [];
    let fails = false;
    const Broker = noting(
      [],
      'Broker',
      {
        check: () => verdict,
        start: (ctx) => {
          contexts.push(ctx);
          if (fails) throw new Error('no route');
        },
      },
      { shared: true },
    );
    const Chat = noting([], 'Chat', {}, { dependsOn: [Broker] });
    const { app, clock } = appOf([Chat, Broker]);
    const starting = app.start();
    await clock.advance(1_000);
    expect(app.gate.state).toBe('closed');
    verdict = healthy;
    await clock.advance(250);
    await starting;
    verdict = unhealthy('partition');
    await clock.advance(8_000);
    expect([app.gate.state, nodeOf(app, 'Chat').degradedBy]).toEqual(['open', ['Broker']]);
    verdict = healthy;
    await clock.advance(3_000);
    expect(nodeOf(app, 'Chat').degradedBy).toEqual([]);
    fails = true;
    contexts.at(-1)?.fail(new Error('lost'));
    await clock.advance(900_000);
    expect([app.state, app.gate.state, nodeOf(app, 'Chat').degradedBy]).toEqual(['running', 'open', ['Broker']]);
    await app.stop();
  });
});

describe('onReady', () => {
  it('runs its hooks in their order after the first healthy check, and dependents wait for them', async () => {
    const journal: string[] = [];
    const Database = noting(journal, 'Database', {
      check: () => {
        if (!journal.includes('checked')) journal.push('checked');
        return healthy;
      },
    });
    const Threads = noting(journal, 'Threads', {}, { dependsOn: [Database] });
    const hook = (name: string) => async (instance: object, ctx: { clock: FakeClock }) => {
      expect(instance).toBeInstanceOf(Database);
      await sleep(ctx.clock, 100);
      journal.push(name);
    };
    const { app, clock } = appOf([
      Threads,
      onReady(Database, hook('migrate') as never),
      Database,
      onReady(Database, hook('seed') as never),
    ]);
    const starting = app.start();
    await clock.advance(150);
    expect(journal).toEqual(['start Database', 'checked', 'migrate']);
    await clock.advance(50);
    await starting;
    expect(journal.slice(3)).toEqual(['seed', 'start Threads']);
    expect(nodeOf(app, 'Database')).toMatchObject({ startMs: 0, checkMs: 0, hookMs: 200 });
    await app.stop();
  });

  it('fails the attempt when it throws or does not end, and names what was hooked when that is absent', async () => {
    const journal: string[] = [];
    const Database = noting(journal, 'Database', {}, { start: { timeoutMs: 1_000 } });
    let tries = 0;
    const { app, clock } = appOf([
      Database,
      onReady(Database, () => {
        tries += 1;
        if (tries === 1) throw new Error('no table');
        return tries === 2 ? new Promise<void>(() => {}) : undefined;
      }),
    ]);
    const recorded = recordEvents(app);
    const starting = app.start();
    await clock.advance(2_000);
    await starting;
    const errors = recorded.all.flatMap((event) => (event.type === 'attempt-failed' ? [event.error] : []));
    expect(errors).toMatchObject([
      { code: 'READY_HOOK_FAILED', details: { reason: 'no table' } },
      { code: 'READY_HOOK_FAILED', details: { reason: 'it did not end within the 1000 ms of the attempt' } },
    ]);
    expect(journal.filter((line) => line === 'stop Database')).toHaveLength(2);
    await app.stop();
    class Absent {}
    expect(
      createApp({ services: [Database, onReady(Absent, () => {})] })
        .graph()
        .toJSON().problems,
    ).toMatchObject([{ code: 'MISSING', message: 'onReady(Absent) needs Absent, which nobody provides.' }]);
  });
});

describe('a token with methods', () => {
  interface Store {
    read(): string;
    write(text: string): void;
  }
  const Store = token<Store>('Store', { methods: ['read', 'write'] });

  it('makes a provider that lacks one a problem of the graph', () => {
    @service()
    class Half {
      read(): string {
        return '';
      }
    }
    expect(
      createApp({ services: [provide(Store, Half as never)] })
        .graph()
        .toJSON().problems,
    ).toMatchObject([
      {
        code: 'CONTRACT',
        nodes: ['Half'],
        message: expect.stringMatching(/Half \(.*\) provides Store and lacks write\(\)\./),
      },
    ]);
    const [Reader] = [noting([], 'Reader', {}, { dependsOn: [Store as never] })];
    const value = provideValue(Store, { read: () => '' } as never);
    expect(
      createApp({ services: [Reader, value] })
        .graph()
        .toJSON().problems,
    ).toMatchObject([{ code: 'CONTRACT' }]);
  });

  it('accepts one that has them all, also by inheritance', async () => {
    class Base {
      read(): string {
        return 'read';
      }
    }
    @service()
    class Whole extends Base implements Store {
      write(): void {}
    }
    const { app } = appOf([provide(Store, Whole)]);
    await app.start();
    expect(app.get(Store).read()).toBe('read');
    await app.stop();
  });
});

describe('degraded', () => {
  it('counts as ready only where that was declared', async () => {
    let verdict: Health = healthy;
    const check = (): Health => verdict;
    const strict = appOf([noting([], 'Strict', { check })]);
    const easy = appOf([noting([], 'Easy', { check }, { health: { degradedIsReady: true } })]);
    await Promise.all([strict.app.start(), easy.app.start()]);
    verdict = degraded('one replica left');
    await Promise.all([strict.clock.advance(5_000), easy.clock.advance(5_000)]);
    expect([strict.app.gate.state, easy.app.gate.state]).toEqual(['closed', 'open']);
    await Promise.all([strict.app.stop(), easy.app.stop()]);
  });
});
