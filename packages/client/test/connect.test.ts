import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { FRAME_BOUNDS, parseClientFrame, StateMachine, SUBPROTOCOL, type TransitionTable } from '@muster/contracts';
import { type ClientState, type ClientStatus, connect } from '@muster/client';
import { CLIENT } from '../src/client-state.ts';
import { systemRandom } from '../src/clock.ts';
import { STABLE_MS } from '../src/connector.ts';
import { SILENT_HEARTBEATS } from '../src/link.ts';
import { DEFAULTS } from '../src/options.ts';
import { MAX_STREAMS } from '../src/streams.ts';
import { randomOf, ready, setUp, welcomeFrame } from './fake-server.ts';

describe('the states of a client', () => {
  it('move exactly as the table says, which its picture shows', () => {
    const table: TransitionTable = CLIENT;
    const picture = readFileSync(new URL('../src/client-state.ts', import.meta.url), 'utf8').split('*/')[0] as string;
    const all = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];
    for (const [state, row] of Object.entries(table)) {
      expect(picture).toContain(state);
      for (const each of all) {
        const machine = new StateMachine('client', table, state);
        if (row[each] === undefined)
          expect(() => machine.send(each)).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
        else expect(machine.send(each)).toBe(row[each]);
        expect(picture).toContain(each);
      }
    }
  });

  it('are told to whoever shows them, with what is awaited', async () => {
    const { server, client, clock } = setUp();
    const seen: [ClientState, string][] = [];
    client.onState(({ state, waitingFor }: ClientStatus) => seen.push([state, waitingFor.join()]));
    server.answer = (socket, frame) => {
      if (frame.type !== 'hello') return false;
      socket.say({ type: 'wait', phase: 'gated', pending: ['Database'], retryAfterMs: 2_000 });
      return true;
    };
    expect(client.state).toBe('idle');
    const opening = client.open();
    await clock.settle();
    expect(client.status).toMatchObject({ state: 'greeting', waitingFor: ['Database'], lastClose: null });
    server.last.say(welcomeFrame({}));
    await opening;
    server.last.say({ type: 'degraded', services: ['Search'] });
    expect(client.status.waitingFor).toEqual(['Search']);
    server.last.say({ type: 'recovered', services: [] });
    server.last.end(1006);
    expect(client.status).toMatchObject({ state: 'waiting', retryInMs: 250, lastClose: { code: 1006 } });
    await client.close();
    expect(seen.map((each) => each.join(' ').trim())).toEqual([
      'connecting',
      'greeting',
      'greeting Database',
      'ready',
      'degraded Search',
      'ready',
      'waiting',
      'waiting',
      'closed',
    ]);
  });
});

describe('connect', () => {
  it('says hello with its token in the first frame and nowhere else, and resolves when it is welcomed, not before', async () => {
    const { server, client, clock } = setUp({ token: async () => 'secret', name: 'test', subscribe: ['t'] });
    let resolved = false;
    server.answer = ({ received }) => received.length === 1 && !resolved;
    const opening = client.open().then((frame) => {
      resolved = true;
      return frame;
    });
    await clock.settle();
    expect(resolved).toBe(false);
    expect(client.state).toBe('greeting');
    const { url, protocol, received } = server.last;
    expect([url, protocol]).toEqual(['wss://x/ws', SUBPROTOCOL]);
    expect(received).toMatchObject([
      { type: 'hello', client: { name: 'test' }, auth: { scheme: 'bearer', token: 'secret' }, subscribe: ['t'] },
    ]);
    expect(received[0].session).toBeUndefined();
    expect(parseClientFrame(JSON.stringify(received[0])).type).toBe('hello');
    server.last.say(welcomeFrame({}));
    expect((await opening).user).toBe('ann');
    expect(client.state).toBe('ready');
    await client.close();
    expect(client.state).toBe('closed');
    expect(server.last.closedByClient).toBe(1000);
  });

  it('says what is missing where a runtime has no WebSocket, and which option is wrong', async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    Reflect.deleteProperty(globalThis, 'WebSocket');
    try {
      await expect(connect({ url: 'ws://127.0.0.1:1', token: 'x' })).rejects.toMatchObject({ code: 'NO_WEB_SOCKET' });
    } finally {
      if (own) Object.defineProperty(globalThis, 'WebSocket', own);
    }
    expect(() => setUp({ timeoutMs: -1 })).toThrow(
      expect.objectContaining({ code: 'CLIENT_OPTION_INVALID', details: { option: 'timeoutMs', got: '-1' } }),
    );
    class Strict {
      constructor() {
        throw new SyntaxError('no URL');
      }
    }
    await expect(setUp({ WebSocket: Strict as never }).client.open()).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      cause: { message: 'no URL' },
    });
  });

  it('gives up after connectMs, and says what it waited for', async () => {
    const { server, client, clock } = setUp({ connectMs: 5_000 });
    server.answer = (socket) => {
      socket.say({ type: 'wait', phase: 'gated', pending: ['Database'], retryAfterMs: 2_000 });
      return true;
    };
    const opening = client.open();
    const refused = expect(opening).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: expect.stringContaining('it waits for Database'),
    });
    await clock.advance(4_999);
    expect(client.state).toBe('greeting');
    await clock.advance(1);
    await refused;
    expect(client.state).toBe('closed');
    expect(server.last.isClosed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is refused when its signal is aborted, and closes when that happens later', async () => {
    const controller = new AbortController();
    const { client } = await ready({ signal: controller.signal });
    controller.abort();
    expect((await client.closed).code).toBe(1000);
    await expect(client.request('any', {})).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await expect(setUp({ signal: AbortSignal.abort(new Error('no')) }).client.open()).rejects.toThrow('no');
  });

  it('makes ids that are UUIDs of version 4', () => {
    const ids = new Set(Array.from({ length: 100 }, () => systemRandom.uuid()));
    expect(ids.size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('a token', () => {
  it('is asked for anew for every connection', async () => {
    let asked = 0;
    const { server, clock } = await ready({ token: () => `token-${(asked += 1)}` });
    server.last.end(4108);
    await clock.advance(1_000);
    expect(server.sockets.map(({ received }) => received[0].auth.token)).toEqual(['token-1', 'token-2']);
  });

  it('is shown in band when it is about to expire', async () => {
    let asked = 0;
    const { server, clock } = await ready({ token: () => `token-${(asked += 1)}` });
    server.last.say({ type: 'auth_expiring', inMs: 60_000 });
    await clock.settle();
    expect(server.last.all('auth')).toEqual([{ type: 'auth', scheme: 'bearer', token: 'token-2' }]);
    expect(server.sockets.length).toBe(1);
  });

  it('that is a string and has expired closes for good, because it cannot be renewed', async () => {
    const { server, client } = await ready();
    server.last.say({ type: 'auth_expiring', inMs: 60_000 });
    server.last.end(4108);
    expect((await client.closed).error).toMatchObject({
      code: 'CONNECTION_CLOSED',
      details: { code: 4108, retry: 'never' },
    });
  });

  it('that cannot be fetched fails the first connection, and delays a later one', async () => {
    const failing = (): string => {
      throw new Error('wrong password');
    };
    const first = setUp({ token: failing }).client.open();
    await expect(first).rejects.toMatchObject({ code: 'TOKEN_FAILED', cause: { message: 'wrong password' } });
    let asked = 0;
    const { server, client, clock, errors } = await ready({ token: () => ((asked += 1) === 2 ? failing() : 'good') });
    server.last.end(1006);
    await clock.advance(250);
    expect([client.state, errors]).toEqual(['waiting', ['TOKEN_FAILED']]);
    await clock.advance(499);
    expect(client.state).toBe('waiting');
    await clock.advance(1);
    expect(client.state).toBe('ready');
  });
});

describe('a connection that is lost', () => {
  it.each([4001, 4002, 4004, 4007, 4099, 1000])('with %d is lost for good', async (code) => {
    const { server, client, clock } = await ready();
    const run = client.run('hi');
    server.last.end(code, 'because');
    const lost = { code: 'CONNECTION_CLOSED', details: { code, reason: 'because', retry: 'never' } };
    expect(await client.closed).toMatchObject({ code, error: lost });
    await expect(run.result).rejects.toMatchObject(lost);
    await expect(client.request('any', {})).rejects.toMatchObject(lost);
    await expect(client.run('late').accepted).rejects.toMatchObject(lost);
    await expect(client.events('t')[Symbol.asyncIterator]().next()).rejects.toMatchObject(lost);
    await clock.advance(100_000);
    expect(server.sockets.length).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('before its first welcome with a code of 40xx rejects connect()', async () => {
    const { server, client } = setUp();
    server.answer = (socket) => (socket.end(4001, 'unauthenticated'), true);
    await expect(client.open()).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      details: { code: 4001, retry: 'never' },
    });
  });

  it.each([1006, 1011, 4101, 4106, 4199])(
    'with %d comes back with full jitter that doubles up to 30 seconds',
    async (code) => {
      const { server, client, clock } = await ready({ random: randomOf(0.999) });
      server.answer = (socket) => (socket.end(code), true);
      server.last.end(code);
      for (const bound of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        const tried = server.sockets.length;
        await clock.advance(bound * 0.999 - 1);
        expect(server.sockets.length).toBe(tried);
        await clock.advance(1);
        expect(server.sockets.length).toBe(tried + 1);
      }
      expect(client.state).toBe('waiting');
    },
  );

  it('can come back at once when the jitter says so, but never before the server allowed it', async () => {
    const { server, clock } = await ready({ random: randomOf(0) });
    server.last.say({
      type: 'bye',
      code: 4102,
      name: 'overloaded',
      retry: 'backoff',
      resumable: true,
      retryAfterMs: 7_000,
    });
    server.last.end(4102);
    await clock.advance(6_999);
    expect(server.sockets.length).toBe(1);
    await clock.advance(1);
    expect(server.sockets.length).toBe(2);
    server.last.end(1006);
    await clock.advance(0);
    expect(server.sockets.length).toBe(3);
  });

  it('with 42xx comes back now, and then with backoff: never in a tight loop', async () => {
    const { server, clock } = await ready();
    server.answer = (socket) => server.sockets.length < 10 && (socket.end(4201), true);
    server.last.end(4201);
    await clock.advance(0);
    expect(server.sockets.length).toBe(2);
    await clock.advance(499);
    expect(server.sockets.length).toBe(2);
    await clock.advance(1);
    expect(server.sockets.length).toBe(3);
  });

  it.each([4301, 4309])(
    'with %d comes back now under a new session, which does not take the old one back',
    async (code) => {
      const { server, client, clock } = await ready({ subscribe: ['t'] });
      server.last.end(code);
      server.session = 'session-2';
      await clock.advance(0);
      expect(server.last.received[0]).toMatchObject({ type: 'hello', cursors: { t: { epoch: 'e', offset: 0 } } });
      expect(server.last.received[0].session).toBeUndefined();
      server.last.end(1006);
      await clock.advance(1_000);
      expect(server.last.received[0].session).toBe('session-2');
      expect(client.state).toBe('ready');
    },
  );

  it('begins with the first delay again only after it was ready for a while', async () => {
    const { server, clock, client } = await ready();
    const lose = async (): Promise<number | null> => {
      server.last.end(1006);
      const { retryInMs } = client.status;
      await clock.advance(retryInMs ?? 0);
      expect(client.state).toBe('ready');
      return retryInMs;
    };
    expect(await lose()).toBe(250);
    await clock.advance(STABLE_MS - 1);
    expect(await lose()).toBe(500);
    await clock.advance(STABLE_MS);
    expect(await lose()).toBe(250);
  });

  it('resumes its session', async () => {
    const { server, clock } = await ready();
    server.last.end(1006);
    await clock.advance(1_000);
    expect(server.last.received[0]).toMatchObject({ type: 'hello', session: 'session-1' });
  });

  it('is noticed by silence alone, though nobody says so', async () => {
    const { server, client, clock } = setUp();
    server.heartbeatMs = 15_000;
    await client.open();
    server.isDeaf = true;
    const limit = server.heartbeatMs * SILENT_HEARTBEATS;
    await clock.advance(limit - 1);
    server.last.say({ type: 'ping', positions: {} });
    expect(server.last.all('pong').length).toBe(1);
    await clock.advance(limit - 1);
    expect(client.state).toBe('ready');
    await clock.advance(1);
    expect(client.status).toMatchObject({ state: 'waiting', lastClose: { code: 4105 } });
    await clock.advance(1_000);
    expect([client.state, server.sockets.length]).toEqual(['ready', 2]);
  });

  it('is noticed during a handshake that never ends', async () => {
    const { server, client, clock } = setUp({ connectMs: Infinity });
    server.opens = false;
    void client.open().catch(() => {});
    await clock.advance(DEFAULTS.handshakeMs - 1);
    expect(client.state).toBe('connecting');
    await clock.advance(1);
    expect(client.state).toBe('waiting');
    await client.close();
    expect(clock.pending).toBe(0);
  });

  it('closes in bounded time, whether or not the other side answers', async () => {
    const { server, client, clock } = await ready();
    server.isDeaf = true;
    const closing = client.close();
    expect(client.state).toBe('closed');
    await clock.advance(1_000);
    await closing;
    expect(clock.pending).toBe(0);
  });
});

describe('a server that drains', () => {
  const drain = { type: 'drain', deadlineMs: 5_000, reconnectInMs: 1_700 };

  it('is left after the new socket was welcomed, not before, and events of the old one count until then', async () => {
    const { server, client, clock } = await ready({ subscribe: ['t'] });
    const seen: string[] = [];
    client.onEvent(({ id }) => seen.push(id));
    const [old] = server.sockets;
    old?.say(drain);
    expect(client.state).toBe('draining');
    await clock.advance(1_699);
    expect(server.sockets.length).toBe(1);
    let hello: object | undefined;
    server.answer = (_, frame) => (frame.type === 'hello' ? ((hello = frame), true) : false);
    await clock.advance(1);
    expect(hello).toMatchObject({ session: 'session-1', cursors: { t: { offset: 0 } } });
    const say = (offset: number, n: number): object => ({
      type: 'events',
      stream: 't',
      epoch: 'e',
      offset,
      events: [{ id: `r:${n}`, event: 'agent_thinking', run: 'r', n, agent: 'a', at: 0, data: { reasoning: '' } }],
    });
    old?.say(say(1, 1), say(2, 2));
    expect(old?.closedByClient).toBeUndefined();
    const streams = { t: { epoch: 'e', floor: 0, top: 2, status: 'live' } };
    server.last.say(welcomeFrame({ streams }), say(1, 1), say(2, 2), say(3, 3));
    expect(client.state).toBe('ready');
    expect(old?.closedByClient).toBe(1000);
    old?.say(say(4, 4));
    expect(seen).toEqual(['r:1', 'r:2', 'r:3']);
    await clock.settle();
    expect(client.state).toBe('ready');
  });

  it('is told nothing new, and what it left unanswered is asked on the new socket', async () => {
    const { server, client, clock } = await ready();
    const [old] = server.sockets;
    server.answer = (socket, frame) => frame.type === 'request' && socket === old;
    const sent = client.request('sent', {});
    await clock.settle();
    old?.say(drain);
    const held = client.request('held', {});
    await clock.settle();
    expect(old?.all('request').map(({ method }) => method)).toEqual(['sent']);
    await clock.advance(1_700);
    await Promise.all([sent, held]);
    expect(server.last.all('request').map(({ method }) => method)).toEqual(['sent', 'held']);
    expect(server.last.all('request')[0].id).toBe(old?.all('request')[0].id);
  });

  it('serves on when no other can be opened, until it closes; then the wait is what it asked for', async () => {
    const { server, client, clock } = await ready();
    const [old] = server.sockets;
    server.answer = (_, frame) => frame.type === 'hello';
    old?.say({ ...drain, reconnectInMs: 0 });
    await clock.advance(0);
    server.last.end(1006);
    expect(client.status).toMatchObject({ state: 'draining', retryInMs: 500 });
    await clock.advance(500);
    expect(server.sockets.length).toBe(3);
    old?.end(4201);
    expect(client.state).toBe('greeting');
    server.last.say(welcomeFrame({}));
    expect(client.state).toBe('ready');
  });

  it('that closes before the time it named is not connected to before that time', async () => {
    const { server, client, clock } = await ready();
    server.last.say(drain);
    server.last.end(4201);
    expect(client.status).toMatchObject({ state: 'waiting', retryInMs: 1_700 });
    await clock.advance(1_699);
    expect(server.sockets.length).toBe(1);
    await clock.advance(1);
    expect(client.state).toBe('ready');
  });

  it('names a time that no backoff adds to', async () => {
    const { server, client } = await ready();
    server.last.say({ ...drain, reconnectInMs: 100 });
    server.last.end(4201);
    expect(client.status.retryInMs).toBe(100);
  });

  it('is not given up when the new socket is refused for good; that is asked again when the old one ends', async () => {
    const { server, client, clock } = await ready();
    const [old] = server.sockets;
    server.answer = (socket, frame) => (frame.type === 'hello' ? (socket.end(4001), true) : false);
    old?.say({ ...drain, reconnectInMs: 0 });
    await clock.advance(10_000);
    expect([client.state, server.sockets.length]).toEqual(['draining', 2]);
    old?.end(4201);
    await clock.advance(10_000);
    expect((await client.closed).code).toBe(4001);
  });

  it('may fence its old socket before the welcome of the new one is read: the session is kept', async () => {
    const { server, client, clock } = await ready();
    const [old] = server.sockets;
    server.answer = (_, frame) => frame.type === 'hello';
    old?.say({ ...drain, reconnectInMs: 0 });
    await clock.advance(0);
    old?.end(4309);
    expect(client.state).toBe('greeting');
    server.last.say(welcomeFrame({}));
    server.last.end(1006);
    await clock.advance(1_000);
    expect(server.last.received[0].session).toBe('session-1');
  });
});

describe('what the server says', () => {
  it('reaches onFrame whole and onError where it is an error, whatever a listener does', async () => {
    const { server, client, errors } = await ready();
    const frames: string[] = [];
    client.onFrame(() => {
      throw new Error('a bug');
    });
    const stop = client.onFrame(({ type }) => frames.push(type));
    server.last.say({ type: 'error', code: 'FRAME_INVALID', message: 'No.', correlation: 'x' }, { type: 'unheard' });
    server.last.onmessage?.({ data: 'no json' });
    expect(frames).toEqual(['error', 'unheard']);
    expect(errors).toEqual(['LISTENER_FAILED', 'SERVER_ERROR', 'LISTENER_FAILED', 'FRAME_UNREADABLE']);
    stop();
    server.last.say({ type: 'pong' });
    expect(frames.length).toBe(2);
    expect(client.state).toBe('ready');
  });

  it('is bounded as the contract says', () => {
    expect(MAX_STREAMS).toBe(FRAME_BOUNDS.streams);
  });
});
