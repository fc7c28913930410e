import { describe, expect, it } from '@jest/globals';
import { Container, inject, injectable, multiInject, named, optional, tagged } from 'inversify';
import { type App, createApp, service } from '@muster/core';
import { FakeClock } from '@muster/core/testing';

/** Needs of every node of an app, by id. */
function needsOf(app: App): Record<string, readonly string[]> {
  return Object.fromEntries(
    app
      .graph()
      .toJSON()
      .nodes.map((node) => [node.id, node.needs]),
  );
}

function problemsOf(container: Container): string[] {
  return createApp({ container })
    .graph()
    .toJSON()
    .problems.map(({ code, message }) => `${code}: ${message}`);
}

/** A container that somebody wrote long before Muster, with about everything that Inversify has. */
function legacy(journal: string[]) {
  abstract class Noting {
    start(): void {
      journal.push(`start ${this.constructor.name}`);
    }
    stop(): void {
      journal.push(`stop ${this.constructor.name}`);
    }
  }
  @injectable()
  class Pool extends Noting {
    constructor(@inject('config') readonly config: { url: string }) {
      super();
    }
  }
  @injectable()
  class Primary extends Noting {
    constructor(@inject(Pool) readonly pool: Pool) {
      super();
    }
  }
  @injectable()
  class Replica extends Noting {
    @inject(Pool) readonly pool!: Pool;
  }
  @injectable()
  class MailPlugin extends Noting {}
  @injectable()
  class PushPlugin extends Noting {
    constructor(@inject('repository') @named('replica') readonly replica: Replica) {
      super();
    }
  }
  @injectable()
  class Plugins extends Noting {
    constructor(
      @multiInject('plugin') readonly plugins: object[],
      @inject('metrics') @optional() readonly metrics: object | undefined,
      @inject('region') @tagged('near', true) readonly region: string,
    ) {
      super();
    }
  }
  @injectable()
  class Api extends Noting {
    constructor(
      @inject('repository') @named('primary') readonly primary: Primary,
      @inject('alias') readonly plugins: Plugins,
      @inject('client') readonly client: { pool: Pool },
      @inject('report') readonly report: string,
    ) {
      super();
    }
  }
  const container = new Container();
  container.bind('config').toConstantValue({ url: 'db://' });
  container.bind(Pool).toSelf().inSingletonScope();
  container.bind('repository').to(Primary).inSingletonScope().whenNamed('primary');
  container.bind('repository').to(Replica).inSingletonScope().whenNamed('replica');
  container.bind('plugin').to(MailPlugin).inSingletonScope();
  container.bind('plugin').to(PushPlugin).inSingletonScope();
  container.bind('region').toConstantValue('far').whenTagged('near', false);
  container.bind('region').toConstantValue('near').whenTagged('near', true);
  container.bind(Plugins).toSelf().inSingletonScope();
  container.bind('alias').toService(Plugins);
  container
    .bind('client')
    .toDynamicValue((context) => ({ pool: context.get(Pool) }))
    .inSingletonScope();
  container
    .bind('report')
    .toResolvedValue((plugins: Plugins) => `${plugins.plugins.length} plugins`, [Plugins])
    .inSingletonScope();
  container.bind(Api).toSelf().inSingletonScope();
  return { container, Api, Pool };
}

describe('a container that was written without Muster', () => {
  it('gives its graph: constructors, properties, lists, names, tags, optional ones, redirections, resolved values', () => {
    const { container } = legacy([]);
    const app = createApp({ container });
    expect(app.graph().toJSON().problems).toEqual([]);
    expect(needsOf(app)).toEqual({
      config: [],
      region: [],
      Pool: ['config'],
      Primary: ['Pool'],
      Replica: ['Pool'],
      MailPlugin: [],
      PushPlugin: ['Replica'],
      Plugins: ['MailPlugin', 'PushPlugin', 'region#2'],
      'region#2': [],
      client: [],
      report: ['Plugins'],
      Api: ['Plugins', 'Primary', 'client', 'report'],
    });
  });

  it('starts and stops what it has along these edges, and sees what a dynamic value asks for while it is made', async () => {
    const journal: string[] = [];
    const { container, Api, Pool } = legacy(journal);
    const app = createApp({ container, clock: new FakeClock() });
    await app.start();
    const started = journal.filter((line) => line.startsWith('start')).map((line) => line.slice(6));
    expect(started.sort()).toEqual(['Api', 'MailPlugin', 'Plugins', 'Pool', 'Primary', 'PushPlugin', 'Replica']);
    expect(journal.indexOf('start Pool')).toBeLessThan(journal.indexOf('start Replica'));
    expect(journal.indexOf('start PushPlugin')).toBeLessThan(journal.indexOf('start Plugins'));
    const api = app.get(Api);
    expect([api.report, api.client.pool]).toEqual(['2 plugins', app.get(Pool)]);
    const observed = app
      .graph()
      .toJSON()
      .edges.filter((edge) => edge.source === 'observed');
    expect(observed).toMatchObject([{ from: 'client', to: 'Pool' }]);
    await app.stop();
    expect(journal.indexOf('stop Api')).toBeLessThan(journal.indexOf('stop Plugins'));
    expect(journal.at(-1)).toBe('stop Pool');
  });

  it('holds back what depends on a dynamic value until what that asked for is healthy', async () => {
    const clock = new FakeClock();
    const journal: string[] = [];
    @injectable()
    class Slow {
      start(): Promise<void> {
        return new Promise((resolve) => clock.schedule(100, () => (journal.push('Slow is up'), resolve())));
      }
    }
    @injectable()
    class User {
      constructor(@inject('made') readonly made: object) {}
      start(): void {
        journal.push('User starts');
      }
    }
    const container = new Container();
    container.bind(Slow).toSelf().inSingletonScope();
    // The function closes over the container instead of asking its context: seen all the same.
    container
      .bind('made')
      .toDynamicValue(() => ({ slow: container.get(Slow) }))
      .inSingletonScope();
    container.bind(User).toSelf().inSingletonScope();
    const app = createApp({ container, clock });
    const starting = app.start();
    await clock.advance(100);
    await starting;
    expect(journal).toEqual(['Slow is up', 'User starts']);
    await app.stop();
  });

  it('is joined by services of Muster, and each may depend on the other', async () => {
    @injectable()
    class Old {}
    @service({ dependsOn: [Old] })
    class Young {
      constructor(readonly old: Old) {}
    }
    const container = new Container();
    container.bind(Old).toSelf().inSingletonScope();
    await using app = createApp({ container, services: [Young] });
    await app.start();
    expect(app.get(Young).old).toBe(app.get(Old));
  });

  it.each([
    ['undefined', () => undefined, 'undefined'],
    ['a promise', () => Promise.resolve({}), 'a promise'],
  ])('is refused when a binding yields %s, naming it', async (_, make, got) => {
    @injectable()
    class User {
      constructor(@inject('pool') readonly pool: object) {}
    }
    const container = new Container();
    container
      .bind('pool')
      .toDynamicValue(make as () => object)
      .inSingletonScope();
    container.bind(User).toSelf().inSingletonScope();
    const failure = await createApp({ container })
      .start()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'BOOT_FAILED',
      cause: { code: 'BINDING_INVALID', details: { key: 'pool', got } },
    });
  });

  it('is refused when something with a lifecycle is not bound as a singleton', () => {
    @injectable()
    class Worker {
      start(): void {}
    }
    const container = new Container();
    container.bind(Worker).toSelf().inTransientScope();
    expect(problemsOf(container)).toEqual([
      'NOT_SINGLETON: Worker has a lifecycle and is bound in transient scope: each use would get one that nobody has started.',
    ]);
  });

  it('may bind what is made anew at each use, and what that needs counts for whoever uses it', () => {
    @injectable()
    class Base {}
    @injectable()
    class PerUse {
      constructor(@inject(Base) readonly base: Base) {}
    }
    @injectable()
    class User {
      constructor(@inject(PerUse) readonly perUse: PerUse) {}
    }
    const container = new Container();
    container.bind(Base).toSelf().inSingletonScope();
    container.bind(PerUse).toSelf().inTransientScope();
    container.bind(User).toSelf().inSingletonScope();
    const app = createApp({ container });
    expect(needsOf(app)).toEqual({ Base: [], PerUse: ['Base'], User: ['PerUse'] });
    expect(app.graph().node('PerUse')).toMatchObject({ kind: 'opaque', scope: 'transient' });
  });

  it('tells an ambiguous binding only where somebody has to choose', () => {
    const container = new Container();
    container.bind('x').toConstantValue(1);
    container.bind('x').toConstantValue(2);
    expect(problemsOf(container)).toEqual([]);
    @injectable()
    class User {
      constructor(@inject('x') readonly x: number) {}
    }
    container.bind(User).toSelf().inSingletonScope();
    expect(problemsOf(container)).toEqual([expect.stringMatching(/^DUPLICATE: x is provided 2 times/)]);
  });

  it('says what is missing, also under a name that nobody has', () => {
    @injectable()
    class User {
      constructor(
        @inject('x') @named('a') readonly a: number,
        @inject('y') @optional() readonly y: number | undefined,
      ) {}
    }
    const container = new Container();
    container.bind('x').toConstantValue(1).whenNamed('b');
    container.bind(User).toSelf().inSingletonScope();
    expect(problemsOf(container)).toEqual(['MISSING: User needs x, which nobody provides.']);
  });
});
