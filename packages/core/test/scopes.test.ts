import { describe, expect, it } from '@jest/globals';
import {
  type Class,
  createApp,
  CurrentPrincipal,
  CurrentRun,
  CurrentSignal,
  optional,
  type Permit,
  provide,
  type Ref,
  scoped,
  scopeValue,
  service,
  token,
  withValue,
} from '@muster/core';
import { Container } from 'inversify';
import { ann, bob, noting, running } from './scope-harness.ts';

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

  it('gives the same in whatever order it is asked', async () => {
    const classes = ['A', 'B', 'C', 'D', 'E', 'F'].map((name) => ({ [name]: class {} })[name] as Class);
    for (const each of classes) scoped('run')(each);
    const { app, run } = await running(classes);
    // Far more orders than there are kept plans.
    for (let order = 0; order < 720; order += 1) {
      const scope = run();
      const left = [...classes];
      for (let at = order; left.length > 0; at = Math.floor(at / left.length) + 1) {
        const [next] = left.splice(at % left.length, 1) as [Class];
        expect(scope.get(next)).toBeInstanceOf(next);
      }
      expect(new Set(classes.map((each) => scope.get(each))).size).toBe(6);
      await scope.close();
    }
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

  it('cannot be gone round by the container', async () => {
    @scoped('run')
    class Work {}
    const container = new Container({ defaultScope: 'Singleton' });
    container.bind('sly').toDynamicValue((context) => ({ work: context.get(Work) }));
    const app = createApp({ container, services: [Work] });
    await expect(app.start()).rejects.toMatchObject({
      message: expect.stringContaining('Work cannot be had from the app: it is scoped.'),
    });
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

  it('calls the field of each instance, where it is disposed of by a field', async () => {
    const journal: string[] = [];
    @scoped('run', { dependsOn: [CurrentRun] })
    class Field {
      constructor(readonly run: CurrentRun) {}
      readonly dispose = (): void => {
        journal.push(this.run.run);
      };
    }
    const { app, run } = await running([Field]);
    for (const scope of [run(), run()]) {
      scope.get(Field);
      await scope.close();
    }
    expect(journal).toEqual(['r1', 'r2']);
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

  it('does not hold up a stop for longer than its share', async () => {
    @scoped('run')
    class Hanging {
      dispose(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const { app, run, clock } = await running([Hanging], { scopes: { disposeMs: 60_000 } });
    run().get(Hanging);
    const stopping = app.stop();
    await clock.advance(9_000);
    expect(await stopping).toMatchObject({ hung: ['scopes'] });
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
