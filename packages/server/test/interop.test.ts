/** A WebSocket that is not `ws`: what undici makes of the protocol, as every Node from 22 on has it built in. */
import { describe, expect, it } from '@jest/globals';
import { Client } from '@muster/client';
import type { ServerFrame } from '@muster/contracts';
import { EventLog, streamOf } from '@muster/core';
import { numberedEvent as event } from '@muster/core/testing';
import { WebSocket } from 'undici';
import { serve } from './harness.ts';

type Frame<T> = Extract<ServerFrame, { type: T }>;

/** Frames in and out over undici. */
class Independent {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string; wasClean: boolean }>;
  #look: (() => void)[] = [];

  constructor(url: string, protocols: string[] = ['muster.v1']) {
    this.socket = new WebSocket(`${url}/ws`, protocols);
    this.opened = new Promise((resolve, reject) => {
      this.socket.addEventListener('open', () => resolve());
      this.socket.addEventListener('error', () => reject(new Error('the socket did not open')));
    });
    this.closed = new Promise((resolve) => {
      this.socket.addEventListener('close', ({ code, reason, wasClean }) => resolve({ code, reason, wasClean }));
    });
    this.socket.addEventListener('message', ({ data }) => {
      this.frames.push(JSON.parse(data as string) as ServerFrame);
      for (const look of this.#look.splice(0)) look();
    });
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  async hello(token: string, more: object = {}): Promise<Frame<'welcome'>> {
    await this.opened;
    const client = { id: 'u', name: 'undici', version: '1' };
    this.send({ type: 'hello', client, auth: { scheme: 'bearer', token }, ...more });
    return this.first('welcome');
  }

  /** The first frame of this type that fits. */
  async first<T extends ServerFrame['type']>(type: T, fits: (frame: Frame<T>) => boolean = () => true) {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type && fits(frame as Frame<T>));
      if (found !== undefined) return found as Frame<T>;
      await new Promise<void>((resolve) => this.#look.push(resolve));
    }
  }
}

describe('a WebSocket of another make', () => {
  it('shakes hands, asks, gets events, acknowledges, and goes on with its session from its cursor', async () => {
    await using server = await serve((session) => ({
      methods: {
        echo: (data) => data,
        note: async (text) => {
          const stream = streamOf(session.principal, 't');
          const { top } = await log.info(stream);
          return (await log.append(stream, [event(top + 1, text as string)])).ok;
        },
      },
    }));
    const log = server.app.get(EventLog);
    const first = new Independent(server.url, ['other.v1', 'muster.v1']);
    const welcome = await first.hello('token:ann', { subscribe: ['t'] });
    expect(first.socket.protocol).toBe('muster.v1');
    // Neither compression nor anything else was agreed on that the server does not speak.
    expect(first.socket.extensions).toBe('');
    expect(welcome).toMatchObject({ user: 'ann', streams: { t: { top: 0, status: 'live' } } });
    const { epoch } = welcome.streams['t'] as { epoch: string };
    // Long enough for the length fields of two and of eight bytes.
    for (const text of ['', 'x', '漢'.repeat(125), 'ü'.repeat(20_000), '🚪'.repeat(16_000)]) {
      const id = crypto.randomUUID();
      first.send({ type: 'request', id, method: 'echo', data: text });
      expect(await first.first('response', (frame) => frame.id === id)).toMatchObject({ ok: true, data: text });
    }
    for (const text of ['one', 'two', '🚪'.repeat(16_000)]) {
      first.send({ type: 'request', id: crypto.randomUUID(), method: 'note', data: text });
    }
    await first.first('events', ({ offset, events }) => offset + events.length - 1 === 3);
    first.send({ type: 'ack', stream: 't', epoch, offset: 3 });
    first.send({ type: 'ping' });
    await first.first('pong');
    expect(await server.server.delivery()).toMatchObject({ appended: 3, acknowledged: 3, pending: 0 });
    first.send({ type: 'ack', stream: 't', epoch, offset: 4 });
    expect(await first.first('error')).toMatchObject({ code: 'ACK_BEYOND' });
    const second = new Independent(server.url);
    const cursors = { t: { epoch, offset: 2 } };
    expect(await second.hello('token:ann', { session: welcome.session, cursors })).toMatchObject({
      session: welcome.session,
    });
    expect(await first.closed).toEqual({ code: 4309, reason: 'replaced', wasClean: true });
    expect(first.frames.at(-1)).toMatchObject({ type: 'bye', code: 4309, retry: 'fresh' });
    await second.first('live');
    const got = second.frames.flatMap((frame) => (frame.type === 'events' ? frame.events : []));
    expect(got.map(({ id }) => id)).toEqual(['r:3']);
    second.socket.close(1000, 'done');
    expect(await second.closed).toEqual({ code: 1000, reason: 'done', wasClean: true });
  });

  it('hears bye and the code, also of the protocol itself, and a refusal before the 101', async () => {
    await using server = await serve(() => ({ methods: {} }));
    const wrong = new Independent(server.url);
    await wrong.opened;
    const client = { id: 'u', name: 'undici', version: '1' };
    wrong.send({ type: 'hello', client, auth: { scheme: 'bearer', token: 'nobody' } });
    expect(await wrong.closed).toEqual({ code: 4001, reason: 'unauthenticated', wasClean: true });
    expect(wrong.frames.map(({ type }) => type)).toEqual(['error', 'bye']);
    const refused = new Independent(server.url, ['other.v1']);
    await expect(refused.opened).rejects.toThrow('did not open');
    const giant = new Independent(server.url);
    await giant.hello('token:ann');
    giant.send({ type: 'request', id: crypto.randomUUID(), method: 'echo', data: 'x'.repeat(300_000) });
    expect((await giant.closed).code).toBe(1009);
    const last = new Independent(server.url);
    await last.hello('token:ann');
    await server.app.stop();
    expect(await last.closed).toEqual({ code: 4201, reason: 'draining', wasClean: true });
    expect(last.frames.slice(-2).map(({ type }) => type)).toEqual(['drain', 'bye']);
  });

  it('serves our client, which comes back on it after a loss and has every event once', async () => {
    await using server = await serve(() => ({ methods: { echo: (data) => data } }));
    const log = server.app.get(EventLog);
    const seen: string[] = [];
    const sockets: WebSocket[] = [];
    class Socket extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols);
        sockets.push(this);
      }
    }
    let look = (): void => {};
    const client = new Client({
      url: `${server.url}/ws`,
      token: 'token:ann',
      WebSocket: Socket as never,
      subscribe: ['t'],
      onEvent: ({ id }) => {
        seen.push(id);
        look();
      },
      backoffMs: 1,
    });
    const reaches = async (count: number): Promise<void> => {
      while (seen.length < count) await new Promise<void>((resolve) => (look = resolve));
    };
    await client.open();
    expect(await client.request('echo', '漢')).toBe('漢');
    const stream = streamOf(server.sessions[0]!.principal, 't');
    await log.append(stream, [event(1, 'a'), event(2, 'b')]);
    await reaches(2);
    sockets[0]!.close();
    await log.append(stream, [event(3, 'c')]);
    await reaches(3);
    expect(await client.request('echo', 'again')).toBe('again');
    expect(seen).toEqual(['r:1', 'r:2', 'r:3']);
    expect(sockets).toHaveLength(2);
    await client.close();
  });
});
