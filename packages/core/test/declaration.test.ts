import { describe, expect, it } from '@jest/globals';
import { Container, inject, injectable } from 'inversify';
import { createApp, provide, provideValue, service, token } from '@muster/core';

interface Store {
  name(): string;
}
const Store = token<Store>('Store');

@service()
class Database {
  readonly url = 'db://';
}

@service({ dependsOn: [Database] })
class DatabaseStore implements Store {
  constructor(private readonly db: Database) {}
  name(): string {
    return this.db.url;
  }
}

const Limit = token<number>('Limit');

@service({ dependsOn: [Store, Limit] })
class Reader {
  constructor(
    readonly store: Store,
    readonly limit: number,
  ) {}
}

describe('@service', () => {
  it('is checked by the compiler against the constructor', () => {
    // @ts-expect-error the entry does not fit the parameter
    @service({ dependsOn: [Database] })
    class Wrong {
      constructor(readonly limit: number) {}
    }
    // @ts-expect-error nothing is declared for the parameter
    @service()
    class Missing {
      constructor(readonly db: Database) {}
    }
    // @ts-expect-error there is no parameter for the entry
    @service({ dependsOn: [Database] })
    class Extra {}
    // @ts-expect-error the order is wrong
    @service({ dependsOn: [Limit, Store] })
    class Swapped {
      constructor(
        readonly store: Store,
        readonly limit: number,
      ) {}
    }
    expect([Wrong, Missing, Extra, Swapped]).toHaveLength(4);
  });

  it('says at once when an entry is undefined, which an import cycle causes', () => {
    const later = undefined as unknown as typeof Database;
    expect(() => {
      @service({ dependsOn: [later] })
      class Early {
        constructor(readonly db: Database) {}
      }
      return Early;
    }).toThrow(
      expect.objectContaining({
        code: 'DEPENDENCY_UNDEFINED',
        details: expect.objectContaining({ service: 'Early', index: 0 }),
      }),
    );
  });
});

describe('createApp', () => {
  it('injects classes, tokens and values, and shows where each was declared', async () => {
    await using app = createApp({
      services: [Reader, Database, provide(Store, DatabaseStore), provideValue(Limit, 7)],
    });
    expect(() => app.get(Reader)).toThrow(
      expect.objectContaining({ code: 'APP_STATE', details: { state: 'new', wanted: 'get(Reader)' } }),
    );
    await app.start();
    expect(app.get(Reader).store.name()).toBe('db://');
    expect(app.get(Reader).limit).toBe(7);
    expect(app.get(Store)).toBe(app.get(DatabaseStore));
    const { nodes } = app.graph().toJSON();
    expect(nodes.map((node) => [node.id, node.needs, node.tokens])).toEqual([
      ['Database', [], []],
      ['Limit', [], []],
      ['DatabaseStore', ['Database'], ['Store']],
      ['Reader', ['DatabaseStore', 'Limit'], []],
    ]);
    expect(nodes[0]?.declaredAt).toMatch(/declaration\.test\.ts:\d+$/);
  });

  it('reads a container that was written without Muster', async () => {
    @injectable()
    class Clockwork {}
    @injectable()
    class Tower {
      started = false;
      constructor(@inject(Clockwork) readonly clockwork: Clockwork) {}
      start(): void {
        this.started = true;
      }
    }
    const container = new Container();
    container.bind(Clockwork).toSelf().inSingletonScope();
    container.bind('tower').to(Tower).inSingletonScope();
    await using app = createApp({ container });
    expect(
      app
        .graph()
        .toJSON()
        .nodes.map((node) => [node.id, node.needs, node.tokens]),
    ).toEqual([
      ['Clockwork', [], []],
      ['Tower', ['Clockwork'], ['tower']],
    ]);
    await app.start();
    expect(container.get<Tower>('tower').started).toBe(true);
  });
});
