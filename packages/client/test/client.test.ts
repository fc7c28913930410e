import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type ServerFrame, StateMachine, type TransitionTable } from '@muster/contracts';
import { type Client, connect } from '@muster/client';
import { type AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { CLIENT } from '../src/client-state.ts';
import { EventQueue } from '../src/event-queue.ts';
import { randomUuid } from '../src/random.ts';

const Socket = WebSocket as never;
const welcome = {
  type: 'welcome',
  connection: 'c',
  session: 's',
  user: 'ann',
  heartbeatMs: 1,
  limits: { messageBytes: 1, mailbox: 1 },
  durability: 'memory',
  streams: {},
};

/** A server that says what the test tells it to; the protocol's other side is proven with the real one. */
async function scripted(answer: (frame: any, send: (...frames: object[]) => void, socket: WebSocket) => void) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const received: any[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as object;
      received.push(frame);
      // All frames of one answer leave in one write, as a busy server's do.
      const send = (...frames: object[]): void => {
        const raw = (socket as unknown as { _socket: { cork(): void; uncork(): void } })._socket;
        raw.cork();
        for (const each of frames) socket.send(JSON.stringify(each));
        raw.uncork();
      };
      answer(frame, send, socket);
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    received,
    [Symbol.asyncDispose]: async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

const event = (run: string, n: number, name = 'agent_thinking', data: object = { reasoning: `${n}` }) => ({
  id: `${run}:${n}`,
  event: name,
  run,
  n,
  agent: 'a',
  at: 0,
  data,
});
const terminal = (run: string, n: number) =>
  event(run, n, 'agent_completed', { status: 'success', by: 'agent', count: n, durationMs: 1, finalResponse: run });
const events = (...list: { run: string }[]) => ({ type: 'events', stream: 't', epoch: 'e', offset: 1, events: list });

async function collect(client: Client, text: string): Promise<string[]> {
  const seen: string[] = [];
  for await (const each of client.run(text)) seen.push(each.id);
  return seen;
}

describe('connect', () => {
  it('says hello with its token in the first frame and nowhere else, and resolves on welcome', async () => {
    await using server = await scripted((_, send) => send(welcome));
    const client = await connect({ url: server.url, token: async () => 'secret', WebSocket: Socket, name: 'test' });
    expect(client.state).toBe('ready');
    expect(server.received).toMatchObject([
      { type: 'hello', client: { name: 'test' }, auth: { scheme: 'bearer', token: 'secret' }, subscribe: [] },
    ]);
    expect((await client.welcome).user).toBe('ann');
    await client.close();
    expect(client.state).toBe('closed');
  });

  it('rejects with the code of a server that closes instead, and with whether to come back', async () => {
    await using server = await scripted((_, __, socket) => socket.close(4001, 'unauthenticated'));
    await expect(connect({ url: server.url, token: 'x', WebSocket: Socket })).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      details: { code: 4001, reason: 'unauthenticated', retry: 'never' },
    });
    await expect(connect({ url: 'ws://127.0.0.1:1/ws', token: 'x', WebSocket: Socket })).rejects.toMatchObject({
      details: { code: 1006, retry: 'backoff' },
    });
  });

  it('says what is missing where a runtime has no WebSocket', async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    Reflect.deleteProperty(globalThis, 'WebSocket');
    try {
      await expect(connect({ url: 'ws://127.0.0.1:1', token: 'x' })).rejects.toMatchObject({ code: 'NO_WEB_SOCKET' });
    } finally {
      if (own) Object.defineProperty(globalThis, 'WebSocket', own);
    }
  });
});

describe('a run', () => {
  it('gives each event once and in order, also when its first ones come in one chunk with the response', async () => {
    await using server = await scripted((frame, send) => {
      if (frame.type === 'hello') send(welcome);
      else {
        const accepted = { type: 'response', id: frame.id, ok: true, data: { run: 'r', thread: 't' } };
        send(
          accepted,
          events(event('r', 1), event('r', 2)),
          events(event('r', 2), event('r', 3)),
          events(terminal('r', 4)),
        );
      }
    });
    const client = await connect({ url: server.url, token: 'x', WebSocket: Socket });
    expect(await collect(client, 'hi')).toEqual(['r:1', 'r:2', 'r:3', 'r:4']);
    expect(server.received[1]).toMatchObject({ type: 'request', method: 'run', data: { text: 'hi' } });
    await client.close();
  });

  it('is not mixed with another that goes on at the same time', async () => {
    const asked: string[] = [];
    await using server = await scripted((frame, send) => {
      if (frame.type === 'hello') send(welcome);
      else {
        asked.push(frame.id as string);
        if (asked.length < 2) return;
        send(...asked.map((id, i) => ({ type: 'response', id, ok: true, data: { run: `r${i}`, thread: 't' } })));
        send(
          events(event('r0', 1), event('r1', 1), event('r1', 2), event('r0', 2)),
          events(terminal('r1', 3), terminal('r0', 3)),
        );
      }
    });
    const client = await connect({ url: server.url, token: 'x', WebSocket: Socket });
    const [one, two] = await Promise.all([collect(client, 'a'), collect(client, 'b')]);
    expect([one, two]).toEqual([
      ['r0:1', 'r0:2', 'r0:3'],
      ['r1:1', 'r1:2', 'r1:3'],
    ]);
    await client.close();
  });

  it('resolves its result with the terminal, and sends a cancel once it is accepted', async () => {
    await using server = await scripted((frame, send) => {
      if (frame.type === 'hello') send(welcome);
      if (frame.type === 'request') send({ type: 'response', id: frame.id, ok: true, data: { run: 'r', thread: 't' } });
      if (frame.type === 'cancel')
        send(events(event('r', 1, 'agent_completed', { status: 'cancelled', by: 'user', count: 1, durationMs: 1 })));
    });
    const client = await connect({ url: server.url, token: 'x', WebSocket: Socket });
    const run = client.run({ text: 'hi', thread: 't' });
    run.cancel('enough');
    expect(await run.result).toMatchObject({ status: 'cancelled' });
    expect(server.received.at(-1)).toEqual({ type: 'cancel', run: 'r', reason: 'enough' });
    await client.close();
  });

  it('fails in every way of waiting for it when it is refused, or when the connection is lost', async () => {
    let lose: (() => void) | undefined;
    await using server = await scripted((frame, send, socket) => {
      if (frame.type === 'hello') send(welcome);
      else if (frame.data.text === 'no')
        send({
          type: 'response',
          id: frame.id,
          ok: false,
          error: { code: 'AGENT_UNKNOWN', message: 'There is none.', retryable: false },
        });
      else if (frame.data.text === 'bad')
        send({ type: 'error', code: 'FRAME_INVALID', message: 'Bad.', request: frame.id, correlation: 'x' });
      else {
        send({ type: 'response', id: frame.id, ok: true, data: { run: 'r', thread: 't' } }, events(event('r', 1)));
        lose = () => socket.terminate();
      }
    });
    const client = await connect({ url: server.url, token: 'x', WebSocket: Socket });
    const refused = client.run('no');
    await expect(refused.accepted).rejects.toMatchObject({
      code: 'REQUEST_REFUSED',
      details: { code: 'AGENT_UNKNOWN', retryable: false },
    });
    await expect(refused.result).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
    await expect(client.request('run', { text: 'bad' })).rejects.toMatchObject({ details: { code: 'FRAME_INVALID' } });
    const lost = client.run('hi');
    const iterator = lost[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ n: 1 });
    lose?.();
    await expect(iterator.next()).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      details: { code: 1006, retry: 'backoff' },
    });
    await expect(lost.result).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await expect(client.request('run', {})).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  });
});

describe('a client', () => {
  it('answers pings, hands every frame and event to listeners, and refuses requests with "now" once it is told to go', async () => {
    const frames: ServerFrame['type'][] = [];
    const seen: string[] = [];
    let ponged!: () => void;
    const pong = new Promise<void>((resolve) => {
      ponged = resolve;
    });
    await using server = await scripted((frame, send) => {
      if (frame.type === 'hello') send(welcome, { type: 'ping' });
      if (frame.type === 'pong') ponged();
      if (frame.type === 'request') send(events(event('other', 1)), { type: 'drain', deadlineMs: 1, reconnectInMs: 1 });
    });
    const client = await connect({ url: server.url, token: 'x', WebSocket: Socket });
    const drained = new Promise<void>((resolve) => {
      client.onFrame((frame) => {
        frames.push(frame.type);
        if (frame.type === 'drain') resolve();
      });
    });
    const stop = client.onEvent((each, thread) => seen.push(`${thread} ${each.id}`));
    await pong;
    client.request('any', {}).catch(() => {});
    await drained;
    await Promise.resolve();
    stop();
    expect(seen).toEqual(['t other:1']);
    expect(frames).toEqual(expect.arrayContaining(['events', 'drain']));
    expect(client.state).toBe('leaving');
    await expect(client.request('any', {})).rejects.toMatchObject({ details: { code: 4201, retry: 'now' } });
    await client.close();
  });

  it('moves exactly as its table says, which its picture shows', () => {
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

  it('makes ids that are UUIDs of version 4', () => {
    const ids = new Set(Array.from({ length: 100 }, randomUuid));
    expect(ids.size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('EventQueue', () => {
  it('gives what was queued before it ends or fails, and nothing pushed later', async () => {
    const queue = new EventQueue<number>();
    const iterator = queue[Symbol.asyncIterator]();
    const waiting = iterator.next();
    queue.push(1);
    queue.push(2);
    queue.end(new Error('lost'));
    queue.push(3);
    queue.end();
    expect(await waiting).toEqual({ value: 1, done: false });
    expect(await iterator.next()).toEqual({ value: 2, done: false });
    await expect(iterator.next()).rejects.toThrow('lost');
  });
});
