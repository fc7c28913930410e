import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { jsonReporter, systemClock } from '@muster/core';
import { createTestApp } from '@muster/core/testing';
import { postgres, POSTGRES_DEFAULTS, type PostgresOptions, PostgresPool, settingsOf } from '@muster/postgres';
import { PASSWORD, Server, withServer } from './server.ts';

jest.setTimeout(60_000);

const stopping = (ms = 3_000) => ({ clock: systemClock, deadline: systemClock.monotonic() + ms });
const since = (began: number): number => systemClock.monotonic() - began;

describe('the options', () => {
  it('have defaults, and a target without user and password', () => {
    const settings = settingsOf({ url: `postgres://ann:${PASSWORD}@db.example/chat?sslmode=require` });
    expect(settings).toMatchObject({ ...POSTGRES_DEFAULTS, target: 'db.example:5432/chat' });
    expect(settingsOf({ url: 'postgresql:///chat?host=/run/postgresql&port=5433' }).target).toBe(
      '/run/postgresql:5433/chat',
    );
    expect(inspect(settings, { depth: 9 }) + JSON.stringify(settings)).not.toContain(PASSWORD);
  });

  it.each<[string, PostgresOptions]>([
    ['url', { url: '' }],
    ['url', { url: `postgres//ann:${PASSWORD}@host/chat` }],
    ['url', { url: `mysql://ann:${PASSWORD}@host/chat` }],
    ['url', { url: `postgres://ann:100%${PASSWORD}@host/chat` }],
    ['url', { url: undefined as unknown as string }],
    ['maxConnections', { url: 'postgres://host/chat', maxConnections: 0 }],
    ['connectMs', { url: 'postgres://host/chat', connectMs: 1.5 }],
    ['callMs', { url: 'postgres://host/chat', callMs: Number.POSITIVE_INFINITY }],
  ])('of which %s makes no sense are refused, without a word of the URL', (option, options) => {
    const error = (() => {
      try {
        return postgres(options);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({ code: 'POSTGRES_OPTION_INVALID', fatal: true, details: { option } });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(PASSWORD);
  });
});

/** Between a pool and its server; `freeze` lets no byte through any more, and closes nothing. */
async function proxyTo(port: number) {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => isFrozen || to.destroy());
      from.on('end', () => isFrozen || to.end());
      from.on('data', (bytes) => isFrozen || to.write(bytes));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      isFrozen = true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

withServer('the pool on a server', () => {
  let server: Server;
  let name: string;
  beforeAll(async () => {
    server = await Server.make();
    await server.start();
    name = await server.database();
  });
  afterAll(() => server?.remove());

  async function opened(options: Partial<PostgresOptions> = {}) {
    const pool = new PostgresPool(settingsOf({ url: server.url(name), ...options }), systemClock);
    await pool.start();
    return pool;
  }

  it.each([
    ['a wrong password', () => server.url(name, { password: 'wrong-horse-battery' }), 'password authentication failed'],
    ['an unknown user', () => server.url(name, { name: 'nobody' }), 'password authentication failed'],
    ['an unknown database', () => server.url('nowhere'), 'database "nowhere" does not exist'],
    ['TLS that the server does not offer', () => `${server.url(name)}?sslmode=verify-full`, 'does not support SSL'],
    ['no password at all', () => server.url(name, { password: '' }), 'SASL'],
  ])('is refused for good with %s, and nobody gets to see a password', async (_, url, reason) => {
    let seen = '';
    await using app = createTestApp({ services: postgres({ url: url() }) });
    app.events.on(jsonReporter({ write: (text) => (seen += text) }));
    const error: unknown = await app.start().catch((thrown: unknown) => thrown);
    expect(app.recorded.of('attempt-failed')).toMatchObject([{ attempt: 1, retryInMs: null }]);
    expect((error as { cause: { cause: unknown } }).cause.cause).toMatchObject({
      code: 'POSTGRES_REFUSED',
      fatal: true,
      details: { reason: expect.stringContaining(reason) },
    });
    seen += inspect(error, { depth: 9, showHidden: true }) + inspect(app.recorded.all, { depth: 9, showHidden: true });
    seen += String(app.graph()) + JSON.stringify(app.graph());
    expect(seen).not.toMatch(/horse-battery/);
  });

  it('waits for a server that is not there yet', async () => {
    const late = await Server.make();
    try {
      await using app = createTestApp({ services: postgres({ url: late.url('postgres') }) });
      const started = app.start();
      const failed = await app.recorded.first('attempt-failed');
      expect(failed.error.cause ?? failed.error).toMatchObject({ code: 'POSTGRES_UNREACHABLE', fatal: false });
      await late.start();
      await started;
    } finally {
      await late.remove();
    }
  });

  it('says of one that takes connections and never answers that it cannot be reached', async () => {
    await using proxy = await proxyTo(server.port);
    proxy.freeze();
    const began = systemClock.monotonic();
    await expect(opened({ url: server.url(name, { port: proxy.port }), connectMs: 200 })).rejects.toMatchObject({
      code: 'POSTGRES_UNREACHABLE',
      fatal: false,
      details: { target: `127.0.0.1:${proxy.port}/${name}`, reason: expect.stringContaining('timeout') },
    });
    expect(since(began)).toBeLessThan(1_500);
  });

  it('gives a statement up that takes too long, and what was open is rolled back', async () => {
    const pool = await opened({ callMs: 200 });
    await server.sql(name, 'create table a (b integer)');
    const began = systemClock.monotonic();
    const slow = pool.transaction(async (connection) => {
      await connection.query('insert into a values (1)');
      await connection.query('select pg_sleep(30)');
    });
    await expect(slow).rejects.toMatchObject({ code: 'POSTGRES_TIMEOUT', fatal: false, details: { timeoutMs: 200 } });
    expect(since(began)).toBeLessThan(1_200);
    expect(await server.sql(name, 'select * from a')).toEqual([]);
    await pool.stop(stopping());
  });

  it('keeps nothing of a transaction whose work fails, also when its failure was swallowed', async () => {
    const pool = await opened();
    await server.sql(name, 'create table c (d integer)');
    const thrown = new Error('of the work');
    const failing = pool.transaction(async (connection) => {
      await connection.query('insert into c values (1)');
      throw thrown;
    });
    await expect(failing).rejects.toBe(thrown);
    const swallowed = pool.transaction(async (connection) => {
      await connection.query('insert into c values (2)');
      await connection.query('nonsense').catch(() => {});
    });
    await expect(swallowed).rejects.toMatchObject({ code: 'POSTGRES_FAILED', details: { sqlState: '25P02' } });
    expect(await server.sql(name, 'select * from c')).toEqual([]);
    // Nor does it come back with the next transaction, as it would on a connection that still has it open.
    await expect(
      pool.transaction(async (connection) => {
        await connection.query('insert into c values (3)');
        throw thrown;
      }),
    ).rejects.toBe(thrown);
    await pool.transaction((connection) => connection.query('insert into c values (4)'));
    expect(await server.sql(name, 'select * from c')).toEqual([{ d: 4 }]);
    await pool.stop(stopping());
  });

  it('keeps one that wants a connection waiting for its time and not longer, and is unhealthy meanwhile', async () => {
    const pool = await opened({ maxConnections: 1, connectMs: 300 });
    const busy = pool.query((connection) => connection.query('select pg_sleep(2)'));
    await expect(pool.query((connection) => connection.query('select 1'))).rejects.toMatchObject({
      code: 'POSTGRES_UNAVAILABLE',
      fatal: false,
    });
    expect(await pool.check()).toMatchObject({ status: 'unhealthy' });
    await busy;
    expect(await pool.check()).toEqual({ status: 'healthy' });
    await pool.stop(stopping());
  });

  it('ends calls, checks and its own stop within their times when the network is dead', async () => {
    await using proxy = await proxyTo(server.port);
    const pool = await opened({ url: server.url(name, { port: proxy.port }), connectMs: 1_000, callMs: 400 });
    // One for the call, one for the check, and one that is idle until the stop.
    await Promise.all([1, 2, 3].map(() => pool.query((connection) => connection.query('select pg_sleep(0.05)'))));
    expect(await pool.check()).toEqual({ status: 'healthy' });
    proxy.freeze();
    const began = systemClock.monotonic();
    const [call, check] = await Promise.all([
      pool.query((connection) => connection.query('select 1')).catch((error: unknown) => error),
      pool.check(),
    ]);
    expect(call).toMatchObject({ code: 'POSTGRES_TIMEOUT', fatal: false });
    expect(check).toMatchObject({ status: 'unhealthy' });
    expect(since(began)).toBeLessThan(2_500);
    const stopped = systemClock.monotonic();
    const hanging = pool.query((connection) => connection.query('select 1')).catch((error: unknown) => error);
    await pool.stop(stopping(1_000));
    expect(since(stopped)).toBeLessThan(1_000);
    expect(await hanging).toMatchObject({ code: expect.stringMatching(/^POSTGRES_(UNAVAILABLE|TIMEOUT)$/) });
  });

  it('lets calls end that are under way when it is stopped, and takes no more', async () => {
    const pool = await opened();
    const running = pool.query((connection) => connection.query('select pg_sleep(0.3)'));
    await pool.query((connection) => connection.query('select 1'));
    const stopped = pool.stop(stopping());
    await expect(pool.query((connection) => connection.query('select 1'))).rejects.toMatchObject({
      code: 'POSTGRES_CLOSED',
    });
    await running;
    await stopped;
    await pool.stop(stopping());
    expect(await server.sql(name, `select 1 from pg_stat_activity where application_name = 'muster'`)).toEqual([]);
    await pool.start();
    expect(await pool.check()).toEqual({ status: 'healthy' });
    await pool.stop(stopping());
  });
});
