import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  type AppOptions,
  type AppServer,
  type Class,
  createApp,
  jsonReporter,
  type Reporter,
  runApp,
  type RuntimeEvent,
  service,
  type Service,
  sleep,
  type StartContext,
} from '@muster/core';
import { FakeClock, recordEvents } from '@muster/core/testing';

/** Everything of the process that somebody could listen to. */
const heard = ['SIGINT', 'SIGTERM', 'unhandledRejection', 'uncaughtException', 'beforeExit'];

function listeners(): Record<string, number> {
  const counts = [...new Set([...heard, ...process.eventNames()])].map((event) => [
    String(event),
    process.listenerCount(event as string),
  ]);
  for (const name of ['stdout', 'stderr'] as const) {
    for (const event of process[name].eventNames())
      counts.push([`${name} ${String(event)}`, process[name].listenerCount(event)]);
  }
  return Object.fromEntries(counts.filter(([, count]) => count !== 0)) as Record<string, number>;
}

/** A service that writes down what happens to it; `body` is what it does besides. */
function journalled(name: string, journal: string[], body: Partial<Service> = {}): Class {
  class Journalled implements Service {
    async start(ctx: StartContext): Promise<void> {
      journal.push(`${name} starts`);
      await body.start?.(ctx);
    }
    async run(ctx: never): Promise<void> {
      await body.run?.(ctx);
    }
    async stop(ctx: never): Promise<void> {
      journal.push(`${name} stops`);
      await body.stop?.(ctx);
    }
  }
  Object.defineProperty(Journalled, 'name', { value: name });
  return Journalled;
}

/** An app in this process as if it had one of its own: events of the process are told to what `runApp` added alone. */
function owned(options: AppOptions & { reporter?: Reporter } = {}) {
  const clock = new FakeClock();
  const codes: number[] = [];
  const statesAtExit: string[] = [];
  const added = new Map<string, Set<unknown>>();
  const before = new Map(heard.map((event) => [event, new Set<unknown>(process.listeners(event as 'SIGINT'))]));
  const app = createApp({ clock, ...options });
  const recorded = recordEvents(app);
  const reporter = options.reporter ?? (() => {});
  const exit = (code: number): void => {
    codes.push(code);
    statesAtExit.push(app.state);
  };
  const running = runApp(app, { reporter, clock, exit });
  for (const event of heard) {
    const mine = process.listeners(event as 'SIGINT').filter((each) => !before.get(event)?.has(each));
    added.set(event, new Set(mine));
  }
  const tell = async (event: string, ...args: unknown[]): Promise<void> => {
    const now = process.listeners(event as 'SIGINT').filter((each) => added.get(event)?.has(each));
    for (const listener of now) (listener as (...args: unknown[]) => void)(...args);
    await clock.settle();
  };
  const faults = (): [string, unknown][] =>
    recorded.of('fault').map(({ component, error }) => [component, (error as Error).message]);
  return {
    app,
    clock,
    codes,
    statesAtExit,
    recorded,
    running,
    tell,
    faults,
    signal: (name = 'SIGTERM') => tell(name, name),
  };
}

/** A database and what depends on it. */
function pair(journal: string[], database: Partial<Service> = {}, web: Partial<Service> = {}): Class[] {
  const Database = journalled('Database', journal, database);
  service()(Database as never);
  const Web = journalled('Web', journal, web);
  service({ dependsOn: [Database] as never })(Web as never);
  return [Web, Database];
}

const never = (): Promise<never> => new Promise(() => {});

/** A server of which nothing is left but how it closes. */
function serverThat(closes: () => Promise<void>, listens: () => Promise<string> = async () => 'nowhere'): AppServer {
  return {
    name: 'Front',
    dependsOn: [],
    listensAtOnce: false,
    attach: () => {},
    opening: () => {},
    listen: listens,
    drain: async () => {},
    close: closes,
  };
}

describe('runApp', () => {
  it('resolves when the app is up, and leaves the process alone while it runs', async () => {
    const run = owned({ services: pair([]) });
    await run.running;
    expect([run.app.state, run.codes, run.clock.pending]).toEqual(['running', [], 0]);
    await run.signal();
  });

  it.each(['SIGTERM', 'SIGINT'])('stops in reverse on %s and ends with 0', async (name) => {
    const journal: string[] = [];
    const run = owned({ services: pair(journal) });
    await run.running;
    await run.signal(name);
    expect(journal).toEqual(['Database starts', 'Web starts', 'Web stops', 'Database stops']);
    expect(run.recorded.of('stop-started')).toMatchObject([{ reason: name }]);
    expect([run.codes, run.app.state]).toEqual([[0], 'stopped']);
  });

  it('takes everything back that it added to the process, before it ends it', async () => {
    const before = listeners();
    let atExit: unknown;
    const clock = new FakeClock();
    const app = createApp({ clock });
    await runApp(app, { reporter: () => {}, clock, exit: () => (atExit = listeners()) });
    expect(listeners()).not.toEqual(before);
    await app.stop();
    await clock.settle();
    expect(atExit).toEqual(before);
    expect([listeners(), clock.pending]).toEqual([before, 0]);
    for (const event of heard) expect(event in before).toBe(false);
    const { error } = console;
    console.error = jest.fn();
    app.events.on(() => {
      throw new Error('nobody is here to be told');
    });
    app.events.emit({ type: 'progress', service: 'x', text: 'y', at: 0 });
    expect(console.error).not.toHaveBeenCalled();
    console.error = error;
  });

  it('ends the process with 0 when the app is stopped by its own code as well', async () => {
    const run = owned({ services: pair([]) });
    await run.running;
    await run.app.stop();
    await run.clock.settle();
    expect(run.codes).toEqual([0]);
  });

  it('stops what was started when nothing is left that could ever happen', async () => {
    const journal: string[] = [];
    const run = owned({ services: pair(journal) });
    await run.running;
    await run.tell('beforeExit', 0);
    expect([journal.slice(2), run.codes]).toEqual([['Web stops', 'Database stops'], [0]]);
  });
});

describe('a signal during the boot', () => {
  it.each([
    ['a start that is under way', (ctx: StartContext) => sleep(ctx.clock, 60_000, ctx.signal)],
    ['a start that hangs', never],
    [
      'a start that keeps failing',
      (): void => {
        throw new Error('no route to host');
      },
    ],
  ])('cuts %s short, stops what was started, and ends with 0', async (_, start) => {
    const journal: string[] = [];
    const run = owned({ services: pair(journal, {}, { start: start as never }) });
    await run.clock.advance(100);
    expect(run.app.state).toBe('starting');
    const codesAfterRunApp = run.running.then(() => [...run.codes]);
    await run.signal();
    expect([run.codes, run.statesAtExit]).toEqual([[0], ['stopped']]);
    expect(await codesAfterRunApp).toEqual([0]);
    expect(journal).toEqual(['Database starts', 'Web starts', 'Web stops', 'Database stops']);
  });

  it('changes nothing when the boot had failed before: that ends with 1', async () => {
    const journal: string[] = [];
    const start = (): void => {
      throw Object.assign(new Error('wrong password'), { fatal: true });
    };
    const stop = (): Promise<void> => sleep(run.clock, 500);
    const run = owned({ services: pair(journal, { stop }, { start }) });
    await run.clock.advance(100);
    expect(journal.at(-1)).toBe('Database stops');
    await run.signal();
    expect(run.codes).toEqual([]);
    await run.clock.advance(400);
    expect([run.codes, run.statesAtExit]).toEqual([[1], ['stopped']]);
    expect(run.recorded.of('boot-failed')).toMatchObject([{ error: { code: 'BOOT_FAILED' } }]);
  });
});

describe('a boot that fails', () => {
  it('ends with 1, after everything was stopped, and nothing after runApp is reached before', async () => {
    const journal: string[] = [];
    const start = (): void => {
      throw Object.assign(new Error('wrong password'), { fatal: true });
    };
    const run = owned({ services: pair(journal, {}, { start }) });
    const after = run.running.then(() => journal.push(`runApp resolves after exit(${run.codes.join()})`));
    await after;
    expect(journal.slice(2)).toEqual(['Web stops', 'Database stops', 'runApp resolves after exit(1)']);
  });

  it('is told of even where the app could not begin to boot', async () => {
    const wrong = owned({ gate: { holdMs: -1 } });
    await wrong.running;
    expect(wrong.recorded.of('boot-failed')).toMatchObject([{ error: { code: 'OPTION_INVALID' } }]);
    const stopped = owned({ gate: { holdMs: -1 } });
    await stopped.app.stop();
    await stopped.running;
    const gone = createApp({ clock: new FakeClock() });
    await gone.stop();
    const events: RuntimeEvent[] = [];
    const codes: number[] = [];
    await runApp(gone, { reporter: (event) => events.push(event), exit: (code) => codes.push(code) });
    expect(events).toMatchObject([{ type: 'boot-failed', error: { code: 'APP_STATE' } }]);
    expect([wrong.codes, stopped.codes, codes]).toEqual([[1], [1], [1]]);
  });
});

describe('a service that dies for good', () => {
  const fatal = Object.assign(new Error('the disk is gone'), { fatal: true });

  it('has the app stopped once, in order, and the process ends with 70', async () => {
    const journal: string[] = [];
    let die!: (error: Error) => void;
    const run = owned({ services: pair(journal, { run: () => new Promise((_, reject) => (die = reject)) }) });
    await run.running;
    die(fatal);
    await run.clock.settle();
    expect(journal.slice(2)).toEqual(['Database stops', 'Web stops']);
    expect([run.codes, run.recorded.of('stop-started')]).toMatchObject([
      [70],
      [{ reason: 'Database is down for good' }],
    ]);
  });

  it('ends with 70 also when something hangs or a signal comes meanwhile', async () => {
    let die!: (error: Error) => void;
    const database: Partial<Service> = { run: () => new Promise((_, reject) => (die = reject)) };
    const run = owned({ services: pair([], database, { stop: never }) });
    await run.running;
    die(fatal);
    await run.clock.settle();
    await run.signal();
    expect(run.codes).toEqual([]);
    await run.clock.advance(9_000);
    expect(run.recorded.of('stop-completed')).toMatchObject([{ hung: ['Web'] }]);
    expect(run.codes).toEqual([70]);
  });

  it('is a failed boot when the port is not bound yet', async () => {
    let die!: (error: Error) => void;
    const database: Partial<Service> = { run: () => new Promise((_, reject) => (die = reject)) };
    const run = owned({
      services: pair([], database),
      server: serverThat(
        async () => {},
        () => sleep(run.clock, 1_000).then(() => 'nowhere'),
      ),
    });
    await run.clock.advance(500);
    die(fatal);
    await run.clock.advance(500);
    expect(run.recorded.of('escalated')).toHaveLength(1);
    expect(run.codes).toEqual([1]);
  });
});

describe('a stop that does not end', () => {
  it('ends with 75 at once on a second signal, and with nothing else after that', async () => {
    const run = owned({ services: pair([], {}, { stop: never }) });
    await run.running;
    await run.signal('SIGINT');
    expect(run.codes).toEqual([]);
    await run.signal('SIGTERM');
    expect([run.codes, run.app.state]).toEqual([[75], 'stopping']);
    await run.clock.advance(20_000);
    expect([run.codes, run.app.state]).toEqual([[75], 'stopped']);
  });

  it('ends with 75 within its budget when a service hangs, and names it', async () => {
    const run = owned({ services: pair([], {}, { stop: never }), stop: { budgetMs: 2_000 } });
    await run.running;
    await run.signal();
    await run.clock.advance(1_800);
    expect(run.recorded.of('stop-completed')).toMatchObject([{ hung: ['Web'] }]);
    expect([run.codes, run.clock.pending]).toEqual([[75], 0]);
  });

  it.each([
    [9_000, {}],
    [1_000, { stop: { budgetMs: 1_000 } }],
  ])('ends with 75 within %s ms when the server hangs, and says so', async (ms, options) => {
    const run = owned({ services: pair([]), server: serverThat(never), ...options });
    await run.running;
    await run.signal();
    await run.clock.advance(ms * 0.9);
    expect([run.codes, run.recorded.of('stop-failed')]).toEqual([[], []]);
    await run.clock.advance(ms * 0.1);
    expect(run.codes).toEqual([75]);
    expect(run.recorded.of('stop-failed')).toMatchObject([
      { service: 'server', error: { code: 'STOP_TIMEOUT', details: { method: 'close' } } },
    ]);
    expect(run.recorded.of('stop-completed')).toMatchObject([{ hung: ['server'] }]);
  });

  it('ends with 75 after the budget when it was not a signal that began it, and when the stop itself fails', async () => {
    const run = owned({ server: serverThat(never) });
    await run.running;
    void run.app.stop('enough');
    await run.clock.advance(9_000);
    const failing = owned({ server: serverThat(() => Promise.reject(new Error('not mine'))) });
    await failing.running;
    await failing.signal();
    expect([run.codes, failing.codes]).toEqual([[75], [0]]);
    expect(failing.recorded.of('stop-failed')).toMatchObject([{ service: 'server', error: { message: 'not mine' } }]);
  });
});

describe('what nobody caught', () => {
  it('is told of and changes nothing where it is a rejection', async () => {
    const run = owned({ services: pair([]) });
    await run.running;
    await run.tell('unhandledRejection', new Error('forgotten'));
    expect([run.faults(), run.codes, run.app.state]).toEqual([[['unhandled rejection', 'forgotten']], [], 'running']);
    await run.signal();
    expect(run.codes).toEqual([0]);
  });

  it('is told of, has the app stopped in order, and ends with 70 where it is an exception', async () => {
    const journal: string[] = [];
    const run = owned({ services: pair(journal) });
    await run.running;
    await run.tell('uncaughtException', new Error('oh'));
    expect(journal.slice(2)).toEqual(['Web stops', 'Database stops']);
    expect([run.faults(), run.codes]).toEqual([[['uncaught exception', 'oh']], [70]]);
  });

  it('ends with 1 where it is an exception during the boot, and with 70 during the stop of a signal', async () => {
    const booting = owned({ services: pair([], { start: never }) });
    await booting.tell('uncaughtException', new Error('oh'));
    const stopping = owned({ services: pair([], { stop: () => sleep(stopping.clock, 100) }) });
    await stopping.running;
    await stopping.signal();
    await stopping.tell('uncaughtException', new Error('oh'));
    await stopping.clock.advance(100);
    expect([booting.codes, stopping.codes]).toEqual([[1], [70]]);
    expect(stopping.recorded.of('stop-started')).toHaveLength(1);
  });
});

describe('a reporter that fails', () => {
  const complaints: unknown[][] = [];
  const { error } = console;
  afterEach(() => {
    console.error = error;
    complaints.length = 0;
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no space left');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no space left'))],
  ])('and %s is told on stderr, and the app goes on as if nothing were', async (_, report) => {
    console.error = (...args: unknown[]) => complaints.push(args);
    const rejected = jest.fn();
    process.on('unhandledRejection', rejected);
    const run = owned({ services: pair([]), reporter: report as Reporter });
    await run.running;
    await run.tell('unhandledRejection', new Error('another'));
    await run.signal();
    process.off('unhandledRejection', rejected);
    expect(run.codes).toEqual([0]);
    expect(complaints).toHaveLength(run.recorded.all.length);
    expect(complaints[0]).toMatchObject(['A reporter failed:', { message: 'no space left' }]);
    expect(rejected).not.toHaveBeenCalled();
  });

  it('by writing to a pipe that nobody reads any more does not take the app along', async () => {
    const run = owned({ services: pair([]), reporter: jsonReporter({ write: () => {} }) });
    await run.running;
    for (const stream of [process.stdout, process.stderr]) {
      // Without a listener this throws.
      expect(() => stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))).not.toThrow();
    }
    expect([run.codes, run.app.state]).toEqual([[], 'running']);
    await run.signal();
  });
});
