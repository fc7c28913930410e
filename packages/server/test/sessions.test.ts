import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { EventLog, factory, streamOf } from '@muster/core';
import { FakeClock, SeededRandom } from '@muster/core/testing';
import { RawClient, serve } from './harness.ts';

const nothing = () => ({ methods: {} });
const echo = () => ({ methods: { echo: (data: unknown) => data } });
const event = (n: number, name = 'agent_output') =>
  ({ id: `r:${n}`, event: name, run: 'r', n, agent: 'a', at: 0, data: { delta: `${n}` } }) as never;

describe('a token', () => {
  it('comes by header, by subprotocol or by hello, which counts first, and is never repeated', async () => {
    await using server = await serve(nothing);
    const hidden = `bearer.${Buffer.from('token:bob').toString('base64url')}`;
    const byHeader = new RawClient(server.url, { headers: { authorization: 'Bearer token:ann' } });
    const byProtocol = new RawClient(server.url, { protocol: [hidden, 'muster.v1'] });
    const byHello = new RawClient(server.url, { headers: { authorization: 'Bearer token:ann' } });
    await Promise.all([byHeader, byProtocol, byHello].map((client) => client.opened()));
    expect(byProtocol.socket.protocol).toBe('muster.v1');
    byHeader.hello();
    byProtocol.hello();
    byHello.hello('token:cleo');
    const users = [byHeader, byProtocol, byHello].map(async (client) => (await client.next('welcome')).user);
    expect(await Promise.all(users)).toEqual(['ann', 'bob', 'cleo']);
    const sent = JSON.stringify([byHeader.frames, byProtocol.frames, byHello.frames, server.recorded.all]);
    expect(sent).not.toContain('token:');
    await Promise.all([byHeader, byProtocol, byHello].map((client) => client.close()));
  });

  it('of a user who may not connect here closes with 4002', async () => {
    await using server = await serve(nothing);
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('banned');
    expect(await client.next('error')).toMatchObject({ code: 'FORBIDDEN', details: { reason: 'no seat' } });
    expect((await client.closed).code).toBe(4002);
  });

  it('that ends is told a minute before, and can be renewed on the same connection', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock } });
    const end = clock.now() + 600_000;
    const client = new RawClient(server.url);
    await client.opened();
    client.hello(`token:ann|${end}`);
    await client.next('welcome');
    await alive(clock, client, 540_000);
    expect(client.all('auth_expiring')).toEqual([{ type: 'auth_expiring', inMs: 60_000 }]);
    client.send({ type: 'auth', scheme: 'bearer', token: 'wrong' });
    expect(await client.next('error')).toMatchObject({ code: 'TOKEN_INVALID' });
    client.send({ type: 'auth', scheme: 'bearer', token: `token:ann|${end + 600_000}` });
    client.request('echo', 'renewed');
    await client.next('response');
    await alive(clock, client, 120_000);
    client.request('echo', 'still here');
    expect(await client.next('response')).toMatchObject({ data: 'still here' });
    await alive(clock, client, 540_000);
    expect(await client.fate()).toBe(4108);
  });

  it('of somebody else does not renew it', async () => {
    await using server = await serve(nothing);
    const client = await RawClient.welcomed(server.url);
    client.send({ type: 'auth', scheme: 'bearer', token: 'token:bob' });
    await client.roundTrip();
    expect(await client.fate()).toBe(4001);
    expect(client.all('error')).toMatchObject([{ code: 'TOKEN_OF_ANOTHER' }]);
  });
});

/** Lets time pass for a client that answers. */
async function alive(clock: FakeClock, client: RawClient, ms: number): Promise<void> {
  for (let passed = 0; passed < ms && client.socket.readyState === client.socket.OPEN; passed += 10_000) {
    await clock.advance(10_000);
    if (client.socket.readyState === client.socket.OPEN) await client.roundTrip();
  }
}

describe('a session', () => {
  it('goes on with another connection, and the one before is closed with 4309 when that is ready', async () => {
    await using server = await serve(echo);
    const first = await RawClient.welcomed(server.url);
    const { session } = first.welcome;
    const second = await RawClient.welcomed(server.url, 'ann', { session });
    expect(second.welcome.session).toBe(session);
    await second.roundTrip();
    expect(await first.fate()).toBe(4309);
    expect(first.frames.at(-1)).toMatchObject({ type: 'bye', retry: 'fresh' });
    second.request('echo', 1);
    expect(await second.next('response')).toMatchObject({ ok: true });
    await second.close();
  });

  it.each([
    ['of another user', 'foreign'],
    ['that nobody has made', 'mine'],
  ])('%s is not gone on with', async (_, kind) => {
    await using server = await serve(nothing);
    const ann = await RawClient.welcomed(server.url);
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:bob', { session: kind === 'foreign' ? ann.welcome.session : 'my own' });
    expect(await client.frame()).toMatchObject({ type: 'error', code: 'SESSION_EXPIRED' });
    expect((await client.closed).code).toBe(4301);
    expect(ann.socket.readyState).toBe(ann.socket.OPEN);
    await ann.close();
  });

  it('is one of so many that a user may have, and makes room when it goes', async () => {
    await using server = await serve(nothing, { server: { limits: { sessionsPerUser: 2 } } });
    const clients = [await RawClient.welcomed(server.url), await RawClient.welcomed(server.url)];
    const third = new RawClient(server.url);
    await third.opened();
    third.hello('token:ann');
    expect(await third.frame()).toMatchObject({ code: 'TOO_MANY_SESSIONS', details: { sessions: 2, limit: 2 } });
    expect((await third.closed).code).toBe(4102);
    // Another user is not concerned, nor is another connection of a session that there is.
    await (await RawClient.welcomed(server.url, 'bob')).close();
    const again = await RawClient.welcomed(server.url, 'ann', { session: clients[0]?.welcome.session });
    await clients[0]?.closed;
    await again.close();
    await (await RawClient.welcomed(server.url)).close();
    await clients[1]?.close();
  });
});

describe('sessions that come together', () => {
  it('count from the moment in which they enter, and not when they are ready', async () => {
    await using server = await serve(nothing, { server: { limits: { sessionsPerUser: 2, window: 1 } } });
    const first = await RawClient.welcomed(server.url);
    const stream = streamOf(server.sessions[0]!.principal, 't');
    await server.app.get(EventLog).append(stream, [event(1)]);
    await server.app.get(EventLog).append(stream, [event(2)]);
    // It does not acknowledge the first event, so it is never ready.
    const second = await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] });
    const third = new RawClient(server.url);
    await third.opened();
    third.hello('token:ann');
    expect(await third.next('error')).toMatchObject({ code: 'TOO_MANY_SESSIONS', details: { sessions: 2, limit: 2 } });
    // The session that is ready can come again, once at a time.
    const more = { session: first.welcome.session, subscribe: ['t'] };
    const again = await RawClient.welcomed(server.url, 'ann', more);
    const oncemore = new RawClient(server.url);
    await oncemore.opened();
    oncemore.hello('token:ann', more);
    expect(await oncemore.next('error')).toMatchObject({ code: 'TOO_MANY_SESSIONS' });
    for (const client of [second, again]) await client.close();
    await (await RawClient.welcomed(server.url)).close();
    await first.close();
  });
});

describe('a repeated request', () => {
  it('is executed once and answered twice, also on another connection while it is being executed', async () => {
    let executed = 0;
    let finish!: (value: string) => void;
    const result = new Promise<string>((resolve) => (finish = resolve));
    await using server = await serve(() => ({
      methods: {
        slow: () => {
          executed += 1;
          return result;
        },
      },
    }));
    const first = await RawClient.welcomed(server.url);
    const id = first.request('slow', { a: 1 });
    const second = await RawClient.welcomed(server.url, 'ann', { session: first.welcome.session });
    second.request('slow', { a: 1 }, id);
    second.send({ type: 'ping' });
    // Whatever a request waits for, the socket is read.
    await second.next('pong');
    finish('done');
    expect(await second.next('response')).toEqual({ type: 'response', id, ok: true, data: 'done' });
    second.request('slow', { a: 1 }, id);
    expect(await second.next('response')).toEqual({ type: 'response', id, ok: true, data: 'done' });
    expect(executed).toBe(1);
    await second.close();
  });

  it('with other data is refused, and one of another session is another request', async () => {
    const seen: unknown[] = [];
    await using server = await serve(() => ({ methods: { note: (data) => seen.push(data) } }));
    const client = await RawClient.welcomed(server.url);
    const id = client.request('note', 1);
    await client.next('response');
    client.request('note', 2, id);
    expect(await client.next('response')).toMatchObject({ ok: false, error: { code: 'IDEMPOTENCY_MISMATCH' } });
    const other = await RawClient.welcomed(server.url);
    other.request('note', 3, id);
    expect(await other.next('response')).toMatchObject({ ok: true });
    expect(seen).toEqual([1, 3]);
    await Promise.all([client.close(), other.close()]);
  });

  it('is tried anew where it was refused for now', async () => {
    let tries = 0;
    await using server = await serve(() => ({
      methods: {
        moody: () => {
          tries += 1;
          if (tries === 1) throw new Error('not today');
          return 'fine';
        },
      },
    }));
    const client = await RawClient.welcomed(server.url);
    const id = client.request('moody');
    expect(await client.next('response')).toMatchObject({ ok: false, error: { retryable: true } });
    client.request('moody', undefined, id);
    expect(await client.next('response')).toMatchObject({ ok: true, data: 'fine' });
    await client.close();
  });

  it('on another connection follows the threads that its execution has followed, from where they stood', async () => {
    await using server = await serve((session) => ({
      methods: {
        go: async () => {
          await session.follow('t');
          await server.app.get(EventLog).append(streamOf(session.principal, 't'), [event(1), event(2)]);
          return 'accepted';
        },
      },
    }));
    const first = await RawClient.welcomed(server.url);
    const id = first.request('go');
    await first.next('events');
    // The response was lost, so the client knows nothing of the thread.
    first.socket.terminate();
    const second = await RawClient.welcomed(server.url, 'ann', { session: first.welcome.session });
    second.request('go', undefined, id);
    expect(await second.next('response')).toMatchObject({ data: 'accepted' });
    await second.roundTrip();
    expect(second.all('events').flatMap(({ events }) => events)).toHaveLength(2);
    await second.close();
  });

  it('is forgotten an hour after, with its session', async () => {
    const clock = new FakeClock();
    let executed = 0;
    await using server = await serve(() => ({ methods: { count: () => (executed += 1) } }), { app: { clock } });
    const first = await RawClient.welcomed(server.url);
    const id = first.request('count');
    await first.next('response');
    const gone = new Promise<void>((resolve) => {
      server.app.events.on((e) => {
        if (e.type === 'moved' && e.to === 'closed') resolve();
      });
    });
    await first.close();
    await gone;
    await clock.advance(3_600_001);
    const second = await RawClient.welcomed(server.url, 'ann', { session: first.welcome.session });
    second.request('count', undefined, id);
    expect(await second.next('response')).toMatchObject({ data: 2 });
    await second.close();
  });
});

describe('an old connection', () => {
  @factory()
  class Models {
    prepare(): string {
      return 'models';
    }
  }

  it('is drained, and lives on until its session is ready elsewhere', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock }, server: { limits: { maxAgeMs: 100_000 } } });
    const old = await RawClient.welcomed(server.url);
    await alive(clock, old, 130_000);
    expect(old.all('drain')).toMatchObject([{ deadlineMs: 60_000 }]);
    old.request('echo', 1);
    expect(await old.next('response')).toMatchObject({ ok: false, error: { code: 'NOT_SERVING', retryable: true } });
    const fresh = await RawClient.welcomed(server.url, 'ann', { session: old.welcome.session });
    expect((await old.closed).code).toBe(4309);
    await fresh.close();
  });

  it('is also one that was there before a factory was renewed: it comes again within half a minute, and one that came later does not', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock }, services: [Models] });
    const old = await RawClient.welcomed(server.url);
    await server.app.renew(Models);
    const young = await RawClient.welcomed(server.url, 'bob');
    for (let passed = 0; passed < 60_000; passed += 10_000) {
      await clock.advance(10_000);
      await Promise.all([old.roundTrip(), young.roundTrip()]);
    }
    const isAsked = ({ frames }: RawClient): boolean => frames.some(({ type }) => type === 'drain');
    expect([isAsked(old), isAsked(young)]).toEqual([true, false]);
    await Promise.all([old.close(), young.close()]);
  });

  it('is also one that was on its way to welcome when a factory was renewed', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock }, services: [Models] });
    const log = server.app.get(EventLog);
    const info = log.info.bind(log);
    let asked!: () => void;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    log.info = async (stream) => {
      asked();
      await answered;
      return info(stream);
    };
    const client = new RawClient(server.url);
    await once(client.socket, 'open');
    client.hello('token:ann', { subscribe: ['t'] });
    await isAsked;
    await server.app.renew(Models);
    answer();
    await client.next('welcome');
    client.request('echo', 'as ever');
    expect(await client.next('response')).toMatchObject({ data: 'as ever' });
    for (let passed = 0; passed < 40_000; passed += 10_000) {
      await clock.advance(10_000);
      await client.roundTrip();
    }
    expect(client.frames.filter(({ type }) => type === 'drain')).toHaveLength(1);
    await client.close();
  });

  it('that does not go is closed with 4201', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock }, server: { limits: { maxAgeMs: 100_000 } } });
    const old = await RawClient.welcomed(server.url);
    await alive(clock, old, 200_000);
    expect(await old.fate()).toBe(4201);
  });

  it('is not as old as another that came with it, so that not all of them leave at once', async () => {
    const clock = new FakeClock();
    const limits = { maxAgeMs: 100_000, heartbeatMs: 5_000 };
    await using server = await serve(echo, { app: { clock, random: new SeededRandom(4) }, server: { limits } });
    const clients = await Promise.all(Array.from({ length: 8 }, (_, i) => RawClient.welcomed(server.url, `user ${i}`)));
    const begun = clock.now();
    const ages = new Map<RawClient, number>();
    while (ages.size < clients.length && clock.now() - begun < 200_000) {
      await clock.advance(5_000);
      await Promise.all(clients.map((client) => client.roundTrip()));
      for (const client of clients)
        if (client.all('drain').length > 0 && !ages.has(client)) ages.set(client, clock.now() - begun);
    }
    expect(new Set(ages.values()).size).toBeGreaterThan(2);
    expect(Math.min(...ages.values())).toBeGreaterThanOrEqual(90_000);
    // Whose turn has come is told at the next heartbeat.
    expect(Math.max(...ages.values())).toBeLessThanOrEqual(110_000 + limits.heartbeatMs);
    await Promise.all(clients.map((client) => client.close()));
  });
});

describe('what comes between hello and welcome', () => {
  it('is kept within bounds, and what is over is answered as not executed', async () => {
    let welcome!: () => void;
    const ready = new Promise<void>((resolve) => (welcome = resolve));
    const handled: unknown[] = [];
    await using server = await serve(() => ({ methods: { note: (data) => handled.push(data) } }), {
      server: { limits: { mailbox: 10 } },
    });
    const log = server.app.get(EventLog);
    const info = log.info.bind(log);
    log.info = async (stream) => {
      await ready;
      return info(stream);
    };
    const client = new RawClient(server.url);
    await once(client.socket, 'open');
    // In one chunk: what the parser has read when reading is paused.
    const { _socket: tcp } = client.socket as unknown as { _socket: Socket };
    tcp.cork();
    client.hello('token:ann', { subscribe: ['t'] });
    const ids = Array.from({ length: 40 }, (_, i) => client.request('note', i));
    client.send({ type: 'ping' });
    tcp.uncork();
    await client.next('pong');
    const refusal = { ok: false, error: { code: 'MAILBOX_FULL' } };
    expect(client.all('response')).toMatchObject(ids.slice(10).map((id) => ({ id, ...refusal })));
    welcome();
    const answers = [];
    for (let i = 0; i < 10; i += 1) answers.push(await client.next('response'));
    expect(answers.map(({ id }) => id)).toEqual(ids.slice(0, 10));
    expect(handled).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await client.close();
  });
});

describe('a connection id', () => {
  it('is one from the upgrade to the close', async () => {
    await using server = await serve(nothing);
    const client = await RawClient.welcomed(server.url);
    client.send('{');
    await client.next('error');
    await client.close();
    const ids = server.recorded.all.flatMap((e) =>
      e.type === 'moved' && e.machine === 'connection' ? [e.subject] : e.type === 'client-error' ? [e.connection] : [],
    );
    expect(new Set(ids)).toEqual(new Set([client.welcome.connection]));
    expect(randomUUID()).toHaveLength(client.welcome.connection.length);
  });
});
