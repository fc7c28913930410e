import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { createApp, systemClock } from '@muster/core';
import { createTestApp, recordEvents } from '@muster/core/testing';
import { postgres, PostgresPool, PostgresThreadStore, settingsOf } from '@muster/postgres';
import { migrate } from '../src/migrate.ts';
import { MIGRATIONS } from '../src/migrations.ts';
import { PASSWORD, Server, withServer } from './server.ts';

jest.setTimeout(60_000);

/** The versions that a database has when all was made. */
const ALL = MIGRATIONS.map((_, i) => ({ version: i + 1 }));

withServer('the migrations on a server', () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.make();
    await server.start();
  });
  afterAll(() => server?.remove());

  const made = (database: string) =>
    server.sql<{ version: number }>(database, 'select version from muster_migrations order by version');

  /** Boots against this URL and fails; the one root cause, and every text that anybody got to see. */
  async function refusal(url: string) {
    await using app = createTestApp({ services: postgres({ url }) });
    const error: unknown = await app.start().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'BOOT_FAILED' });
    expect(app.recorded.of('attempt-failed')).toMatchObject([{ attempt: 1, retryInMs: null }]);
    return (error as { cause: { cause: unknown } }).cause.cause;
  }

  it('run once when several apps start at the same time', async () => {
    const url = server.url(await server.database());
    const apps = Array.from({ length: 4 }, () => createApp({ services: postgres({ url }) }));
    const steps = apps.map(recordEvents);
    await Promise.all(apps.map((app) => app.start()));
    const makers = steps.filter((each) => each.of('progress').some(({ text }) => text.startsWith('making version 1')));
    expect(makers).toHaveLength(1);
    await Promise.all(apps.map((app) => app.stop()));
    expect(await made(new URL(url).pathname.slice(1))).toEqual(ALL);
  });

  it('make each version once and in order, also when many make several', async () => {
    const url = server.url(await server.database());
    const versions = [1, 2, 3].map((n) => ({ name: `v${n}`, statements: [`create table only_once_${n} (a integer)`] }));
    const pools = Array.from({ length: 4 }, () => new PostgresPool(settingsOf({ url }), systemClock));
    await Promise.all(pools.map((pool) => pool.start()));
    const options = { target: 'here', callMs: 10_000, migrations: versions };
    const names = await Promise.all(pools.map((pool) => migrate(pool, options)));
    expect(names.flat().sort()).toEqual(['v1', 'v2', 'v3']);
    await Promise.all(
      pools.map((pool) => pool.stop({ clock: systemClock, deadline: systemClock.monotonic() + 3_000 })),
    );
  });

  it('leave nothing of a version that fails, and go on from there', async () => {
    const name = await server.database();
    const pool = new PostgresPool(settingsOf({ url: server.url(name) }), systemClock);
    await pool.start();
    const broken = { name: 'broken', statements: ['create table half (a integer)', 'create nonsense'] };
    const options = { target: 'here', callMs: 10_000 };
    await expect(migrate(pool, { ...options, migrations: [...MIGRATIONS, broken] })).rejects.toMatchObject({
      code: 'POSTGRES_FAILED',
      details: { sqlState: '42601' },
    });
    expect(await made(name)).toEqual(ALL);
    expect(await server.sql(name, `select to_regclass('half') as half`)).toEqual([{ half: null }]);
    const mended = { name: 'mended', statements: ['create table half (a integer)'] };
    expect(await migrate(pool, { ...options, migrations: [...MIGRATIONS, mended] })).toEqual(['mended']);
    await pool.stop({ clock: systemClock, deadline: systemClock.monotonic() + 3_000 });
  });

  it('keep the first of several messages under one id that an older version has added, and let none be added any more', async () => {
    const name = await server.database();
    const pool = new PostgresPool(settingsOf({ url: server.url(name) }), systemClock);
    await pool.start();
    const options = { target: 'here', callMs: 10_000 };
    await migrate(pool, { ...options, migrations: MIGRATIONS.slice(0, 1) });
    const insert = (owner: string, id: string, number: number): Promise<unknown> =>
      server.sql(
        name,
        `insert into muster_messages values ('${owner}', 't', ${number}, '${id}', 'user', '${number}', 'success', 'r', 0)`,
      );
    for (const owner of ['ann', 'bob'])
      await server.sql(name, `insert into muster_threads values ('${owner}', 't', '', 0, 0, 9)`);
    for (const [number, id] of ['a', 'b', 'a', 'c', 'a', 'b'].entries()) await insert('ann', id, number);
    await insert('bob', 'a', 0);
    expect(await migrate(pool, options)).toEqual(MIGRATIONS.slice(1).map((migration) => migration.name));
    const store = new PostgresThreadStore(pool, {});
    const contents = async (user: string) =>
      (await store.messages(user, 't'))?.map(({ id, content }) => `${id} ${content}`);
    expect([await contents('ann'), await contents('bob')]).toEqual([['a 0', 'b 1', 'c 3'], ['a 0']]);
    await expect(insert('ann', 'a', 8)).rejects.toMatchObject({ code: '23505' });
    const more = ['c', 'd'].map(
      (id) => ({ id, role: 'user', content: 'new', status: 'pending', run: 'r', at: 1 }) as const,
    );
    expect(await store.add('ann', 't', more)).toBe(true);
    expect(await contents('ann')).toEqual(['a 0', 'b 1', 'c 3', 'd new']);
    await pool.stop({ clock: systemClock, deadline: systemClock.monotonic() + 3_000 });
  });

  it('refuse tables that are newer than the code, and change nothing', async () => {
    const name = await server.database();
    const url = server.url(name);
    const app = createApp({ services: postgres({ url }) });
    await app.start();
    await app.stop();
    await server.sql(name, `insert into muster_migrations (version, name) values (7, 'of later')`);
    expect(await refusal(url)).toMatchObject({
      code: 'POSTGRES_SCHEMA_NEWER',
      fatal: true,
      details: { target: `127.0.0.1:${server.port}/${name}`, found: 7, known: MIGRATIONS.length },
    });
    expect(await made(name)).toEqual([...ALL, { version: 7 }]);
  });

  it('refuse a database that cannot hold every text', async () => {
    const name = await server.database(`encoding 'LATIN1' locale 'C' template template0`);
    expect(await refusal(server.url(name))).toMatchObject({
      code: 'POSTGRES_UNSUITABLE',
      details: { encoding: 'LATIN1' },
    });
  });

  it('need no privilege to make tables once these are there, and say when it is missing', async () => {
    const name = await server.database();
    await server.sql(name, `create role clerk login password '${PASSWORD}'`);
    const url = server.url(name, { name: 'clerk' });
    expect(await refusal(url)).toMatchObject({
      code: 'POSTGRES_REFUSED',
      fatal: true,
      details: { reason: 'permission denied for schema public' },
    });
    const owner = createApp({ services: postgres({ url: server.url(name) }) });
    await owner.start();
    await owner.stop();
    await server.sql(name, 'grant select on muster_migrations to clerk');
    await using app = createApp({ services: postgres({ url }) });
    await app.start();
  });
});
