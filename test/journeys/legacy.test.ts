/** A front-end that was written only against the old envelopes, on a backend of today. */
import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { AppOptions, DeliveryAccount } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { ConnectionPool } from '@muster/server';
import { WebSocket } from 'ws';
import { echoApp } from '../fixtures/echo-app.ts';

interface Message {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** Knows `{type, payload}` and nothing else. */
class OldFrontEnd {
  readonly messages: Message[] = [];
  readonly closed: Promise<[number, string]>;
  readonly #socket: WebSocket;
  #wake: (() => void)[] = [];

  constructor(url: string, token: string) {
    const hidden = `jwt.${Buffer.from(token).toString('base64url')}`;
    this.#socket = new WebSocket(url, ['jwt-auth', hidden]);
    this.#socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()) as Message);
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.closed = once(this.#socket, 'close').then(([code, reason]) => [code as number, String(reason)]);
    this.#socket.on('error', () => {});
  }

  say(type: string, payload: object = {}): void {
    this.#socket.send(JSON.stringify({ type, payload }));
  }

  async until(type: string, from = 0): Promise<Message> {
    for (;;) {
      const found = this.messages.slice(from).find((message) => message.type === type);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }
}

async function backend(more: AppOptions = {}) {
  const { app, server } = echoApp({ server: { legacy: true }, app: { stop: { budgetMs: 500 }, ...more } });
  await app.start();
  return {
    app,
    server,
    connections: () => app.get(ConnectionPool).size,
    url: `${server.url.replace('http', 'ws')}/ws`,
    [Symbol.asyncDispose]: async () => {
      await app.stop();
    },
  };
}

describe('an old front-end', () => {
  it.each(['user_message', 'chat', 'start_agent'])(
    'asks by %s, and reads the five events as it always did',
    async (ask) => {
      await using muster = await backend();
      const old = new OldFrontEnd(muster.url, 'token:ann');
      const ready = await old.until('connection_ready');
      expect(ready.payload).toMatchObject({ user_id: 'ann', connection_id: expect.any(String) });
      expect(old.protocol).toBe('jwt-auth');
      old.say(ask, { content: 'hello', thread_id: 'thread 7' });
      const completed = await old.until('agent_completed');
      const types = old.messages.map(({ type }) => type);
      expect(types).toEqual([
        'connection_ready',
        'agent_started',
        'agent_thinking',
        'tool_executing',
        'tool_completed',
        'agent_completed',
      ]);
      for (const { type, payload, ...top } of old.messages.slice(1)) {
        expect(payload).toEqual(top);
        expect([type, payload]).toEqual([
          type,
          expect.objectContaining({
            user_id: 'ann',
            thread_id: 'thread 7',
            run_id: expect.any(String),
            agent_name: 'echo',
            event_id: expect.any(String),
            timestamp: expect.any(Number),
          }),
        ]);
      }
      const by = (type: string): Message => old.messages.find((message) => message.type === type) as Message;
      expect(by('agent_thinking')).toMatchObject({ reasoning: expect.any(String), thought: expect.any(String) });
      expect(by('tool_executing')).toMatchObject({ tool_name: 'shout', parameters: { text: 'hello' } });
      expect(by('tool_completed')).toMatchObject({
        tool_name: 'shout',
        result: 'HELLO',
        results: 'HELLO',
        success: true,
        duration_ms: expect.any(Number),
      });
      expect(completed).toMatchObject({ final_response: 'HELLO', status: 'completed', success: true });
      await old.close();
    },
  );

  it('hears of a run that failed as agent_error, without the words of the failure', async () => {
    await using muster = await backend();
    const old = new OldFrontEnd(muster.url, 'token:ann');
    await old.until('connection_ready');
    old.say('chat', { message: 'fail' });
    expect((await old.until('agent_error')).payload).toMatchObject({
      error_code: 'RUN_FAILED',
      error_message: expect.any(String),
      recoverable: true,
    });
    expect(JSON.stringify(old.messages)).not.toContain('hunter2');
    await old.close();
  });

  it('stops a run whose id it does not know', async () => {
    await using muster = await backend();
    const old = new OldFrontEnd(muster.url, 'token:ann');
    await old.until('connection_ready');
    old.say('chat', { message: 'hang' });
    await old.until('tool_completed');
    old.say('stop_agent');
    expect(await old.until('agent_error')).toMatchObject({ error_code: 'RUN_CANCELLED', status: 'cancelled' });
    await old.close();
  });

  it('is answered with an error for whatever nobody knows, and served on', async () => {
    await using muster = await backend();
    const old = new OldFrontEnd(muster.url, 'token:ann');
    await old.until('connection_ready');
    old.say('subscribe_to_everything');
    old.say('chat', {});
    old.say('ping');
    await old.until('pong');
    expect(old.messages.slice(1, -1).map(({ payload }) => payload)).toEqual([
      expect.objectContaining({
        error_code: 'FRAME_INVALID',
        error_message: expect.stringContaining('user_message'),
      }),
      expect.objectContaining({ error_code: 'FRAME_INVALID' }),
    ]);
    old.say('chat', { message: 'hello' });
    await old.until('agent_completed');
    await old.close();
  });

  it.each([
    ['expired', 1008, 'Token expired'],
    ['wrong', 1008, 'Unauthenticated'],
  ])('with a token that is %s is closed as it knows it', async (token, code, reason) => {
    await using muster = await backend();
    expect(await new OldFrontEnd(muster.url, token).closed).toEqual([code, reason]);
  });

  it('is closed with 1001 when the server stops', async () => {
    const muster = await backend();
    const old = new OldFrontEnd(muster.url, 'token:ann');
    await old.until('connection_ready');
    await muster.app.stop();
    expect((await old.closed)[0]).toBe(1001);
  });

  it('is refused where the application has not enabled its protocol', async () => {
    const { app, server } = echoApp();
    await app.start();
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, ['jwt-auth']);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(400);
    socket.on('error', () => {});
    socket.terminate();
    await app.stop();
  });

  it('acknowledges nothing, and is neither held up by it nor counted as behind', async () => {
    await using muster = await backend();
    const old = new OldFrontEnd(muster.url, 'token:ann');
    await old.until('connection_ready');
    const asked = async (runs: number): Promise<DeliveryAccount> => {
      for (let i = 0; i < runs; i += 1) {
        const from = old.messages.length;
        old.say('chat', { content: `${i}`, thread_id: 't' });
        await old.until('agent_completed', from);
      }
      return muster.server.delivery();
    };
    expect(await asked(1)).toMatchObject({ pending: 0 });
    const account = await asked(250);
    expect(account.appended).toBeGreaterThan(1_024);
    expect(account).toMatchObject({ acknowledged: account.appended, pending: 0, expired: 0 });
    await old.close();
  });

  it('is borne though it knows no ping of ours, since it answers those of WebSockets', async () => {
    const clock = new FakeClock();
    await using muster = await backend({ clock });
    const [silent, other] = [new OldFrontEnd(muster.url, 'token:ann'), new OldFrontEnd(muster.url, 'token:bob')];
    await Promise.all([silent, other].map((each) => each.until('connection_ready')));
    for (let pings = 0; pings < 4; pings += 1) {
      await clock.advance(15_000);
      // By the time that it has been answered twice, what the silent one has answered has been read as well.
      for (let i = 0; i < 2; i += 1) {
        const from = other.messages.length;
        other.say('ping');
        await other.until('pong', from);
      }
    }
    expect(muster.connections()).toBe(2);
    await Promise.all([silent.close(), other.close()]);
  });
});
