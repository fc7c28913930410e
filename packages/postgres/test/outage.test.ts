import { afterAll, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import type { ThreadMessage } from '@muster/contracts';
import { sleep, systemClock } from '@muster/core';
import { startTestApp } from '@muster/core/testing';
import { postgres, PostgresPool, PostgresThreadStore } from '@muster/postgres';
import { Server, withServer } from './server.ts';

jest.setTimeout(60_000);

const message = (id: string): ThreadMessage => ({
  id,
  role: 'user',
  content: `content of ${id}`,
  status: 'pending',
  run: 'r',
  at: 1,
});

withServer('a server that goes away and comes back', () => {
  let server: Server;
  let name: string;
  beforeAll(async () => {
    server = await Server.make();
    await server.start();
  });
  beforeEach(async () => {
    name = await server.database();
  });
  afterAll(() => server?.remove());

  const started = () =>
    startTestApp({ services: [PostgresThreadStore, ...postgres({ url: server.url(name), connectMs: 1_000 })] });

  it('degrades the app and closes no gate, and is used again by itself', async () => {
    await using app = await started();
    const store = app.get(PostgresThreadStore);
    const permit = await app.gate.enter();
    await store.open('ann', { id: 't', title: 't', at: 1 });
    // Several idle connections are lost at once, and one that is in use.
    await Promise.all(Array.from({ length: 8 }, (_, i) => store.add('ann', 't', [message(`${i}`)])));
    const inUse = app.get(PostgresPool).query((connection) => connection.query('select pg_sleep(30)'));
    const lost = expect(inUse).rejects.toMatchObject({ code: 'POSTGRES_UNAVAILABLE', fatal: false });
    await server.kill();
    await lost;
    // All at once, and each is looked at when all have ended: one that rejects early must not go unseen.
    const refused = await Promise.allSettled([
      store.open('ann', { id: 'u', title: 'u', at: 1 }),
      store.add('ann', 't', [message('x')]),
      store.settle('ann', 't', '1', { status: 'success', at: 2 }),
      store.messages('ann', 't'),
      store.list('ann'),
      store.rename('ann', 't', 'u'),
      store.remove('ann', 't'),
    ]);
    for (const call of refused)
      expect(call).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'POSTGRES_UNAVAILABLE',
          fatal: false,
          // Refused, or cut off in the middle of connecting: that depends on the moment.
          details: { reason: expect.stringMatching(/^(ECONNREFUSED|ECONNRESET|no connection)$/) },
          message: expect.not.stringContaining('127.0.0.1'),
        },
      });
    const degraded = await app.recorded.first('degraded');
    expect(degraded).toMatchObject({ service: 'PostgresThreadStore', by: ['PostgresPool'] });
    expect([permit.live, app.recorded.of('gate-closed'), app.recorded.of('crashed')]).toEqual([true, [], []]);

    await server.start();
    const messages = await store.messages('ann', 't');
    expect(messages).toHaveLength(8);
    expect(await store.add('ann', 't', [message('after')])).toBe(true);
    await app.recorded.first('degraded', ({ by }) => by.length === 0);
    expect([permit.live, app.recorded.of('gate-closed'), app.recorded.of('crashed')]).toEqual([true, [], []]);
  });

  it('has of every call either all or nothing, and everything that was acknowledged', async () => {
    await using app = await started();
    const store = app.get(PostgresThreadStore);
    await store.open('ann', { id: 't', title: 't', at: 1 });
    const acknowledged = new Set<string>();
    let failures = 0;
    const over = new AbortController();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let call = 0; !over.signal.aborted; call += 1) {
        const id = `${writer}.${call}`;
        try {
          await store.add('ann', 't', [message(`${id} a`), message(`${id} b`), message(`${id} c`)]);
          acknowledged.add(id);
        } catch (error) {
          expect(error).toMatchObject({ code: 'POSTGRES_UNAVAILABLE' });
          failures += 1;
          await sleep(systemClock, 20);
        }
      }
    });
    const enough = async (count: number) => {
      const until = acknowledged.size + count;
      while (acknowledged.size < until) await sleep(systemClock, 5);
    };
    for (let round = 0; round < 3; round += 1) {
      await enough(40);
      await server.sql(
        'postgres',
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'muster'`,
      );
      await enough(40);
      await server.kill();
      await server.start();
    }
    await enough(40);
    over.abort();
    await Promise.all(writers);

    expect(failures).toBeGreaterThan(0);
    const ids = (await store.messages('ann', 't'))?.map(({ id }) => id) ?? [];
    const calls = ids.filter((id) => id.endsWith(' a')).map((id) => id.slice(0, -2));
    expect(ids).toEqual(calls.flatMap((id) => [`${id} a`, `${id} b`, `${id} c`]));
    expect(new Set(calls).size).toBe(calls.length);
    expect([...acknowledged].filter((id) => !calls.includes(id))).toEqual([]);
  });
});

withServer('a long thread on a server', () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.make();
    await server.start();
  });
  afterAll(() => server?.remove());

  it('is read from its end by an index, however long it is', async () => {
    const name = await server.database();
    await using app = await startTestApp({
      services: [PostgresThreadStore, ...postgres({ url: server.url(name) })],
    });
    const store = app.get(PostgresThreadStore);
    await store.open('ann', { id: 'long', title: 't', at: 1 });
    const all = Array.from({ length: 12_000 }, (_, i) => message(`${i}`));
    // More than one statement has parameters for.
    expect(await store.add('ann', 'long', all)).toBe(true);
    await server.sql(name, 'analyze');
    expect((await store.messages('ann', 'long', { latest: 3 }))?.map(({ id }) => id)).toEqual([
      '11997',
      '11998',
      '11999',
    ]);
    const seen: { text: string; values: unknown[] }[] = [];
    const spy = new PostgresThreadStore(
      {
        query: (work) =>
          app.get(PostgresPool).query((connection) =>
            work({
              query: (query, values = []) => {
                seen.push({ text: typeof query === 'string' ? query : query.text, values });
                return connection.query(query, values);
              },
            }),
          ),
        transaction: () => Promise.reject(new Error('not here')),
      },
      {},
    );
    await spy.messages('ann', 'long', { latest: 3 });
    const [{ text, values }] = seen as [{ text: string; values: unknown[] }];
    const plan = await app
      .get(PostgresPool)
      .query((connection) => connection.query(`explain (analyze, costs off, timing off) ${text}`, values));
    const lines = (plan.rows as { 'QUERY PLAN': string }[]).map((row) => row['QUERY PLAN']);
    expect(lines.join('\n')).toMatch(/Index Scan Backward using muster_messages_pkey .*rows=3 /);
    expect(lines.join('\n')).not.toMatch(/Seq Scan on muster_messages|Sort/);
  });
});
