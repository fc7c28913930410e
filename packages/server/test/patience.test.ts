/** What a server bears: everything short of a limit leaves the connection as it is, and who has gone counts no more. */
import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { createApp, EventLog, provide, service, streamOf } from '@muster/core';
import { FakeClock, recordEvents, SeededRandom } from '@muster/core/testing';
import {
  type AuthenticateContext,
  Authenticator,
  ConnectionPool,
  type Credentials,
  webSocketFactory,
  webSocketServer,
} from '@muster/server';
import { RawClient, serve, slowService } from './harness.ts';

const echo = () => ({ methods: { echo: (data: unknown) => data } });
const event = (n: number) =>
  ({ id: `r:${n}`, event: 'agent_output', run: 'r', n, agent: 'a', at: 0, data: { delta: `${n}` } }) as const;
const isOpen = (client: RawClient): boolean => client.socket.readyState === client.socket.OPEN;

describe('a silent client', () => {
  it('is borne for two pings, and all is forgotten when it says anything at all', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock } });
    const client = await RawClient.welcomed(server.url);
    for (let round = 0; round < 3; round += 1) {
      for (let ping = 0; ping < 2; ping += 1) {
        await clock.advance(15_000);
        await client.next('ping');
      }
      expect(isOpen(client)).toBe(true);
      client.request('echo', round);
      expect(await client.next('response')).toMatchObject({ data: round });
    }
    await clock.advance(30_000);
    await clock.advance(15_000);
    expect((await client.closed).code).toBe(4105);
  });

  it('that does not even answer the close is cut off, and is gone at once', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock } });
    const client = await RawClient.welcomed(server.url);
    const other = await RawClient.welcomed(server.url, 'bob');
    // It reads nothing, so it sees no close; its socket stays open as far as it knows.
    client.socket.pause();
    const moves = (): readonly string[] =>
      server.recorded.moves('connection').filter((move) => move.startsWith(client.welcome.connection));
    for (let pings = 0; pings < 2; pings += 1) {
      await clock.advance(15_000);
      await other.roundTrip();
    }
    expect(moves().at(-1)).toMatch(/:ready$/);
    await clock.advance(15_000);
    // The event loop has been around, and time has stood still.
    await other.roundTrip();
    const last = moves().at(-1);
    client.socket.terminate();
    expect(last).toMatch(/:closed$/);
    await other.close();
  });
});

describe('a client that is always behind', () => {
  it('is borne as long as it acknowledges something now and then', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock } });
    const client = await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] });
    const stream = streamOf(server.sessions[0]!.principal, 't');
    const log = server.app.get(EventLog);
    for (let n = 1; n <= 20; n += 1) await log.append(stream, [event(n)]);
    const { epoch } = await log.info(stream);
    while ((await client.next('events')).offset < 20) continue;
    for (let offset = 1; offset <= 8; offset += 1) {
      for (let part = 0; part < 5; part += 1) {
        await clock.advance(5_000);
        await client.roundTrip();
      }
      expect(isOpen(client)).toBe(true);
      client.send({ type: 'ack', stream: 't', epoch, offset });
      await client.roundTrip();
    }
    // The same time again without an ack.
    for (let part = 0; part < 10 && isOpen(client); part += 1) {
      await clock.advance(5_000);
      if (isOpen(client)) await client.roundTrip();
    }
    expect((await client.closed).code).toBe(4106);
  });
});

describe('a client to which nothing was said for long', () => {
  it('has its time from the first event on, and not from the last ack', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock } });
    const client = await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] });
    const stream = streamOf(server.sessions[0]!.principal, 't');
    const log = server.app.get(EventLog);
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms && isOpen(client); passed += 5_000) {
        await clock.advance(5_000);
        if (isOpen(client)) await client.roundTrip();
      }
    };
    await pass(60_000);
    for (let n = 1; n <= 2; n += 1) {
      // Right before a look at all connections.
      await clock.advance(14_900);
      await log.append(stream, [event(n)]);
      const { epoch, offset } = await client.next('events');
      await clock.advance(100);
      await client.roundTrip();
      expect(isOpen(client)).toBe(true);
      client.send({ type: 'ack', stream: 't', epoch, offset });
      await client.roundTrip();
      await pass(45_000);
      expect(isOpen(client)).toBe(true);
    }
    await log.append(stream, [event(3)]);
    await client.next('events');
    await pass(25_000);
    expect(isOpen(client)).toBe(true);
    await pass(25_000);
    expect((await client.closed).code).toBe(4106);
  });
});

describe('offences', () => {
  it('are forgotten after ten seconds: whoever errs now and then is served for ever', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock }, server: { limits: { offences: 5 } } });
    const client = await RawClient.welcomed(server.url);
    for (let round = 0; round < 4; round += 1) {
      for (let i = 0; i < 5; i += 1) {
        client.send('no frame');
        expect(await client.next('error')).toMatchObject({ code: 'FRAME_INVALID' });
      }
      client.request('echo', round);
      expect(await client.next('response')).toMatchObject({ data: round });
      await clock.advance(10_000);
    }
    for (let i = 0; i < 6; i += 1) client.send('no frame');
    expect((await client.closed).code).toBe(4103);
  });
});

describe('a place at the gate', () => {
  it('is free again when its client has gone, and when it was let in', async () => {
    const clock = new FakeClock();
    const { Slow, up } = slowService();
    await using server = await serve(echo, {
      services: [Slow],
      app: { clock },
      server: { listen: 'at-once', limits: { heldPerUser: 1 } },
    });
    const waiting = async (): Promise<RawClient> => {
      const client = new RawClient(server.url);
      await client.opened();
      client.hello('token:ann');
      while ((await client.next('wait')).phase !== 'gated') continue;
      return client;
    };
    for (let n = 0; n < 3; n += 1) {
      const client = await waiting();
      const closed = new Promise<void>((resolve) => {
        server.app.events.on((e) => {
          if (e.type === 'moved' && e.machine === 'connection' && e.to === 'closed') resolve();
        });
      });
      client.socket.terminate();
      await closed;
    }
    const last = await waiting();
    up();
    await last.next('welcome');
    await last.close();
  });
});

describe('what comes between hello and welcome', () => {
  it('is kept up to so many bytes, and what is over is answered as not executed', async () => {
    let goOn!: () => void;
    const ready = new Promise<void>((resolve) => (goOn = resolve));
    await using server = await serve(echo, { server: { limits: { mailboxBytes: 3_000 } } });
    const log = server.app.get(EventLog);
    const info = log.info.bind(log);
    log.info = async (stream) => {
      await ready;
      return info(stream);
    };
    const client = new RawClient(server.url);
    await client.opened();
    const { _socket: tcp } = client.socket as unknown as { _socket: Socket };
    // In one chunk: what the parser has read when reading is paused.
    tcp.cork();
    client.hello('token:ann', { subscribe: ['t'] });
    const ids = Array.from({ length: 5 }, () => client.request('echo', 'x'.repeat(1_200)));
    const small = client.request('echo', 'small enough for what is left');
    client.send({ type: 'ping' });
    tcp.uncork();
    await client.next('pong');
    const refusal = { ok: false, error: { code: 'MAILBOX_FULL' } };
    expect(client.all('response')).toMatchObject(ids.slice(2).map((id) => ({ id, ...refusal })));
    goOn();
    for (const id of [...ids.slice(0, 2), small]) expect(await client.next('response')).toMatchObject({ id, ok: true });
    await client.close();
  });
});

describe('a client that the application holds for long', () => {
  it('has as long as it is held, and is served when the gate opens', async () => {
    const clock = new FakeClock();
    const { Slow, up } = slowService();
    const app = { clock, gate: { holdMs: 60_000 } };
    await using server = await serve(echo, { services: [Slow], server: { listen: 'at-once' }, app });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann');
    await client.next('wait');
    await clock.advance(50_000);
    expect(await client.fate()).toBe('open');
    up();
    await client.next('welcome');
    await client.close();
  });
});

describe('a client that waits at the gate and goes', () => {
  it('makes room for another session of its user', async () => {
    const { Slow, up } = slowService();
    await using server = await serve(echo, {
      services: [Slow],
      server: { listen: 'at-once', limits: { sessionsPerUser: 1 } },
    });
    const held = async (): Promise<RawClient> => {
      const client = new RawClient(server.url);
      await client.opened();
      client.hello('token:ann');
      while ((await client.next('wait')).phase !== 'gated') continue;
      return client;
    };
    await (await held()).close();
    const client = await held();
    up();
    await client.next('welcome');
    await client.close();
  });

  it('is given no handler when the gate opens while it is being sent away', async () => {
    const { Slow, up } = slowService();
    await using server = await serve(echo, {
      services: [Slow],
      server: { listen: 'at-once', limits: { offences: 1 } },
    });
    const closing = new Promise<void>((resolve) => {
      server.app.events.on((e) => {
        if (e.type === 'moved' && e.machine === 'connection' && e.to === 'closing') resolve();
      });
    });
    const client = new RawClient(server.url);
    await client.opened();
    client.hello('token:ann');
    while ((await client.next('wait')).phase !== 'gated') continue;
    // It reads nothing, so it does not answer the close.
    client.socket.pause();
    for (let i = 0; i < 2; i += 1) client.send('no frame');
    await closing;
    up();
    await server.started;
    await new Promise((resolve) => setImmediate(resolve));
    client.socket.terminate();
    expect(server.recorded.moves('gate').at(-1)).toMatch(/:open$/);
    expect(server.sessions).toEqual([]);
  });
});

describe('a stop', () => {
  it('has its clients come again one after the other, over more than half of the time that it has', async () => {
    const random = new SeededRandom(4);
    await using server = await serve(echo, { app: { random } });
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, i) => RawClient.welcomed(server.url, `user ${i}`)),
    );
    const stopping = server.app.stop();
    const drains = await Promise.all(clients.map((client) => client.next('drain')));
    await stopping;
    const [{ deadlineMs } = { deadlineMs: 0 }] = drains;
    expect(deadlineMs).toBeGreaterThan(1_000);
    const parts = drains.map(({ reconnectInMs }) => reconnectInMs / deadlineMs).sort((one, other) => one - other);
    expect(parts[0]).toBeLessThan(0.1);
    expect(parts.at(-1)).toBeGreaterThan(0.5);
    expect(parts.at(-1)).toBeLessThanOrEqual(0.6);
    // Nowhere come many at once.
    const gaps = parts.slice(1).map((part, i) => part - (parts[i] as number));
    expect(Math.max(...gaps)).toBeLessThan(0.15);
  });
});

describe('an authenticator that does not answer', () => {
  it('hears that its client has gone, whether that left or was sent away', async () => {
    const clock = new FakeClock();
    const signals: AbortSignal[] = [];
    let asked!: () => void;
    @service()
    class Hanging implements Authenticator {
      authenticate(_: Credentials, { signal }: AuthenticateContext): Promise<never> {
        signals.push(signal);
        asked();
        return new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
    }
    @webSocketFactory({ path: '/ws' })
    class Front {
      open = echo;
    }
    const services = [Front, ConnectionPool, provide(Authenticator, Hanging)];
    for (const leaves of [true, false]) {
      const server = webSocketServer({ port: 0 });
      await using app = createApp({ services, server, clock });
      const recorded = recordEvents(app);
      await app.start();
      const question = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const client = new RawClient(server.url.replace('http', 'ws'));
      await client.opened();
      client.hello('token:ann');
      await question;
      const signal = signals.at(-1) as AbortSignal;
      expect(signal.aborted).toBe(false);
      if (leaves) client.socket.terminate();
      else await clock.advance(20_000);
      if (!leaves) expect(await client.fate()).toBe(4104);
      await recorded.first('moved', ({ machine, to }) => machine === 'connection' && to === 'closed');
      expect(signal.aborted).toBe(true);
    }
  });
});

describe('a failure behind the server', () => {
  it.each(['broken', 'odd'])(
    'of the authenticator, which throws what is no verdict (%s), sends nobody away for good',
    async (token) => {
      await using server = await serve(echo);
      const client = new RawClient(server.url);
      await client.opened();
      client.hello(token);
      expect(await client.next('error')).toMatchObject({ code: 'AUTH_UNAVAILABLE' });
      expect((await client.closed).code).toBe(4101);
      expect(client.frames.at(-1)).toMatchObject({ type: 'bye', retry: 'backoff' });
      // Its cause is among the faults of the server, and nowhere else.
      expect(server.recorded.all.filter(({ type }) => type === 'fault')).toMatchObject([
        {
          component: 'authenticator',
          connection: server.recorded.all.find((e) => e.type === 'client-error')?.connection,
        },
      ]);
    },
  );

  it('of one look at the log fails one request, and the thread can be followed after it', async () => {
    await using server = await serve((session) => ({ methods: { follow: () => session.follow('t') } }));
    const log = server.app.get(EventLog);
    const client = await RawClient.welcomed(server.url);
    const info = log.info.bind(log);
    log.info = () => Promise.reject(new Error('the disk hiccups'));
    client.request('follow');
    expect(await client.next('response')).toMatchObject({ ok: false, error: { code: 'INTERNAL' } });
    log.info = info;
    client.request('follow');
    expect(await client.next('response')).toMatchObject({ ok: true });
    await log.append(streamOf(server.sessions[0]!.principal, 't'), [event(1)]);
    expect(await client.next('events')).toMatchObject({ stream: 't', offset: 1 });
    await client.close();
  });
});

describe('the frames of one tick', () => {
  it('leave in one write', async () => {
    const http = createServer();
    const sockets: Socket[] = [];
    http.on('connection', (socket) => sockets.push(socket));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const made = webSocketServer({ attachTo: http });
    await using server = await serve(echo, { app: { server: made } });
    await server.started;
    const client = await RawClient.welcomed(made.url.replace('http', 'ws'));
    const socket = sockets[0] as Socket;
    let writes = 0;
    const write = socket._write.bind(socket);
    const writev = socket._writev!.bind(socket);
    socket._write = (...given) => ((writes += 1), write(...given));
    socket._writev = (...given) => ((writes += 1), writev(...given));
    // In one chunk, so that the server reads all of them in one tick.
    const { _socket: tcp } = client.socket as unknown as { _socket: Socket };
    tcp.cork();
    for (let i = 0; i < 20; i += 1) client.send({ type: 'ping' });
    tcp.uncork();
    for (let i = 0; i < 20; i += 1) await client.next('pong');
    expect(writes).toBe(1);
    await client.close();
    http.close();
  });
});
