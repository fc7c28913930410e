import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import fc from 'fast-check';
import { EventLog, streamOf } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { webSocketServer } from '@muster/server';
import { LIMIT_DEFAULTS } from '../src/connection/limits.ts';
import { RawClient, reportingService, serve, slowService } from './harness.ts';

const echo = () => ({ methods: { echo: (data: unknown) => data } });

describe('the limits', () => {
  it('stand in the dump, all of them, and those of the gate beside them', async () => {
    const app = { gate: { maxHeld: 7, holdMs: 3_000 } };
    await using server = await serve(echo, { app, server: { limits: { sessionsPerUser: 3 } } });
    const { limits } = server.app.graph().toJSON();
    expect(limits).toEqual({
      ...LIMIT_DEFAULTS,
      sessionsPerUser: 3,
      handshakeMs: 13_000,
      maxHeld: 7,
      holdMs: 3_000,
    });
  });
});

describe('before the 101', () => {
  it('an address may have so many connections, and so many that have not said who they are', async () => {
    await using server = await serve(echo, {
      server: { limits: { connectionsPerAddress: 3, unauthenticatedPerAddress: 2 } },
    });
    const strangers = [new RawClient(server.url), new RawClient(server.url)];
    await Promise.all(strangers.map((client) => client.opened()));
    expect(await new RawClient(server.url).refused()).toEqual({ status: 429, retryAfter: '5' });
    for (const client of strangers) {
      client.hello('token:ann');
      await client.next('welcome');
    }
    // They are no strangers any more.
    const third = await RawClient.welcomed(server.url);
    expect((await new RawClient(server.url).refused()).status).toBe(429);
    await third.close();
    await (await welcomedSoon(server.url)).close();
    await Promise.all(strangers.map((client) => client.close()));
  });

  it('an address is what the trusted proxies say, counted from the right', async () => {
    await using server = await serve(echo, {
      server: { trustProxy: 1, limits: { connectionsPerAddress: 1 } },
    });
    const from = (forwarded: string) => new RawClient(server.url, { headers: { 'x-forwarded-for': forwarded } });
    const one = from('6.6.6.6, 1.1.1.1');
    const two = from('1.1.1.1, 2.2.2.2');
    await Promise.all([one.opened(), two.opened()]);
    expect((await from('9.9.9.9, 1.1.1.1').refused()).status).toBe(429);
    await Promise.all([one.close(), two.close()]);
  });

  it('what clients say of their address counts for nothing where no proxy is trusted', async () => {
    await using server = await serve(echo, { server: { limits: { connectionsPerAddress: 1 } } });
    const one = new RawClient(server.url, { headers: { 'x-forwarded-for': '1.1.1.1' } });
    await one.opened();
    expect((await new RawClient(server.url, { headers: { 'x-forwarded-for': '2.2.2.2' } }).refused()).status).toBe(429);
    await one.close();
  });

  it('strangers in all are bounded, and those who are known are not among them', async () => {
    const limits = { unauthenticated: 2, unauthenticatedPerAddress: 2 };
    await using server = await serve(echo, { server: { trustProxy: 1, limits } });
    const from = (address: string) => new RawClient(server.url, { headers: { 'x-forwarded-for': address } });
    const strangers = [from('1.1.1.1'), from('2.2.2.2')];
    await Promise.all(strangers.map((client) => client.opened()));
    expect(await from('3.3.3.3').refused()).toEqual({ status: 503, retryAfter: '5' });
    strangers[0]?.hello('token:ann');
    await strangers[0]?.next('welcome');
    const third = from('3.3.3.3');
    await third.opened();
    await Promise.all([...strangers, third].map((client) => client.close()));
  });

  it('a hold that is full refuses at once', async () => {
    const { Slow, up } = slowService();
    await using server = await serve(echo, {
      services: [Slow],
      server: { listen: 'at-once' },
      app: { gate: { maxHeld: 1 } },
    });
    const held = new RawClient(server.url);
    await held.opened();
    held.hello('token:ann');
    await held.next('wait');
    while (server.recorded.moves('connection').at(-1)?.endsWith(':gated') !== true) await held.next('wait');
    expect(await new RawClient(server.url).refused()).toEqual({ status: 503, retryAfter: '5' });
    up();
    await held.next('welcome');
    await held.close();
  });
});

/** A client that is let in as soon as there is room for it. */
async function welcomedSoon(url: string): Promise<RawClient> {
  for (;;) {
    const client = new RawClient(url);
    const [outcome] = await Promise.race([
      once(client.socket, 'open').then(() => ['open']),
      once(client.socket, 'unexpected-response').then(() => ['refused']),
    ]);
    if (outcome === 'open') {
      client.hello('token:ann');
      await client.next('welcome');
      return client;
    }
  }
}

describe('a user', () => {
  it('has so many clients at the gate', async () => {
    const { Slow, up } = slowService();
    const server_ = { listen: 'at-once' as const, limits: { heldPerUser: 1 } };
    await using server = await serve(echo, { services: [Slow], server: server_ });
    const held = new RawClient(server.url);
    await held.opened();
    held.hello('token:ann');
    while ((await held.next('wait')).phase !== 'gated') continue;
    const second = new RawClient(server.url);
    await second.opened();
    second.hello('token:ann');
    expect(await second.frame()).toMatchObject({ code: 'TOO_MANY_HELD', details: { held: 1, limit: 1 } });
    expect((await second.closed).code).toBe(4102);
    const other = new RawClient(server.url);
    await other.opened();
    other.hello('token:bob');
    await other.next('wait');
    up();
    await Promise.all([held.next('welcome'), other.next('welcome')]);
    await Promise.all([held.close(), other.close()]);
  });

  it('has so many requests a second over all connections', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock }, server: { limits: { requestsPerSecond: 1 } } });
    const tabs = [await RawClient.welcomed(server.url), await RawClient.welcomed(server.url)];
    const answers = [];
    for (let i = 0; i < 12; i += 1) {
      const tab = tabs[i % 2] as RawClient;
      tab.request('echo', i);
      answers.push(await tab.next('response'));
    }
    expect(answers.map(({ ok }) => ok)).toEqual([...Array<boolean>(10).fill(true), false, false]);
    expect(answers.at(-1)).toMatchObject({ error: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 1_000 } });
    const bob = await RawClient.welcomed(server.url, 'bob');
    bob.request('echo', 1);
    expect(await bob.next('response')).toMatchObject({ ok: true });
    await clock.advance(1_000);
    tabs[0]?.request('echo', 1);
    expect(await tabs[0]?.next('response')).toMatchObject({ ok: true });
    await Promise.all([...tabs, bob].map((client) => client.close()));
  });
});

describe('a connection', () => {
  it('that sends too much hears of each frame, is read on, and is closed with 4103 when it goes on and on', async () => {
    const clock = new FakeClock();
    const limits = { framesPerSecond: 2, offences: 5 };
    await using server = await serve(echo, { app: { clock }, server: { limits } });
    const client = await RawClient.welcomed(server.url);
    for (let i = 0; i < 19; i += 1) client.send({ type: 'ping' });
    for (let i = 0; i < 19; i += 1) await client.next('pong');
    const id = client.request('echo', 1);
    expect(await client.frame()).toMatchObject({ code: 'RATE_LIMITED', request: id });
    await clock.advance(1_000);
    client.request('echo', 2);
    expect(await client.next('response')).toMatchObject({ data: 2 });
    for (let i = 0; i < 10; i += 1) client.send({ type: 'ping' });
    for (let i = 0; i < 5; i += 1) await client.next('error');
    expect(await client.frame()).toMatchObject({ type: 'bye', code: 4103 });
    expect((await client.closed).code).toBe(4103);
    expect(client.all('error')).toHaveLength(6);
  });

  it('that sends too many bytes hears of each frame that is over, and goes on when it has waited', async () => {
    const clock = new FakeClock();
    await using server = await serve(echo, { app: { clock }, server: { limits: { bytesPerSecond: 1_000 } } });
    const client = await RawClient.welcomed(server.url);
    const wide = 'x'.repeat(3_000);
    for (let i = 0; i < 3; i += 1) {
      client.request('echo', wide);
      expect(await client.frame()).toMatchObject({ type: 'response', ok: true });
    }
    const id = client.request('echo', wide);
    expect(await client.frame()).toMatchObject({ code: 'RATE_LIMITED', request: id, details: { what: 'bytes' } });
    await clock.advance(3_000);
    client.request('echo', wide);
    expect(await client.frame()).toMatchObject({ type: 'response', ok: true });
    await client.close();
  });

  it('may send frames up to the limit in bytes, whatever they are made of', async () => {
    await using server = await serve(echo, { server: { limits: { messageBytes: 1_000 } } });
    const client = await RawClient.welcomed(server.url);
    for (const letter of ['a', 'ü', '漢', '🚪']) {
      const empty = JSON.stringify({ type: 'request', id: randomUUID(), method: 'echo', data: '' });
      const room = 1_000 - Buffer.byteLength(empty);
      const width = Buffer.byteLength(letter);
      const text = letter.repeat(Math.floor(room / width)) + 'x'.repeat(room % width);
      client.send(empty.replace('""}', `"${text}"}`));
      expect(await client.next('response')).toMatchObject({ ok: true, data: text });
      client.send(empty.replace('""}', `"${text}x"}`));
      expect(await client.frame()).toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
        details: { bytes: 1_001, limit: 1_000 },
      });
    }
    await client.close();
  });

  it('that has events and acknowledges none for thirty seconds is closed with 4106', async () => {
    const clock = new FakeClock();
    const { Database } = reportingService();
    await using server = await serve(echo, { services: [Database], app: { clock } });
    const client = await RawClient.welcomed(server.url, 'ann', { subscribe: ['t'] });
    const stream = streamOf(server.sessions[0]!.principal, 't');
    const one = { id: 'r:1', event: 'agent_output', run: 'r', n: 1, agent: 'a', at: 0, data: { delta: 'x' } } as const;
    await server.app.get(EventLog).append(stream, [one]);
    await client.next('events');
    for (let s = 0; s < 60 && client.socket.readyState === client.socket.OPEN; s += 5) {
      await clock.advance(5_000);
      await client.roundTrip();
    }
    expect(await client.fate()).toBe(4106);
  });
});

describe('limits', () => {
  it('are checked where they are declared', () => {
    expect(() => webSocketServer({ limits: { mailbox: 0 } })).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        details: expect.objectContaining({ option: 'limits.mailbox' }),
      }),
    );
  });

  it('stand in welcome as far as they concern a client', async () => {
    await using server = await serve(echo, { server: { limits: { window: 7 } } });
    const client = await RawClient.welcomed(server.url);
    expect(client.welcome.limits).toEqual({
      messageBytes: 65_536,
      framesPerSecond: 1_000,
      bytesPerSecond: 1_048_576,
      mailbox: 256,
      window: 7,
      streams: 64,
    });
    await client.close();
  });
});

describe('any text', () => {
  const generous = { framesPerSecond: 1e9, bytesPerSecond: 1e12, requestsPerSecond: 1e9, offences: 1e9, mailbox: 1e6 };

  it('gets exactly one answer, and the next valid frame works: 10 000 of them', async () => {
    await using server = await serve(echo, { server: { limits: { ...generous, messageBytes: 2_000 } } });
    const client = await RawClient.welcomed(server.url);
    const word = fc.constantFrom('hello', 'request', 'cancel', 'ack', 'pull', 'subscribe', 'auth', 'nope', 'ping', '');
    const shaped = fc
      .record(
        {
          type: fc.oneof(word, fc.anything()),
          id: fc.oneof(fc.uuid(), fc.string()),
          method: fc.oneof(fc.constant('echo'), fc.string()),
          data: fc.anything(),
          stream: fc.string({ maxLength: 300 }),
          epoch: fc.string(),
          offset: fc.double(),
          since: fc.integer(),
        },
        { requiredKeys: [] },
      )
      .map((value) => toText(value));
    const texts = fc.sample(
      fc.oneof(
        fc.string(),
        fc.json(),
        shaped,
        fc.nat(4_000).map((n) => 'x'.repeat(n)),
        fc.nat(900).map((n) => '['.repeat(n) + ']'.repeat(n)),
        fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 3 }).map((list) => JSON.stringify(list)),
      ),
      { numRuns: 10_000, seed: 20_261_125 },
    );
    /** Everything before it has been answered when this is. */
    const marked = async (): Promise<void> => {
      const id = client.request('echo', 'the next valid frame');
      while ((await client.next('response')).id !== id) continue;
    };
    let sent = 0;
    for (const text of texts) {
      // A second hello ends the connection, as it should, and a subscription that succeeds is answered by its events.
      if (/"type":"(hello|subscribe|unsubscribe|pong)"/.test(text)) continue;
      client.send(text);
      sent += 1;
      if (sent % 500 === 0) await marked();
    }
    await marked();
    const answers = client.frames.filter(({ type }) => ['error', 'response', 'pong'].includes(type)).length;
    // Each got one: a cancel, an ack or an auth that is well formed names nothing that there is, and is told so.
    expect(answers - (Math.floor(sent / 500) + 1)).toBe(sent);
    expect(sent).toBeGreaterThan(9_000);
    await client.close();
    expect(server.recorded.all.filter(({ type }) => type === 'fault')).toEqual([]);
  }, 30_000);

  it('split into fragments is one frame, and violations of the RFC close as it says', async () => {
    await using server = await serve(echo, { server: { limits: generous } });
    const client = await RawClient.welcomed(server.url);
    const text = JSON.stringify({ type: 'request', id: randomUUID(), method: 'echo', data: 'in parts' });
    client.socket.send(text.slice(0, 10), { fin: false, binary: false });
    client.socket.send(text.slice(10, 30), { fin: false, binary: false });
    client.socket.send(text.slice(30), { fin: true, binary: false });
    expect(await client.next('response')).toMatchObject({ data: 'in parts' });
    await client.close();
    expect(await closeCodeAfter(server.url, Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]))).toBe(1007);
    expect(await closeCodeAfter(server.url, Buffer.from([0x83, 0x80, 0, 0, 0, 0]))).toBe(1002);
    expect(await closeCodeAfter(server.url, Buffer.from([0x81, 0x01, 0x61]))).toBe(1002);
  });
});

function toText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return 'not JSON at all';
  }
}

/** What the server closes with after these bytes, on a socket that has been upgraded. */
async function closeCodeAfter(url: string, bytes: Buffer): Promise<number> {
  const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
  socket.write(
    'GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: muster.v1\r\n\r\n',
  );
  await once(socket, 'data');
  socket.write(bytes);
  let got = Buffer.alloc(0);
  for await (const chunk of socket) {
    got = Buffer.concat([got, chunk as Buffer]);
    const at = got.indexOf(0x88);
    if (at >= 0 && got.length >= at + 4) {
      socket.destroy();
      return got.readUInt16BE(at + 2);
    }
  }
  return 0;
}
