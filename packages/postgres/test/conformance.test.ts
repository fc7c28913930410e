import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '@muster/core';
import { threadStoreConformance } from '@muster/core/testing';
import { type Connections, PostgresPool, PostgresThreadStore, settingsOf } from '@muster/postgres';
import { migrate } from '../src/migrate.ts';
import { MIGRATIONS } from '../src/migrations.ts';
import { connectionsTo } from './in-process.ts';
import { Server, withServer } from './server.ts';

jest.setTimeout(60_000);

const cases = [...threadStoreConformance()];
const CLEAN = 'drop table if exists muster_messages, muster_threads, muster_migrations';
const STEP = { target: 'here', callMs: 10_000 };

/** A store on tables that have just been made. */
async function fresh(connections: Connections): Promise<PostgresThreadStore> {
  await connections.query((connection) => connection.query(CLEAN));
  expect(await migrate(connections, STEP)).toHaveLength(MIGRATIONS.length);
  return new PostgresThreadStore(connections, {});
}

/** Beyond the suite: what PostgreSQL itself would refuse or change. */
async function keepsOddTexts(store: PostgresThreadStore): Promise<void> {
  const odd = [
    '\0',
    '\\0',
    '\\\\0',
    '\\ud800',
    '\ud800',
    'a\udc00\ud800b',
    '\\',
    '\u0001\u007f\ufeff\uffff',
    '',
    '😀\0😀',
  ];
  for (const text of odd) {
    const message = { id: text, role: 'user', content: text, status: 'pending', run: text, at: 1.5 } as const;
    expect(await store.open(text, { id: text, title: text, at: 0.5 })).toMatchObject({ id: text, title: text });
    expect(await store.add(text, text, [message])).toBe(true);
    expect(await store.messages(text, text)).toEqual([message]);
    expect(await store.settle(text, text, text, { status: 'success', content: `${text}.`, at: 2 })).toBe(true);
    expect(await store.list(text)).toEqual([{ id: text, title: text, createdAt: 0.5, updatedAt: 2 }]);
  }
}

describe('PostgresThreadStore on PGlite', () => {
  let database: PGlite;
  beforeAll(async () => {
    database = await PGlite.create();
  });
  afterAll(() => database.close());

  it.each(cases)('$name', (each) =>
    each.run(async () => {
      const connections = connectionsTo(database);
      return {
        threads: await fresh(connections),
        reopen: async () => {
          expect(await migrate(connections, STEP)).toEqual([]);
          return new PostgresThreadStore(connections, {});
        },
        close: async () => {},
      };
    }),
  );

  it('keeps every text of JavaScript as it is', async () => keepsOddTexts(await fresh(connectionsTo(database))));
});

withServer('PostgresThreadStore on a server', () => {
  let server: Server;
  let name: string;
  beforeAll(async () => {
    server = await Server.make();
    await server.start();
    name = await server.database();
  });
  afterAll(() => server?.remove());

  async function opened() {
    const pool = new PostgresPool(settingsOf({ url: server.url(name) }), systemClock);
    await pool.start();
    const close = () => pool.stop({ clock: systemClock, deadline: systemClock.monotonic() + 3_000 });
    return { pool, close };
  }

  it.each(cases)('$name', (each) =>
    each.run(async () => {
      let test = await opened();
      return {
        threads: await fresh(test.pool),
        reopen: async () => {
          await test.close();
          test = await opened();
          return new PostgresThreadStore(test.pool, {});
        },
        close: () => test.close(),
      };
    }),
  );

  it('keeps every text of JavaScript as it is', async () => {
    const test = await opened();
    await keepsOddTexts(await fresh(test.pool));
    await test.close();
  });
});
