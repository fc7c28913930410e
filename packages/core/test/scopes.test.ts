import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AppOptions,
  type Class,
  createApp,
  CurrentPrincipal,
  CurrentRun,
  CurrentSignal,
  optional,
  type Permit,
  principalOf,
  provide,
  type Ref,
  type RuntimeEvent,
  scoped,
  Scopes,
  scopeValue,
  service,
  token,
  withValue,
} from '@muster/core';
import { FakeClock } from '@muster/core/testing';

const ann = principalOf('ann');
const bob = principalOf('bob');

@service({ dependsOn: [Scopes] })
class Opener {
  constructor(readonly scopes: Scopes) {}
}

/** A running app with what a test needs of it. */
async function running(services: AppOptions['services'], options: AppOptions = {}) {
  const clock = new FakeClock();
  const app = createApp({ clock, ...options, services: [Opener, ...(services ?? [])] });
  const faults: (RuntimeEvent & { type: 'fault' })[] = [];
  app.events.on((event) => {
    if (event.type === 'fault') faults.push(event);
  });
  await app.start();
  const { scopes } = app.get(Opener);
  const permit = await app.gate.enter();
  let runs = 0;
  return {
    app,
    clock,
    faults,
    scopes,
    permit,
    run: (principal = ann, signal = new AbortController().signal) => {
      runs += 1;
      return scopes.open('run', { permit, principal, signal, run: { run: `r${runs}`, thread: 't' } });
    },
    connection: (principal = ann) =>
      scopes.open('connection', { permit, principal, signal: new AbortController().signal }),
  };
}

function problemsOf(...services: Class[]): string[] {
  return createApp({ services })
    .graph()
    .toJSON()
    .problems.map(({ code, message }) => `${code}: ${message.replaceAll(/ \([^)]*\)/g, '')}`);
}

/** Classes that note in `journal` when they are made and disposed of. */
function noting(journal: string[]) {
  return class {
    constructor(..._: unknown[]) {
      journal.push(`+${this.constructor.name}`);
    }
    dispose(): void {
      journal.push(`-${this.constructor.name}`);
    }
  };
}

describe('a scope', () => {
  it('has one instance of each class, made with all that it needs when it is first asked for', async () => {
    @service()
    class Shared {}
    @scoped('run', { dependsOn: [Shared, CurrentRun, CurrentPrincipal, CurrentSignal] })
    class Notes {
      constructor(
        readonly shared: Shared,
        readonly run: CurrentRun,
        readonly principal: CurrentPrincipal,
        readonly signal: CurrentSignal,
      ) {}
    }
    @scoped('run', { dependsOn: [Notes] })
    class Left {
      constructor(readonly notes: Notes) {}
    }
    @scoped('run', { dependsOn: [Left, Notes] })
    class Root {
      constructor(
        readonly left: Left,
        readonly notes: Notes,
      ) {}
    }
    const { app, run } = await running([Shared, Notes, Left, Root]);
    const { signal } = new AbortController();
    const one = run(ann, signal);
    const other = run(bob);
    const root = one.get(Root);
    expect(root.left.notes).toBe(root.notes);
    expect(one.get(Root)).toBe(root);
    expect(one.get(Left)).toBe(root.left);
    expect(root.notes).toMatchObject({ run: { run: 'r1', thread: 't' }, principal: { user: 'ann' } });
    expect(root.notes.signal).toBe(signal);
    // Asked for in another order, it is made once all the same.
    const left = other.get(Left);
    expect(other.get(Root).left).toBe(left);
    expect(left.notes).not.toBe(root.notes);
    expect(left.notes.shared).toBe(app.get(Shared));
    expect(left.notes.principal.user).toBe('bob');
    await app.stop();
  });

  it('lies in the scope of its user, which lives from the first to the last of theirs', async () => {
    const journal: string[] = [];
    @scoped('user', { dependsOn: [CurrentPrincipal] })
    class Profile extends noting(journal) {
      constructor(readonly principal: CurrentPrincipal) {
        super();
      }
    }
    @scoped('run', { dependsOn: [Profile] })
    class Work {
      constructor(readonly profile: Profile) {}
    }
    @scoped('connection', { dependsOn: [Profile] })
    class Socket {
      constructor(readonly profile: Profile) {}
    }
    const { app, run, connection, scopes, permit } = await running([Profile, Work, Socket]);
    const socket = connection();
    const first = run();
    const profile = first.get(Work).profile;
    expect(socket.get(Socket).profile).toBe(profile);
    expect(socket.get(Profile)).toBe(profile);
    expect(scopes.open('user', { permit, principal: ann }).get(Profile)).toBe(profile);
    expect(run(bob).get(Work).profile).not.toBe(profile);
    await app.stop();
    expect(journal.filter((entry) => entry === '-Profile')).toHaveLength(2);
    expect(first.isOpen).toBe(false);
  });

  it('ends the scope of its user with the last, and the next one begins anew', async () => {
    const journal: string[] = [];
    @scoped('user')
    class Profile extends noting(journal) {}
    @scoped('run', { dependsOn: [Profile] })
    class Work extends noting(journal) {}
    const { app, run } = await running([Profile, Work]);
    const [one, other] = [run(), run()];
    one.get(Work);
    other.get(Work);
    await one.close();
    expect(journal).toEqual(['+Profile', '+Work', '+Work', '-Work']);
    await other.close();
    expect(journal.slice(4)).toEqual(['-Work', '-Profile']);
    const third = run();
    third.get(Work);
    expect(journal.slice(6)).toEqual(['+Profile', '+Work']);
    await app.stop();
  });

  it('takes values of its own, of its kind', async () => {
    const Tenant = scopeValue<{ id: number }>('Tenant', 'run', 'connection');
    const Trace = scopeValue<string>('Trace', 'run');
    @scoped('run', { dependsOn: [Trace, Tenant] })
    class Work {
      constructor(
        readonly trace: string,
        readonly tenant: { id: number },
      ) {}
    }
    const { app, scopes, permit } = await running([Work]);
    const { signal } = new AbortController();
    const opening = { permit, principal: ann, signal, run: { run: 'r', thread: 't' } };
    const values = [withValue(Tenant, { id: 7 }), withValue(Trace, 'abc')];
    expect(scopes.open('run', { ...opening, values }).get(Work)).toMatchObject({ trace: 'abc', tenant: { id: 7 } });
    expect(() => scopes.open('run', { ...opening, values: [withValue(Tenant, { id: 7 })] })).toThrow(
      expect.objectContaining({ code: 'SCOPE_VALUE_MISSING', details: expect.objectContaining({ value: 'Trace' }) }),
    );
    // What was refused is not open.
    expect(app.graph().toJSON().scopes?.live.run).toBe(1);
    // Only for the compiler.
    const wrong = [
      // @ts-expect-error a connection has no value of Trace
      () => scopes.open('connection', { permit, principal: ann, signal, values: [withValue(Trace, 'abc')] }),
      // @ts-expect-error a run has an id
      () => scopes.open('run', { permit, principal: ann, signal }),
    ];
    expect(wrong).toHaveLength(2);
    await app.stop();
  });

  it('is asked by tokens too, gives optional dependencies, and makes anew what is bound so', async () => {
    interface Store {
      read(): number;
    }
    const Store = token<Store>('Store');
    const Absent = token<object>('Absent');
    @scoped('run', { dependsOn: [optional(Absent)] })
    class RunStore implements Store {
      constructor(readonly absent: Ref<object>) {}
      read(): number {
        return this.absent.current === undefined ? 1 : 2;
      }
    }
    @scoped('run', { dependsOn: [Store] })
    class Reader {
      constructor(readonly store: Store) {}
    }
    const { app, run } = await running([provide(Store, RunStore), Reader]);
    const scope = run();
    expect(scope.get(Reader).store).toBe(scope.get(Store));
    expect(scope.get(RunStore)).toBe(scope.get(Store));
    expect(scope.get(Store).read()).toBe(1);
    await app.stop();
  });

  it('is the only place where a scoped class can be had', async () => {
    @scoped('run')
    class Work {}
    @scoped('connection')
    class Socket {}
    @service()
    class Shared {}
    const { app, run, connection } = await running([Work, Socket, Shared]);
    const notThere = expect.objectContaining({ code: 'NOT_IN_SCOPE' });
    expect(() => app.get(Work)).toThrow(notThere);
    expect(() => run().get(Socket)).toThrow(notThere);
    expect(() => connection().get(Work)).toThrow(notThere);
    expect(() => run().get(Shared)).toThrow(notThere);
    await app.stop();
  });

  it('needs a live permit', async () => {
    const { app, scopes } = await running([]);
    const permit = { live: false } as Permit;
    expect(() => scopes.open('user', { permit, principal: ann })).toThrow(
      expect.objectContaining({ code: 'PERMIT_DEAD' }),
    );
    await app.stop();
  });
});

describe('the making of instances', () => {
  it('undoes what it has made when a constructor throws, and names the class', async () => {
    const journal: string[] = [];
    let isBroken = true;
    @scoped('run')
    class Kept extends noting(journal) {}
    @scoped('run', { dependsOn: [Kept] })
    class First extends noting(journal) {}
    @scoped('run', { dependsOn: [First] })
    class Second extends noting(journal) {}
    @scoped('run', { dependsOn: [First, Second] })
    class Broken {
      constructor(..._: unknown[]) {
        if (isBroken) throw new Error('out of order');
      }
    }
    @scoped('run', { dependsOn: [Broken] })
    class Root {
      constructor(readonly broken: Broken) {}
    }
    const { app, run } = await running([Kept, First, Second, Broken, Root]);
    const scope = run();
    const kept = scope.get(Kept);
    expect(() => scope.get(Root)).toThrow(
      expect.objectContaining({
        code: 'SCOPE_CONSTRUCT_FAILED',
        message: 'Broken could not be constructed in a scope of kind run: out of order.',
        cause: expect.objectContaining({ message: 'out of order' }),
      }),
    );
    expect(journal).toEqual(['+Kept', '+First', '+Second', '-Second', '-First']);
    expect(scope.get(Kept)).toBe(kept);
    isBroken = false;
    expect(scope.get(Root)).toBeInstanceOf(Root);
    await scope.close();
    expect(journal.slice(5)).toEqual(['+First', '+Second', '-Second', '-First', '-Kept']);
    await app.stop();
  });

  it('ends what a throw left behind before anything else of the scope', async () => {
    const journal: string[] = [];
    @scoped('run')
    class Kept extends noting(journal) {}
    @scoped('run', { dependsOn: [Kept] })
    class Slow {
      constructor(readonly kept: Kept) {}
      async [Symbol.asyncDispose](): Promise<void> {
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
        journal.push('-Slow');
      }
    }
    @scoped('run', { dependsOn: [Slow] })
    class Broken {
      constructor(readonly slow: Slow) {
        throw new Error('out of order');
      }
    }
    const { app, run } = await running([Kept, Slow, Broken]);
    const scope = run();
    scope.get(Kept);
    expect(() => scope.get(Broken)).toThrow('out of order');
    await scope.close();
    expect(journal).toEqual(['+Kept', '-Slow', '-Kept']);
    await app.stop();
  });

  it('gives a constructor nothing of the scope that it is made in', async () => {
    let reach: () => unknown = () => undefined;
    let caught: unknown;
    @scoped('run')
    class Inner {}
    @scoped('run', { dependsOn: [Inner] })
    class Greedy {
      constructor(readonly inner: Inner) {
        try {
          reach();
        } catch (error) {
          caught = error;
        }
      }
    }
    const { app, run } = await running([Inner, Greedy]);
    const scope = run();
    reach = () => scope.get(Inner);
    scope.get(Greedy);
    expect(caught).toMatchObject({ code: 'SCOPE_BUSY' });
    await app.stop();
  });

  it('gives nothing of a scope that a constructor closes, and disposes of all of it', async () => {
    const journal: string[] = [];
    let closing: Promise<void> | undefined;
    let close: () => Promise<void> = async () => {};
    @scoped('run')
    class Inner extends noting(journal) {}
    @scoped('run', { dependsOn: [Inner] })
    class Suicidal extends noting(journal) {
      constructor(readonly inner: Inner) {
        super();
        closing = close();
      }
    }
    const { app, run } = await running([Inner, Suicidal]);
    const scope = run();
    close = () => scope.close();
    expect(() => scope.get(Suicidal)).toThrow(expect.objectContaining({ code: 'SCOPE_CLOSED' }));
    await closing;
    expect(journal).toEqual(['+Inner', '+Suicidal', '-Suicidal', '-Inner']);
    await app.stop();
  });
});

describe('closing a scope', () => {
  it('disposes in reverse, awaits each, goes on after an error, and is one close however often it is called', async () => {
    const journal: string[] = [];
    @scoped('run')
    class Async {
      async [Symbol.asyncDispose](): Promise<void> {
        await Promise.resolve();
        journal.push('Async');
      }
      dispose(): void {
        journal.push('never');
      }
    }
    @scoped('run', { dependsOn: [Async] })
    class Throwing {
      constructor(readonly before: Async) {}
      [Symbol.dispose](): void {
        throw new Error('cannot');
      }
    }
    @scoped('run', { dependsOn: [Throwing] })
    class Rejecting {
      constructor(readonly before: Throwing) {}
      async dispose(): Promise<void> {
        await Promise.resolve();
        throw new Error('will not');
      }
    }
    @scoped('run', { dependsOn: [Rejecting] })
    class Field {
      constructor(readonly before: Rejecting) {}
      readonly dispose = (): void => {
        journal.push('Field');
      };
    }
    const { app, run, faults } = await running([Async, Throwing, Rejecting, Field]);
    const scope = run();
    scope.get(Field);
    const closing = scope.close();
    expect(scope.close()).toBe(closing);
    expect(scope.isOpen).toBe(false);
    expect(() => scope.get(Field)).toThrow(expect.objectContaining({ code: 'SCOPE_CLOSED' }));
    await closing;
    expect(journal).toEqual(['Field', 'Async']);
    expect(faults.map(({ correlation, error }) => [correlation, (error as Error).message])).toEqual([
      ['r1', expect.stringContaining('Rejecting could not be disposed of')],
      ['r1', expect.stringContaining('Throwing could not be disposed of')],
    ]);
    await app.stop();
  });

  it('is one close also for what is disposed of by it', async () => {
    const journal: string[] = [];
    let close: () => Promise<void> = async () => {};
    @scoped('user')
    class Profile extends noting(journal) {}
    @scoped('run', { dependsOn: [Profile] })
    class Eager {
      constructor(readonly profile: Profile) {}
      dispose(): void {
        journal.push('-Eager');
        void close();
      }
    }
    const { app, run } = await running([Profile, Eager]);
    const [scope, other] = [run(), run()];
    close = () => scope.close();
    scope.get(Eager);
    await scope.close();
    expect(journal).toEqual(['+Profile', '-Eager']);
    await other.close();
    expect(journal).toEqual(['+Profile', '-Eager', '-Profile']);
    expect(app.graph().toJSON()).not.toHaveProperty('scopes');
    await app.stop();
  });

  it('leaves what hangs after its time, names it, and goes on', async () => {
    let isDisposed = false;
    @scoped('run')
    class First {
      dispose(): void {
        isDisposed = true;
      }
    }
    @scoped('run', { dependsOn: [First] })
    class Hanging {
      constructor(readonly before: First) {}
      dispose(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const { app, run, clock, faults } = await running([First, Hanging]);
    const scope = run();
    scope.get(Hanging);
    const closing = scope.close();
    await clock.advance(4_999);
    expect(isDisposed).toBe(false);
    expect(app.graph().toJSON().scopes?.live.run).toBe(1);
    await clock.advance(1);
    await closing;
    expect(isDisposed).toBe(true);
    expect(faults.map(({ error }) => error)).toEqual([
      expect.objectContaining({ code: 'DISPOSE_TIMEOUT', details: { class: 'Hanging', timeoutMs: 5_000 } }),
    ]);
    await app.stop();
  });

  it('happens to all that are open when the app stops, before services are stopped', async () => {
    const journal: string[] = [];
    @service()
    class Database {
      stop(): void {
        journal.push('stop');
      }
    }
    @scoped('run', { dependsOn: [Database] })
    class Transaction {
      constructor(readonly database: Database) {}
      async dispose(): Promise<void> {
        await Promise.resolve();
        journal.push('dispose');
      }
    }
    const { app, run } = await running([Database, Transaction]);
    for (let at = 0; at < 3; at += 1) run().get(Transaction);
    await app.stop();
    expect(journal).toEqual(['dispose', 'dispose', 'dispose', 'stop']);
  });
});

describe('open scopes', () => {
  it('are limited for each user, with a refusal that says so', async () => {
    const { app, run, connection } = await running([], { scopes: { perUser: { run: 2 } } });
    const first = run();
    run();
    expect(() => run()).toThrow(
      expect.objectContaining({
        code: 'SCOPE_LIMIT',
        fatal: false,
        details: { kind: 'run', open: 2, limit: 2, retryAfterMs: 1_000 },
      }),
    );
    connection();
    run(bob);
    await first.close();
    run();
    await app.stop();
    expect(() => createApp({ scopes: { perUser: { run: 0 } } })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
  });

  it('are shown in the dump, the oldest first, and not when there are none', async () => {
    const { app, run, connection, clock } = await running([]);
    expect(app.graph().toJSON()).not.toHaveProperty('scopes');
    const oldest = run();
    await clock.advance(1_500);
    const others = [connection(), run(bob)];
    expect(app.graph().toJSON().scopes).toEqual({
      live: { user: 2, run: 2, connection: 1 },
      oldest: [
        { kind: 'run', run: 'r1', ageMs: 1_500 },
        { kind: 'connection', run: null, ageMs: 0 },
        { kind: 'run', run: 'r2', ageMs: 0 },
      ],
    });
    expect(String(app.graph())).toContain(
      'scopes open: 2 of kind user, 2 of kind run, 1 of kind connection, the oldest for 1.50 s\n',
    );
    await oldest.close();
    expect(app.graph().toJSON().scopes?.oldest).toHaveLength(2);
    for (const scope of others) await scope.close();
    expect(String(app.graph())).not.toContain('scopes open');
    await app.stop();
  });
});

describe('the graph', () => {
  it('refuses what lives longer than what it holds, and what does not lie in the same scope, all at once', () => {
    @scoped('run')
    class Work {}
    @scoped('connection')
    class Socket {}
    @service({ dependsOn: [Work] })
    class Holder {
      constructor(readonly work: Work) {}
    }
    @scoped('user', { dependsOn: [Socket] })
    class Profile {
      constructor(readonly socket: Socket) {}
    }
    @scoped('run', { dependsOn: [Socket] })
    class Talker {
      constructor(readonly socket: Socket) {}
    }
    @scoped('connection', { dependsOn: [Work] })
    class Waiter {
      constructor(readonly work: Work) {}
    }
    @service({ dependsOn: [CurrentPrincipal] })
    class Nosy {
      constructor(readonly principal: CurrentPrincipal) {}
    }
    @scoped('run', { dependsOn: [optional(Work)] })
    class Hoping {
      constructor(readonly work: Ref<Work>) {}
    }
    // @ts-expect-error a connection has no value of CurrentRun
    @scoped('connection', { dependsOn: [CurrentRun] })
    class Confused {
      constructor(readonly run: CurrentRun) {}
    }
    expect(problemsOf(Work, Socket, Holder, Profile, Talker, Waiter, Nosy, Hoping, Confused)).toEqual([
      'CAPTIVE: Holder holds Work, of which there is one per run; it would keep the first one for ever.',
      'CAPTIVE: Profile lives as long as its user and holds Socket, of which there is one per connection; it would keep the first one for ever.',
      'OUT_OF_SCOPE: Confused is scoped to a connection and needs CurrentRun, which has a value in scopes of kind run only.',
      'OUT_OF_SCOPE: Hoping wants Work as optional or after it, and what is scoped has no life that could be waited for or lost.',
      'OUT_OF_SCOPE: Nosy is not scoped and needs CurrentPrincipal, which has a value in scopes of kind user, run, connection only.',
      'OUT_OF_SCOPE: Talker is scoped to a run and needs Socket, which is scoped to a connection; neither lies inside the other.',
      'OUT_OF_SCOPE: Waiter is scoped to a connection and needs Work, which is scoped to a run; neither lies inside the other.',
    ]);
  });

  it('names both sites of a captive scope', () => {
    @scoped('run')
    class Work {}
    @service({ dependsOn: [Work] })
    class Holder {
      constructor(readonly work: Work) {}
    }
    const [problem] = createApp({ services: [Work, Holder] })
      .graph()
      .toJSON().problems;
    expect(problem?.message).toMatch(/Holder \(.*scopes\.test\.ts:\d+\) holds Work \(.*scopes\.test\.ts:\d+\)/);
  });

  it('compares dependsOn with the constructor', () => {
    @scoped('user')
    class Profile {
      readonly profile = true;
    }
    // @ts-expect-error nothing is declared for the constructor's parameter
    @scoped('run')
    class Work {
      constructor(readonly profile: Profile) {}
    }
    expect(Work.length).toBe(1);
  });
});

describe('any scoped graph', () => {
  /** For each class whether it is the user's, what it needs of those before it, and whether it throws and disposes slowly. */
  const shapes = fc.array(
    fc.record({
      isUsers: fc.boolean(),
      needs: fc.array(fc.nat(), { maxLength: 6 }),
      slow: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  );

  it('makes each instance once and after all that it needs, undoes a throw, and disposes in reverse', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        async (rows, asked, breaking) => {
          const journal: Note[] = [];
          let broken = breaking === undefined ? undefined : breaking % rows.length;
          const classes: Class[] = [];
          rows.forEach(({ isUsers, needs, slow }, at) => {
            const needed = [...new Set(needs.map((need) => need % Math.max(1, at)))].filter(
              (need) => need < at && (!isUsers || (rows[need] as { isUsers: boolean }).isUsers),
            );
            const name = `C${at}`;
            const made = {
              [name]: class {
                constructor(...given: object[]) {
                  if (at === broken) throw new Error(`${name} is broken`);
                  expect(given.map((each) => each.constructor)).toEqual(needed.map((need) => classes[need]));
                  journal.push({ what: 'made', instance: this, given });
                }
                async dispose(): Promise<void> {
                  if (slow) for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
                  journal.push({ what: 'disposed', instance: this, given: [] });
                }
              },
            }[name] as Class;
            scoped(isUsers ? 'user' : 'run', { dependsOn: needed.map((need) => classes[need] as Class) as never })(
              made,
            );
            classes.push(made);
          });
          const { app, run } = await running([...classes].reverse());
          const scope = run();
          const classOf = (ask: number): Class => classes[ask % classes.length] as Class;
          for (const ask of asked) {
            const began = journal.length;
            try {
              expect(scope.get(classOf(ask))).toBeInstanceOf(classOf(ask));
              expect(journal.slice(began).every(({ what }) => what === 'made')).toBe(true);
            } catch (error) {
              expect(error).toMatchObject({ code: 'SCOPE_CONSTRUCT_FAILED', details: { class: `C${broken}` } });
            }
          }
          broken = undefined;
          const roots = asked.map((ask) => scope.get(classOf(ask)));
          expect(asked.map((ask) => scope.get(classOf(ask)))).toEqual(roots);
          checkOnce(roots, journal);
          await scope.close();
          await app.stop();
          checkOrder(journal);
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** One event in the life of an instance. */
interface Note {
  readonly what: 'made' | 'disposed';
  readonly instance: object;
  readonly given: readonly object[];
}

/** Whatever can be reached is one instance of its class. */
function checkOnce(roots: readonly object[], journal: readonly Note[]): void {
  const givenTo = new Map(
    journal.filter(({ what }) => what === 'made').map(({ instance, given }) => [instance, given]),
  );
  const reached = new Set(roots);
  for (const instance of reached) for (const each of givenTo.get(instance) ?? []) reached.add(each);
  expect(new Set([...reached].map((each) => each.constructor)).size).toBe(reached.size);
}

/** At every point what is there has all that it was given; in the end nothing is there. */
function checkOrder(journal: readonly Note[]): void {
  const alive = new Map<object, readonly object[]>();
  for (const { what, instance, given } of journal) {
    if (what === 'made') {
      for (const each of given) expect(alive.has(each)).toBe(true);
      alive.set(instance, given);
    } else {
      expect(alive.delete(instance)).toBe(true);
      for (const others of alive.values()) expect(others.includes(instance)).toBe(false);
    }
  }
  expect(alive.size).toBe(0);
}
