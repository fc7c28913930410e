import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { createConnection } from 'node:net';
import {
  createApp,
  provide,
  EventLog,
  healthy,
  MemoryLog,
  principalOf,
  service,
  type Service,
  streamOf,
  systemClock,
  systemRandom,
  unhealthy,
} from '@muster/core';
import { Container } from 'inversify';
import { FakeClock } from '@muster/core/testing';
import { Authenticator, ConnectionPool, serverError, webSocketFactory, webSocketServer } from '@muster/server';
import { RawClient, reportingService, serve, slowService, TestAuthenticator } from './harness.ts';

const echo = () => ({ methods: { echo: (data: unknown) => data } });

/** A text frame as a client sends it, masked with zeros. */
function masked(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([
    Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]),
    payload,
  ]);
}

const event = (run: string, n: number) => ({
  id: `${run}:${n}`,
  event: 'agent_output' as const,
  run,
  n,
  agent: 'a',
  at: 0,
  data: { delta: `${n}` },
});

/** What a handler waits for until the test lets it go. */
function holding() {
  let release!: () => void;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { held, release };
}

describe('the handshake', () => {
  it('goes hello, welcome, request, response', async () => {
    await using server = await serve(echo);
    const client = await RawClient.welcomed(server.url);
    const welcome = client.frames[0];
    expect(welcome).toMatchObject({ type: 'welcome', user: 'ann', durability: 'memory', streams: {} });
    const id = client.request('echo', { a: 1 });
    expect(await client.next('response')).toEqual({ type: 'response', id, ok: true, data: { a: 1 } });
    expect(server.sessions[0]?.connection).toBe((welcome as { connection: string }).connection);
    expect(server.recorded.moves('connection').map((move) => move.split(':')[1])).toEqual([
      'accepted',
      'authenticating',
      'gated',
      'syncing',
      'ready',
    ]);
    await client.close();
  });

  it('handles twenty requests sent in the tick of the 101 once each, in order, after ready', async () => {
    const handled: unknown[] = [];
    await using server = await serve((_, journal) => ({
      methods: {
        note: (data) => {
          handled.push(data);
          journal.push('handled');
          return data;
        },
      },
      onReady: () => void journal.push('ready'),
    }));
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann');
    const ids = Array.from({ length: 20 }, (_, i) => client.request('note', i));
    const answers = [];
    for (let i = 0; i < 20; i += 1) answers.push(await client.next('response'));
    expect(handled).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(answers.map((answer) => answer.id)).toEqual(ids);
    expect(server.journal.slice(0, 3)).toEqual(['factory made', 'ready', 'handled']);
    expect(client.frames[0]?.type).toBe('welcome');
    await client.close();
  });

  it('loses nothing that comes in the same chunk as the upgrade request', async () => {
    const handled: unknown[] = [];
    await using server = await serve(() => ({ methods: { note: (data) => handled.push(data) } }));
    const { port } = new URL(server.url);
    const socket = createConnection(Number(port), '127.0.0.1');
    const hello = {
      type: 'hello',
      client: { id: 'c', name: 'raw', version: '1' },
      auth: { scheme: 'bearer', token: 'token:ann' },
    };
    const requests = Array.from({ length: 20 }, (_, i) => ({
      type: 'request',
      id: randomUUID(),
      method: 'note',
      data: i,
    }));
    const upgrade =
      'GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: muster.v1\r\n\r\n';
    socket.write(
      Buffer.concat([Buffer.from(upgrade), ...[hello, ...requests].map((frame) => masked(JSON.stringify(frame)))]),
    );
    await once(socket, 'readable');
    // Whatever was lost of the chunk, this one is answered.
    socket.write(masked('{"type":"ping"}'));
    let answers = '';
    for await (const chunk of socket) {
      answers += String(chunk);
      if (answers.split('"type":"response"').length === 21 || answers.includes('"type":"bye"')) break;
    }
    expect(handled).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('holds who comes before the services are ready, says what for, and serves them on the same socket', async () => {
    const { Slow, up } = slowService();
    await using server = await serve(echo, { services: [Slow], server: { listen: 'at-once' } });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann');
    client.request('echo', 'early');
    expect(await client.next('wait')).toMatchObject({ pending: ['Slow'] });
    expect(server.journal).toEqual([]);
    expect(client.frames.some((frame) => frame.type === 'welcome')).toBe(false);
    up();
    await client.next('welcome');
    expect(await client.next('response')).toMatchObject({ ok: true, data: 'early' });
    expect(server.journal).toEqual(['factory made']);
    await client.close();
  });

  it('holds who comes while the gate is closed behind others', async () => {
    const clock = new FakeClock();
    const { Database, report } = reportingService();
    await using server = await serve(echo, { services: [Database], app: { clock } });
    const early = await RawClient.welcomed(server.url);
    report(unhealthy('replica lost'));
    await clock.advance(8_000);
    await early.next('degraded');
    const late = new RawClient(server.url);
    await late.opened();
    late.hello('token:ann');
    expect(await late.frame()).toMatchObject({ type: 'wait', phase: 'gated', pending: ['Database'] });
    expect(server.sessions).toHaveLength(1);
    report(healthy);
    await clock.advance(5_000);
    await late.next('welcome');
    await Promise.all([early, late].map((client) => client.close()));
  });

  it('leaves to the kernel what a held client sends, however much', async () => {
    const { Slow, up } = slowService();
    await using server = await serve(echo, { services: [Slow], server: { listen: 'at-once' } });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann');
    await client.next('wait');
    const wide = 'x'.repeat(1_000);
    const ids = Array.from({ length: 200 }, () => client.request('echo', wide));
    // A second client is served by the same event loop only after the first one's frames have had their chance.
    const other = new RawClient(server.url);
    await other.opened();
    other.hello('token:bob');
    await other.next('wait');
    up();
    const answers = [];
    for (let i = 0; i < ids.length; i += 1) answers.push(await client.next('response'));
    expect(answers.map(({ id, ok }) => [id, ok])).toEqual(ids.map((id) => [id, true]));
    await Promise.all([client.close(), other.close()]);
  });

  it('tells a held client again every two seconds, and after ten closes with 4101 and the causes', async () => {
    const clock = new FakeClock();
    const { Slow } = slowService();
    await using server = await serve(echo, { services: [Slow], server: { listen: 'at-once' }, app: { clock } });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann');
    while ((await client.next('wait')).phase !== 'gated') continue;
    const before = client.all('wait').length;
    for (let i = 1; i <= 4; i += 1) {
      await clock.advance(2_000);
      await client.roundTrip();
      expect(client.all('wait')).toHaveLength(before + i);
    }
    await clock.advance(2_000);
    expect(await client.next('error')).toMatchObject({ code: 'GATE_CLOSED', details: { waitingFor: ['Slow'] } });
    expect(await client.next('bye')).toMatchObject({ code: 4101, retry: 'backoff', resumable: true });
    expect((await client.closed).code).toBe(4101);
  });

  it('closes with 4104 who says nothing for twenty seconds', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock } });
    const client = new RawClient(server.url);
    await client.opened();
    await clock.advance(19_999);
    expect(client.frames).toEqual([]);
    await clock.advance(1);
    expect(await client.fate()).toBe(4104);
  });

  it.each([
    ['no token', undefined, 4001, 'TOKEN_INVALID'],
    ['a token that was not issued here', 'stolen', 4001, 'TOKEN_INVALID'],
    ['an expired token', 'expired', 4108, 'TOKEN_EXPIRED'],
    ['an authenticator that is broken', 'broken', 4101, 'AUTH_UNAVAILABLE'],
  ])('answers %s with its code, and makes no session', async (_, token, code, name) => {
    await using server = await serve(echo);
    const client = new RawClient(server.url);
    await client.opened();
    client.hello(token);
    const told = await client.next('error');
    expect(told).toMatchObject({ code: name });
    const logged = server.recorded.all.filter(
      (event) => 'correlation' in event && event.correlation === told.correlation,
    );
    expect(logged.map((event) => event.type)).toEqual(
      token === 'broken' ? ['fault', 'client-error'] : ['client-error'],
    );
    expect((await client.closed).code).toBe(code);
    expect(server.sessions).toEqual([]);
    expect(JSON.stringify(client.frames)).not.toMatch(/secret-path|stolen/);
  });

  it('tells what is wrong with a token while other services still start', async () => {
    const clock = new FakeClock();
    const { Slow } = slowService();
    await using server = await serve(echo, { services: [Slow], server: { listen: 'at-once' }, app: { clock } });
    await server.recorded.first('moved', ({ subject, to }) => subject === 'TestAuthenticator' && to === 'running');
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('stolen');
    await client.roundTrip();
    await clock.advance(10_000);
    expect(await client.next('error')).toMatchObject({ code: 'TOKEN_INVALID' });
    expect((await client.closed).code).toBe(4001);
  });

  it('closes with 1011 where the application fails, after an error by which the cause is found in the log', async () => {
    await using server = await serve(() => {
      throw new Error('no table: secret-path/db');
    });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann');
    const told = await client.frame();
    expect(told).toMatchObject({ type: 'error', code: 'INTERNAL', correlation: expect.any(String) });
    expect((await client.closed).code).toBe(1011);
    expect(JSON.stringify(client.frames)).not.toContain('secret-path');
    const { correlation } = told as { correlation: string };
    expect(server.recorded.of('fault')).toMatchObject([{ component: 'handshake', correlation }]);
  });

  it('closes with 4004 when the first frame is not even read: binary, or above the limit', async () => {
    await using server = await serve(echo, { server: { limits: { messageBytes: 1_000 } } });
    for (const [code, frame] of [
      ['BINARY_FRAME', Buffer.from('{}')],
      ['MESSAGE_TOO_LARGE', 'x'.repeat(1_001)],
    ] as const) {
      const client = new RawClient(server.url);
      await client.opened();
      client.socket.send(frame);
      expect(await client.next('error')).toMatchObject({ code });
      expect((await client.closed).code).toBe(4004);
    }
  });

  it('closes with 4004 when the first frame is no hello, and with 4007 on a second one', async () => {
    await using server = await serve(echo);
    const rude = new RawClient(server.url);
    await rude.opened();
    rude.request('echo', 1);
    expect(await rude.next('error')).toMatchObject({ code: 'HELLO_EXPECTED' });
    rude.hello('token:ann');
    expect(await rude.frame()).toMatchObject({ type: 'bye', code: 4004 });
    expect((await rude.closed).code).toBe(4004);
    const twice = await RawClient.welcomed(server.url);
    twice.hello('token:bob');
    expect(await twice.fate()).toBe(4007);
  });

  it('refuses before the 101 what cannot become a connection', async () => {
    await using server = await serve(echo);
    const refusals = await Promise.all([
      new RawClient(server.url, { path: '/nowhere' }).refused(),
      new RawClient(server.url, { protocol: 'soap' }).refused(),
      new RawClient(server.url, { origin: 'https://evil.example' }).refused(),
      // What a browser says of a page without an origin, in a sandbox for instance.
      new RawClient(server.url, { origin: 'null' }).refused(),
    ]);
    expect(refusals.map(({ status }) => status)).toEqual([404, 400, 403, 403]);
  });
});

describe('a ready connection', () => {
  it('answers each bad input with one error frame and goes on', async () => {
    await using server = await serve(echo);
    const client = await RawClient.welcomed(server.url);
    const bad: readonly [text: string, code: string, request?: string][] = [
      ['{', 'FRAME_INVALID'],
      ['[]', 'FRAME_INVALID'],
      ['{"type":"nope"}', 'FRAME_INVALID'],
      // Whoever waits for its answer hears that there will be none.
      ['{"type":"request","id":"x","method":"echo"}', 'FRAME_INVALID', 'x'],
      ['['.repeat(9_000), 'FRAME_INVALID'],
      [' '.repeat(70_000), 'MESSAGE_TOO_LARGE'],
    ];
    for (const [text] of bad) client.send(text);
    client.socket.send(Buffer.from([1, 2]), { binary: true });
    client.request('echo', 'still here');
    expect(await client.next('response')).toMatchObject({ ok: true, data: 'still here' });
    const told = client.all('error').map(({ code, request }) => [code, request]);
    expect(told).toEqual([...bad.map(([, code, request]) => [code, request]), ['BINARY_FRAME', undefined]]);
    await client.close();
  });

  it('closes with 1009 a frame of more than four times the limit, as the RFC says', async () => {
    await using server = await serve(echo);
    const client = await RawClient.welcomed(server.url);
    client.send('x'.repeat(300_000));
    expect(await client.fate()).toBe(1009);
  });

  it('tells of an unknown method, also of one that objects inherit, and hides what a handler threw', async () => {
    await using server = await serve(() => ({
      methods: {
        fail: () => {
          throw new Error('password=hunter2 at /srv/app/db.ts');
        },
      },
    }));
    const client = await RawClient.welcomed(server.url);
    client.request('toString');
    expect(await client.next('response')).toMatchObject({
      ok: false,
      error: { code: 'METHOD_UNKNOWN', details: { known: ['fail'] } },
    });
    client.request('fail');
    const failed = await client.next('response');
    expect(failed).toMatchObject({ ok: false, error: { code: 'INTERNAL', retryable: true } });
    expect(JSON.stringify(client.frames)).not.toContain('hunter2');
    const fault = server.recorded.all.find((event) => event.type === 'fault');
    expect(fault).toMatchObject({ component: 'method fail', error: { message: expect.stringContaining('hunter2') } });
    await client.close();
  });

  it('calls onReady and onGone in pairs, and keeps the pool in step with the sockets', async () => {
    await using server = await serve((_, journal) => ({
      methods: {},
      onReady: () => void journal.push('ready'),
      onGone: () => void journal.push('gone'),
    }));
    const pool = server.app.get(ConnectionPool);
    const client = await RawClient.welcomed(server.url);
    client.send({ type: 'ping' });
    await client.next('pong');
    expect([pool.size, pool.countOf('ann'), pool.countOf('bob')]).toEqual([1, 1, 0]);
    client.socket.terminate();
    await server.recorded.first('moved', ({ machine, to }) => machine === 'connection' && to === 'closed');
    expect(server.journal).toEqual(['factory made', 'ready', 'gone']);
    expect([pool.size, pool.users]).toEqual([0, 0]);
  });

  it('calls neither for a client that goes before it is ready', async () => {
    await using server = await serve(
      (_, journal) => ({
        methods: {},
        onReady: () => void journal.push('ready'),
        onGone: () => void journal.push('gone'),
      }),
      { server: { limits: { window: 1 } } },
    );
    const log = server.app.get(EventLog);
    for (let n = 1; n <= 2; n += 1) await log.append(streamOf(principalOf('ann'), 't'), [event('r', n)]);
    // It acknowledges nothing, so the replay does not end.
    const client = await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] });
    client.socket.terminate();
    await server.recorded.first('moved', ({ machine, to }) => machine === 'connection' && to === 'closed');
    expect(server.journal).toEqual(['factory made']);
  });

  it('has a cancel handled while requests wait, and hears of one that is refused', async () => {
    const { held, release } = holding();
    const cancelled: unknown[] = [];
    await using server = await serve(() => ({
      methods: {
        wait: () => held,
        cancel: (data) => {
          if ((data as { run: string }).run === 'foreign')
            throw serverError('FORBIDDEN', { reason: 'it is not yours' });
          cancelled.push(data);
        },
      },
    }));
    const client = await RawClient.welcomed(server.url);
    for (let i = 0; i < 2; i += 1) client.request('wait');
    client.send({ type: 'cancel', run: 'mine', reason: 'enough' });
    client.send({ type: 'cancel', run: 'foreign' });
    for (let i = 0; i < 2; i += 1) await client.roundTrip();
    const early = { cancelled: [...cancelled], errors: client.all('error'), responses: client.all('response') };
    release();
    expect(early).toMatchObject({
      cancelled: [{ run: 'mine', reason: 'enough' }],
      errors: [{ code: 'FORBIDDEN' }],
      responses: [],
    });
    await client.close();
  });

  it('answers as not executed what its mailbox cannot hold', async () => {
    const { held, release } = holding();
    let calls = 0;
    await using server = await serve(() => ({ methods: { wait: () => ((calls += 1), held) } }), {
      server: { limits: { mailbox: 2 } },
    });
    const client = await RawClient.welcomed(server.url);
    for (let i = 0; i < 4; i += 1) client.request('wait');
    await client.roundTrip();
    const early = { calls, responses: client.all('response') };
    release();
    const refusal = { ok: false, error: { code: 'MAILBOX_FULL', retryable: true } };
    expect(early).toMatchObject({ calls: 1, responses: [refusal] });
    await client.next('response');
    for (let i = 0; i < 3; i += 1) expect(await client.next('response')).toMatchObject({ ok: true });
    expect(calls).toBe(3);
    await client.close();
  });

  it('refuses requests while the gate is closed behind it, and goes on with the same socket when it opens', async () => {
    const clock = new FakeClock();
    const { Database, report } = reportingService();
    await using server = await serve(echo, { services: [Database], app: { clock } });
    const client = await RawClient.welcomed(server.url);
    report(unhealthy('replica lost'));
    await clock.advance(8_000);
    await client.roundTrip();
    expect(client.all('degraded')).toMatchObject([{ services: ['Database'] }]);
    expect(server.sessions[0]?.permit.live).toBe(false);
    client.request('echo', 1);
    expect(await client.next('response')).toMatchObject({ ok: false, error: { code: 'NOT_SERVING', retryable: true } });
    report(healthy);
    await clock.advance(5_000);
    await client.roundTrip();
    expect(client.all('recovered')).toHaveLength(1);
    client.request('echo', 2);
    expect(await client.next('response')).toMatchObject({ ok: true, data: 2 });
    expect(server.sessions[0]?.permit.live).toBe(true);
    await client.close();
  });

  it('is pinged, and closed with 4105 when two pings stay unanswered', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock } });
    const client = await RawClient.welcomed(server.url);
    client.send({ type: 'ping' });
    await client.next('pong');
    for (let i = 0; i < 4; i += 1) {
      await clock.advance(15_000);
      await client.next('ping');
      client.send({ type: 'pong' });
      client.request('echo', i);
      await client.next('response');
    }
    await clock.advance(45_000);
    expect(await client.fate()).toBe(4105);
  });

  it('gets exactly one answer also for a result that JSON cannot hold, and is served on', async () => {
    await using server = await serve(() => ({ methods: { big: () => 10n, ok: () => 1 } }));
    const client = await RawClient.welcomed(server.url);
    client.request('big');
    client.request('ok');
    expect(await client.next('response')).toMatchObject({ ok: false, error: { code: 'INTERNAL' } });
    expect(await client.next('response')).toMatchObject({ ok: true, data: 1 });
    expect(server.recorded.all.filter((event) => event.type === 'fault')).toHaveLength(1);
    await client.close();
  });

  it('is not hurt by an onReady that rejects; the cause is logged', async () => {
    await using server = await serve(() => ({
      ...echo(),
      onReady: async () => Promise.reject(new Error('no greeting')),
    }));
    const client = await RawClient.welcomed(server.url);
    client.request('echo', 1);
    expect(await client.next('response')).toMatchObject({ ok: true });
    expect(server.recorded.all.filter((event) => event.type === 'fault')).toMatchObject([{ component: 'onReady' }]);
    await client.close();
  });

  it('leaves no subscription of the log behind when it goes while its request is handled', async () => {
    let entered!: () => void;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    let followed!: Promise<void>;
    const log = new MemoryLog(systemClock, systemRandom, () => {});
    let open = 0;
    const subscribe = log.subscribe.bind(log);
    log.subscribe = (stream, sink) => {
      open += 1;
      const subscription = subscribe(stream, sink);
      return {
        close: () => {
          open -= 1;
          subscription.close();
        },
      };
    };
    const container = new Container();
    container.bind(EventLog).toConstantValue(log);
    await using server = await serve(
      (session) => ({
        methods: {
          go: async () => {
            entered();
            followed = new Promise<void>((resolve) => session.signal.addEventListener('abort', () => resolve())).then(
              () => session.follow('t'),
            );
            await followed;
          },
        },
      }),
      { app: { container } },
    );
    const client = await RawClient.welcomed(server.url);
    client.request('go');
    await inside;
    client.socket.terminate();
    await client.closed;
    await followed;
    expect(open).toBe(0);
  });

  it('is closed by its heartbeat also when it stops reading before it is ready', async () => {
    const clock = new FakeClock();
    let held!: () => void;
    const log = Object.assign(new MemoryLog(systemClock, systemRandom, () => {}), {
      read: () => new Promise<never>(() => held()),
    });
    const reading = new Promise<void>((resolve) => {
      held = resolve;
    });
    const container = new Container();
    container.bind(EventLog).toConstantValue(log);
    await using server = await serve(echo, { app: { clock, container } });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann', { subscribe: ['t'] });
    await client.next('welcome');
    await reading;
    await clock.advance(45_000);
    expect((await client.closed).code).toBe(4105);
  });

  it('gets the response to what is being handled before it is closed, and a refusal for what waits', async () => {
    let release!: () => void;
    const held = new Promise<string>((resolve) => {
      release = () => resolve('done');
    });
    const server = await serve(() => ({ methods: { wait: () => held } }));
    const client = await RawClient.welcomed(server.url);
    client.request('wait');
    client.request('wait');
    client.send({ type: 'ping' });
    await client.next('pong');
    const stopping = server.app.stop();
    await client.next('drain');
    release();
    expect(await client.next('response')).toMatchObject({ ok: true, data: 'done' });
    expect(await client.next('response')).toMatchObject({ ok: false, error: { code: 'NOT_SERVING', retryable: true } });
    expect((await client.closed).code).toBe(4201);
    await stopping;
  });

  it('is told to go when the app stops, and closed with 4201', async () => {
    const server = await serve(echo);
    const client = await RawClient.welcomed(server.url);
    const stopping = server.app.stop();
    await client.next('drain');
    expect(await client.next('bye')).toMatchObject({ code: 4201, retry: 'now', resumable: true });
    expect((await client.closed).code).toBe(4201);
    await stopping;
    const late = new RawClient(server.url);
    expect((await late.closed).code).toBe(1006);
  });
});

describe('a stop during the boot', () => {
  it('tells held clients with 4201, also those whose frames were never read', async () => {
    const { Slow } = slowService();
    const server = await serve(echo, { services: [Slow], server: { listen: 'at-once' } });
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const client = new RawClient(server.url);
        await client.opened();
        client.hello('token:ann');
        await client.next('wait');
        for (let i = 0; i < 50; i += 1) client.request('echo', 'x'.repeat(1_000));
        return client;
      }),
    );
    const silent = new RawClient(server.url);
    await silent.opened();
    await server.app.stop();
    const closes = await Promise.all([...clients, silent].map((client) => client.closed));
    expect(closes.map(({ code }) => code)).toEqual(Array(6).fill(4201));
    await expect(server.started).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a stop', () => {
  it('lets nobody in, and sends away at once who is not ready', async () => {
    const { held, release } = holding();
    @service()
    class Busy implements Service {
      drain(): Promise<void> {
        return held;
      }
    }
    const server = await serve(echo, { services: [Busy], server: { limits: { window: 1 } } });
    const log = server.app.get(EventLog);
    for (let n = 1; n <= 2; n += 1) await log.append(streamOf(principalOf('ann'), 't'), [event('r', n)]);
    const ready = await RawClient.welcomed(server.url);
    await ready.roundTrip();
    // It acknowledges nothing, so the replay does not end.
    const syncing = await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] });
    const stopping = server.app.stop();
    await ready.next('drain');
    const late = await new RawClient(server.url).refused();
    const fates = [await syncing.fate(), await ready.fate()];
    release();
    await stopping;
    expect(late).toEqual({ status: 503, retryAfter: '1' });
    expect(fates).toEqual([4201, 'open']);
  });

  it('is not held up by a stranger who keeps a refused socket open', async () => {
    const server = await serve(echo);
    const { port } = new URL(server.url);
    const socket = createConnection({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write(
      'GET /nope HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toContain('404 Not Found');
    await server.app.stop();
    expect(server.app.state).toBe('stopped');
    socket.destroy();
  });

  it('is not held up by one who has sent half a request', async () => {
    const server = await serve(echo);
    const socket = createConnection({ port: Number(new URL(server.url).port), host: '127.0.0.1' });
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write('GET /livez HTTP/1.1\r\nhost:');
    await fetch(`${server.url.replace('ws', 'http')}/livez`);
    await server.app.stop();
    expect(server.app.state).toBe('stopped');
    socket.destroy();
  });

  it('is not held up by a listener of the gate that throws, and services are stopped all the same', async () => {
    const server = await serve(echo);
    server.app.gate.onMove(() => {
      throw new Error('listener');
    });
    const heard: string[] = [];
    server.app.gate.onMove((state) => heard.push(state));
    const report = await server.app.stop();
    expect([server.app.state, heard]).toEqual(['stopped', ['stopped']]);
    expect(report.order).toContain('ConnectionPool');
    expect(server.recorded.all.filter((event) => event.type === 'fault')).toMatchObject([
      { component: 'gate listener' },
    ]);
  });

  it('before the boot has begun to start services says so, and leaves no timer', async () => {
    const clock = new FakeClock();
    const app = createApp({
      services: [ConnectionPool, provide(Authenticator, TestAuthenticator)],
      server: webSocketServer({ port: 0, listen: 'at-once' }),
      clock,
    });
    const starting = app.start();
    const stopping = app.stop();
    await expect(starting).rejects.toMatchObject({ code: 'ABORTED' });
    await stopping;
    expect([app.state, clock.pending]).toEqual(['stopped', 0]);
  });
});

describe('streams', () => {
  /** All events of a thread that a client has got, by their frames' own offsets. */
  function offsets(client: RawClient): number[] {
    return client.frames.flatMap((frame) =>
      frame.type === 'events' ? frame.events.map((_, i) => frame.offset + i) : [],
    );
  }

  it('are replayed from the beginning or the cursor, then live, each event once', async () => {
    await using server = await serve(() => ({ methods: {} }));
    const log = server.app.get(EventLog);
    const seed = await RawClient.welcomed(server.url);
    const stream = streamOf(server.sessions[0]!.principal, 't');
    const run = randomUUID();
    for (let n = 1; n <= 300; n += 1) await log.append(stream, [event(run, n)]);
    const { epoch } = await log.info(stream);
    const all = new RawClient(server.url);
    await all.opened();
    all.hello('token:ann', { subscribe: ['t'] });
    expect(await all.next('live')).toMatchObject({ stream: 't', epoch, offset: 300 });
    const some = new RawClient(server.url);
    await some.opened();
    some.hello('token:ann', { cursors: { t: { epoch, offset: 290 } } });
    await some.next('live');
    await log.append(stream, [event(run, 301), event(run, 302)]);
    await Promise.all([all.next('events'), some.next('events')]);
    expect(offsets(all)).toEqual(Array.from({ length: 302 }, (_, i) => i + 1));
    expect(offsets(some)).toEqual(Array.from({ length: 12 }, (_, i) => i + 291));
    const foreign = new RawClient(server.url);
    await foreign.opened();
    foreign.hello('token:bob', { subscribe: ['t'] });
    await foreign.next('live');
    expect(offsets(foreign)).toEqual([]);
    await Promise.all([seed, all, some, foreign].map((client) => client.close()));
  });

  it('are all live before a request is executed and before the connection before is let go, however many acks that takes', async () => {
    await using server = await serve(() => ({ methods: { echo: (data) => data } }), {
      server: { limits: { window: 100 } },
    });
    const log = server.app.get(EventLog);
    const before = await RawClient.welcomed(server.url);
    const stream = streamOf(server.sessions[0]!.principal, 't');
    const run = randomUUID();
    for (let n = 1; n <= 250; n += 1) await log.append(stream, [event(run, n)]);
    const { epoch } = await log.info(stream);
    const client = await RawClient.welcomed(server.url, 'ann', { session: before.welcome.session, subscribe: ['t'] });
    client.request('echo', 'early');
    let pauses = 0;
    for (let last = 0; ;) {
      while ((offsets(client).at(-1) ?? 0) === last) await client.arrival();
      await client.roundTrip();
      last = offsets(client).at(-1) as number;
      if (last === 250) break;
      expect(client.frames.filter(({ type }) => type === 'response' || type === 'live')).toEqual([]);
      expect(before.socket.readyState).toBe(before.socket.OPEN);
      client.send({ type: 'ack', stream: 't', epoch, offset: last });
      pauses += 1;
    }
    expect(pauses).toBeGreaterThan(0);
    expect(await client.next('live')).toMatchObject({ stream: 't', offset: 250 });
    expect(await client.next('response')).toMatchObject({ data: 'early' });
    expect((await before.closed).code).toBe(4309);
    await client.close();
  });

  it('do not make a client ready whose gate has closed meanwhile', async () => {
    const clock = new FakeClock();
    const { Database, report } = reportingService();
    let reading!: () => void;
    let goOn!: () => void;
    const read = new Promise<void>((resolve) => {
      reading = resolve;
    });
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const log = new MemoryLog(systemClock, systemRandom, () => {});
    const slow = Object.assign(log, {
      read: async () => {
        reading();
        await held;
        return { ...(await log.info('')), batches: [] };
      },
    });
    const container = new Container();
    container.bind(EventLog).toConstantValue(slow);
    await using server = await serve(echo, { services: [Database], app: { clock, container } });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann', { subscribe: ['t'] });
    const id = client.request('echo', 1);
    await client.next('welcome');
    await read;
    report(unhealthy('replica lost'));
    await clock.advance(8_000);
    goOn();
    await client.next('live');
    await client.roundTrip();
    expect(client.all('response')).toEqual([]);
    expect((await client.next('wait')).pending).toEqual(['Database']);
    expect(server.recorded.moves('connection').at(-1)).toMatch(/:syncing$/);
    report(healthy);
    // One second to the next check, two for the gate to trust it, and a moment so that not all come at once.
    await clock.advance(4_000);
    expect(await client.next('response')).toMatchObject({ id, ok: true });
    expect(server.sessions[0]?.permit.live).toBe(true);
    await client.close();
  });

  it('are reset, and say why, when the cursor cannot be continued', async () => {
    await using server = await serve(() => ({ methods: {} }));
    await (await RawClient.welcomed(server.url)).close();
    const stream = streamOf(server.sessions[0]!.principal, 't');
    await server.app.get(EventLog).append(stream, [event('r', 1)]);
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann', { cursors: { t: { epoch: 'another', offset: 7 } } });
    expect(await client.next('welcome')).toMatchObject({ streams: { t: { status: 'reset' } } });
    const reset = { type: 'reset', stream: 't', floor: 0, why: expect.stringContaining('epoch') };
    expect(await client.frame()).toMatchObject(reset);
    expect((await client.next('events')).offset).toBe(1);
    await client.close();
  });

  it('go out after the response to the request that caused them', async () => {
    await using server = await serve((session) => ({
      methods: {
        go: async () => {
          await session.follow('t');
          await log.append(streamOf(session.principal, 't'), [event('r', 1)]);
          return 'accepted';
        },
      },
    }));
    const log = server.app.get(EventLog);
    const client = await RawClient.welcomed(server.url);
    for (let i = 0; i < 3; i += 1) {
      client.request('go');
      await client.next('events');
    }
    const kinds = client.frames.map((frame) => frame.type).filter((type) => type === 'response' || type === 'events');
    expect(kinds).toEqual(['response', 'events', 'response', 'events', 'response', 'events']);
    await client.close();
  });

  it('lose nothing to a client that reads slowly', async () => {
    await using server = await serve(() => ({ methods: {} }), { server: { limits: { sendBufferBytes: 2_000 } } });
    const log = server.app.get(EventLog);
    const client = await RawClient.welcomed(server.url);
    const stream = streamOf(server.sessions[0]!.principal, 't');
    await server.sessions[0]!.follow('t');
    client.socket.pause();
    const wide = 'x'.repeat(2_000);
    for (let n = 1; n <= 2_000; n += 1) await log.append(stream, [{ ...event('r', n), data: { delta: wide } }]);
    client.socket.resume();
    while (offsets(client).length < 2_000) {
      const { stream: name, epoch, offset, events } = await client.next('events');
      client.send({ type: 'ack', stream: name, epoch, offset: offset + events.length - 1 });
    }
    expect(offsets(client)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
    await client.close();
  });
});

describe('probes', () => {
  const probe = (url: string, path: string): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      get(`${url.replace('ws', 'http')}${path}`, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve([response.statusCode ?? 0, body]));
      }).on('error', reject);
    });

  it('tell liveness, startup and readiness apart while it boots, and name nobody', async () => {
    const { Slow, up } = slowService();
    await using server = await serve(echo, { services: [Slow], server: { listen: 'at-once' } });
    const statuses = async () =>
      (await Promise.all(['/livez', '/startupz', '/readyz'].map((path) => probe(server.url, path)))).map(
        ([status]) => status,
      );
    expect(await statuses()).toEqual([200, 503, 503]);
    expect(await probe(server.url, '/readyz')).toEqual([503, '{"ready":false,"gate":"closed"}\n']);
    for (const path of ['/anything', '/muster/graph.json', '/readyz?verbose'])
      expect(await probe(server.url, path)).toEqual([503, expect.not.stringContaining('Slow')]);
    up();
    await server.started;
    expect(await statuses()).toEqual([200, 200, 200]);
    expect((await probe(server.url, '/anything'))[0]).toBe(404);
  });
});

describe('a boot that fails after it has listened', () => {
  it('says so to those who are connected, and frees the port', async () => {
    let fail!: () => void;
    const failing = new Promise<void>((resolve) => {
      fail = resolve;
    });
    const { Slow } = slowService();
    @service()
    class Broken implements Service {
      async start(): Promise<void> {
        await failing;
        throw Object.assign(new Error('no schema'), { fatal: true });
      }
    }
    const server = await serve(echo, { services: [Broken, Slow], server: { listen: 'at-once' } });
    const silent = new RawClient(server.url);
    await silent.opened();
    const held = new RawClient(server.url);
    await held.opened();
    held.hello('token:ann');
    await held.next('wait');
    for (let i = 0; i < 200; i += 1) held.request('echo', 'x'.repeat(5_000));
    fail();
    expect((await Promise.all([silent.closed, held.closed])).map(({ code }) => code)).toEqual([4201, 4201]);
    await expect(server.started).rejects.toMatchObject({ code: 'BOOT_FAILED' });
    await expect(fetch(`${server.url.replace('ws', 'http')}/livez`)).rejects.toThrow('fetch failed');
  });
});

describe('two factories on one path', () => {
  it('make the boot fail, naming both', async () => {
    @webSocketFactory({ path: '/ws' })
    class Second {
      open() {
        return { methods: {} };
      }
    }
    await expect(serve(echo, { services: [Second] })).rejects.toMatchObject({
      code: 'BOOT_FAILED',
      details: { causes: [{ description: 'Second and TestFactory serve the same path /ws.' }] },
    });
  });
});

describe('a boot that cannot listen', () => {
  it('fails with the address and what to do, and stops what it had started', async () => {
    await using first = await serve(echo);
    const port = Number(new URL(first.url).port);
    const second = await serve(echo, { server: { port } }).catch((error: unknown) => error);
    expect(second).toMatchObject({
      code: 'BOOT_FAILED',
      details: { causes: [{ description: expect.stringContaining(`127.0.0.1:${port}`) }] },
    });
  });
});
