/** What stands behind the gate: made in order, once, with a verdict that everybody waits for. */
import { describe, expect, it } from '@jest/globals';
import {
  configure,
  createApp,
  type Factory,
  factory,
  type Gated,
  gated,
  type Permit,
  type PrepareContext,
  type RuntimeEvent,
  type Service,
  service,
} from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { Container } from 'inversify';

/** A promise that a test settles. */
function deferred<T = void>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

async function stopped(app: { stop(): Promise<unknown> }, clock: FakeClock): Promise<void> {
  const stopping = app.stop();
  await clock.advance(9_000);
  await stopping;
}

describe('a factory', () => {
  it('does not exist before the gate is opening, and is had with a permit afterwards', async () => {
    const made: string[] = [];
    const started = deferred();
    @factory()
    class Engines {
      constructor() {
        made.push('engines');
      }
      create(): string {
        return 'an engine';
      }
    }
    @service({ dependsOn: [gated(Engines)] })
    class Supervisor implements Service {
      readonly #engines: Gated<Engines>;
      constructor(engines: Gated<Engines>) {
        this.#engines = engines;
      }
      start(): Promise<void> {
        return started.promise;
      }
      serve(permit: Permit): string {
        return this.#engines.get(permit).create();
      }
    }
    const container = new Container({ defaultScope: 'Singleton' });
    const clock = new FakeClock();
    const app = createApp({ services: [Supervisor, Engines], container, clock });
    const starting = app.start();
    await clock.settle();
    expect([app.gate.state, made]).toEqual(['closed', []]);
    expect(() => container.get(Engines)).toThrow(/FACTORY_NOT_READY|cannot be had while it is absent/);
    started.resolve();
    await starting;
    const permit = await app.gate.enter();
    expect(app.get(Supervisor).serve(permit)).toBe('an engine');
    expect(app.get(Engines)).toBe(container.get(Engines));
    await stopped(app, clock);
    expect(() => app.graph().node('Engines')).not.toThrow();
  });

  it('is not given out for a permit of an opening that is over', async () => {
    @factory()
    class Engines {}
    @service({ dependsOn: [gated(Engines)] })
    class Supervisor {
      readonly engines: Gated<Engines>;
      constructor(engines: Gated<Engines>) {
        this.engines = engines;
      }
    }
    const clock = new FakeClock();
    const app = createApp({ services: [Supervisor, Engines], clock });
    await app.start();
    const permit = await app.gate.enter();
    const { engines } = app.get(Supervisor);
    await stopped(app, clock);
    expect(() => engines.get(permit)).toThrow(expect.objectContaining({ code: 'PERMIT_DEAD' }));
  });

  it('prepares once for all that use it; they wait for its verdict, and the gate with them', async () => {
    const steps: string[] = [];
    const models = deferred<readonly string[]>();
    @factory()
    class Models implements Factory<readonly string[]> {
      names: readonly string[] = [];
      prepare(): Promise<readonly string[]> {
        steps.push('prepare');
        return models.promise;
      }
      adopt(names: readonly string[]): void {
        steps.push('adopt');
        this.names = names;
      }
    }
    @factory({ dependsOn: [Models] })
    class Sockets {
      constructor(given: Models) {
        steps.push(`sockets see ${given.names.join(' ')}`);
      }
    }
    @factory({ dependsOn: [Models] })
    class Jobs {
      constructor(given: Models) {
        steps.push(`jobs see ${given.names.join(' ')}`);
      }
    }
    const clock = new FakeClock();
    const app = createApp({ services: [Jobs, Models, Sockets], clock });
    const starting = app.start();
    await clock.settle();
    expect([app.gate.state, app.state, steps]).toEqual(['opening', 'starting', ['prepare']]);
    expect(app.graph().node('Models').phase).toBe('initialising');
    expect(app.graph().node('Sockets').phase).toBe('absent');
    models.resolve(['small', 'large']);
    await starting;
    expect(steps).toEqual(['prepare', 'adopt', 'jobs see small large', 'sockets see small large']);
    expect(['Models', 'Jobs', 'Sockets'].map((name) => app.graph().node(name).phase)).toEqual([
      'ready',
      'ready',
      'ready',
    ]);
    expect(app.gate.state).toBe('open');
    await stopped(app, clock);
  });

  it('keeps what it has prepared when the gate closes and opens again', async () => {
    let prepared = 0;
    @factory()
    class Models {
      prepare(): void {
        prepared += 1;
      }
    }
    let fail: (error: Error) => void = () => {};
    @service()
    class Database implements Service {
      start(ctx: { fail(error: Error): void }): void {
        fail = (error) => ctx.fail(error);
      }
    }
    const clock = new FakeClock();
    const app = createApp({ services: [Models, Database], clock });
    await app.start();
    fail(new Error('gone'));
    expect(app.gate.state).toBe('closed');
    await clock.advance(10_000);
    expect([app.gate.state, prepared]).toEqual(['open', 1]);
    await stopped(app, clock);
  });

  it('fails the boot when it cannot be prepared, once and by its name; what needs it is not made', async () => {
    let sockets = 0;
    @factory()
    class Models {
      prepare(): Promise<never> {
        return Promise.reject(new Error('no such model'));
      }
    }
    @factory({ dependsOn: [Models] })
    class Sockets {
      constructor(_: Models) {
        sockets += 1;
      }
    }
    const app = createApp({ services: [Models, Sockets], clock: new FakeClock() });
    await expect(app.start()).rejects.toMatchObject({
      code: 'BOOT_FAILED',
      details: {
        causes: [{ service: 'Models', description: expect.stringContaining('Models could not be made') }],
      },
    });
    expect(sockets).toBe(0);
    expect(app.graph().node('Models')).toMatchObject({ phase: 'failed', reason: 'no such model' });
    expect(String(app.graph())).toContain('Models factory  failed  – no such model');
  });

  it('is given up when it does not end in time, and says how far it had come', async () => {
    const events: RuntimeEvent[] = [];
    @factory({ prepare: { timeoutMs: 100 } })
    class Models {
      prepare(ctx: PrepareContext): Promise<void> {
        ctx.progress('loading the large one');
        return new Promise(() => {});
      }
    }
    const clock = new FakeClock();
    const app = createApp({ services: [Models], clock });
    app.events.on((event) => void events.push(event));
    const starting = expect(app.start()).rejects.toThrow(
      'prepare() did not end within 100 ms; the last thing it said was "loading the large one"',
    );
    await clock.settle();
    expect(app.graph().node('Models').progress).toBe('loading the large one');
    await clock.advance(100);
    await starting;
    expect(events.filter(({ type }) => type === 'progress')).toMatchObject([{ service: 'Models' }]);
  });

  it('is given up when the app is stopped meanwhile', async () => {
    let signal: AbortSignal | undefined;
    @factory()
    class Models {
      prepare(ctx: PrepareContext): Promise<void> {
        ({ signal } = ctx);
        return new Promise(() => {});
      }
    }
    const clock = new FakeClock();
    const app = createApp({ services: [Models], clock });
    const starting = expect(app.start()).rejects.toMatchObject({ code: 'ABORTED' });
    await clock.settle();
    await stopped(app, clock);
    await starting;
    expect([signal?.aborted, app.state, clock.pending]).toEqual([true, 'stopped', 0]);
  });

  it('lets the gate close while it is being prepared, and is joined by the next opening', async () => {
    const models = deferred();
    let prepared = 0;
    @factory()
    class Models {
      prepare(): Promise<void> {
        prepared += 1;
        return models.promise;
      }
    }
    let report: (health: { status: 'healthy' } | { status: 'unhealthy'; reason: string }) => void = () => {};
    @service()
    class Database implements Service {
      start(ctx: { report: typeof report }): void {
        report = ctx.report;
      }
    }
    const clock = new FakeClock();
    const app = createApp({ services: [Models, Database], clock });
    const starting = app.start();
    await clock.settle();
    report({ status: 'unhealthy', reason: 'busy' });
    expect(app.gate.state).toBe('closed');
    report({ status: 'healthy' });
    expect(app.gate.state).toBe('opening');
    models.resolve();
    await starting;
    expect([app.gate.state, prepared]).toEqual(['open', 1]);
    await stopped(app, clock);
  });
});

describe('the configuration of a factory', () => {
  @factory()
  class Models {
    config: { readonly size: string } | undefined;
    prepare({ config }: PrepareContext<{ readonly size: string }>): void {
      this.config = config;
    }
  }

  it('reaches it', async () => {
    const clock = new FakeClock();
    const app = createApp({ services: [Models, configure(Models, { size: 'large' })], clock });
    await app.start();
    expect(app.get(Models).config).toEqual({ size: 'large' });
    await stopped(app, clock);
  });

  it('is refused when there are two, naming both places', async () => {
    const services = [Models, configure(Models, { size: 'large' }), configure(Models, { size: 'small' })];
    await expect(createApp({ services }).start()).rejects.toMatchObject({
      details: { problems: [{ code: 'CONFIGURED_TWICE', nodes: ['Models'] }] },
      message: expect.stringMatching(
        /Models is configured 2 times: at \S+factories\.test\.ts:\d+ and at \S+factories\.test\.ts:\d+\./,
      ),
    });
  });

  it('is refused when nobody is configured by it', async () => {
    await expect(createApp({ services: [configure(Models, { size: 'large' })] }).start()).rejects.toMatchObject({
      details: { problems: [{ code: 'MISSING', nodes: ['configure(Models)', 'Models'] }] },
    });
  });
});

describe('the graph of factories', () => {
  it('refuses a service that holds a factory, and tells how to get one', async () => {
    @factory()
    class Engines {}
    @service({ dependsOn: [Engines] })
    class Supervisor {
      constructor(_: Engines) {}
    }
    await expect(createApp({ services: [Engines, Supervisor] }).start()).rejects.toMatchObject({
      details: { problems: [{ code: 'BEHIND_GATE', hint: expect.stringContaining('gated(Engines)') }] },
    });
  });

  it('refuses gated() of what stands in front of the gate, and of what is not there', async () => {
    @service()
    class Database {}
    @factory()
    class Engines {}
    @service({ dependsOn: [gated(Database), gated(Engines)] })
    class Supervisor {
      constructor(_: Gated<Database>, __: Gated<Engines>) {}
    }
    await expect(createApp({ services: [Database, Supervisor] }).start()).rejects.toMatchObject({
      details: { problems: [{ code: 'MISSING' }, { code: 'NOT_BEHIND_GATE' }] },
    });
  });

  it('refuses a class that has two decorators, naming both places', () => {
    const declareTwice = (): unknown => {
      @factory()
      @service()
      class Twice {}
      return Twice;
    };
    expect(declareTwice).toThrow(
      /Twice is declared twice: as a service at \S+factories\.test\.ts:\d+ and as a factory at \S+factories\.test\.ts:\d+\./,
    );
  });
});
