import { describe, expect, it } from '@jest/globals';
import { AgentSupervisor } from '@muster/agents';
import { type Client, type ClientState, connect, type ConnectOptions, storageCursors } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { ConnectionPool } from '@muster/server';
import { WebSocket } from 'ws';
import { echoApp } from '../../../test/fixtures/echo-app.ts';

const Socket = WebSocket as never;

/** A whole app on a free port, and clients that are closed with it. */
async function chat() {
  const { app, server } = echoApp({ app: { stop: { budgetMs: 500 } } });
  await app.start();
  const clients: Client[] = [];
  return {
    app,
    supervisor: app.get(AgentSupervisor),
    async client(user = 'ann', more: Partial<ConnectOptions> = {}): Promise<Client> {
      const url = `${server.url.replace('http', 'ws')}/ws`;
      const client = await connect({ url, token: `token:${user}`, WebSocket: Socket, ...more });
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await app.stop();
    },
  };
}

/** All of a run's events, to its end. */
async function collect(run: AsyncIterable<AgentEvent>): Promise<AgentEvent[]> {
  const events: AgentEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

/** Waits for the first event of this name. */
async function until(run: AsyncIterable<AgentEvent>, name: AgentEvent['event']): Promise<AgentEvent> {
  for await (const event of run) if (event.event === name) return event;
  throw new Error(`the run ended without ${name}`);
}

/** Resolves as soon as the client is in this state, after the present one. */
function untilState(client: Client, state: ClientState): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.onState((status) => {
      if (status.state !== state) return;
      stop();
      resolve();
    });
  });
}

describe('a client of a real server', () => {
  it('is ready once the server has welcomed its user', async () => {
    await using server = await chat();
    const client = await server.client('ann');
    expect(client.state).toBe('ready');
    expect(await client.welcome).toMatchObject({ type: 'welcome', user: 'ann', durability: 'memory' });
    expect(server.app.get(ConnectionPool).countOf('ann')).toBe(1);
  });

  it('is refused with 4001 and told never to come back when its token is wrong', async () => {
    await using server = await chat();
    await expect(server.client('', { token: 'forged' })).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      details: { code: 4001, retry: 'never' },
    });
    expect(server.app.get(ConnectionPool).size).toBe(0);
  });

  it('sees a run from its first event to its terminal, in order, and its result', async () => {
    await using server = await chat();
    const client = await server.client();
    const run = client.run({ text: 'hello', agent: 'echo' });
    const { run: id } = await run.accepted;
    const events = await collect(run);
    expect(events.map(({ event }) => event)).toEqual([
      'agent_started',
      'agent_thinking',
      'tool_executing',
      'tool_completed',
      'agent_output',
      'agent_completed',
    ]);
    expect(events.map((event) => event.id)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `${id}:${n}`));
    expect(await run.result).toMatchObject({ status: 'success', finalResponse: 'HELLO', count: 6 });
  });

  it('has the result of a run that failed as a result, without the words of the failure', async () => {
    await using server = await chat();
    const client = await server.client();
    const run = client.run('fail');
    expect(await run.result).toMatchObject({ status: 'failed', by: 'agent', code: 'RUN_FAILED' });
    expect(JSON.stringify(await collect(run))).not.toContain('hunter2');
  });

  it('does not mix two runs at once, of one thread or of two', async () => {
    await using server = await chat();
    const client = await server.client();
    const texts = ['a', 'b', 'c', 'd'];
    const runs = texts.map((text, i) => client.run({ text, thread: i < 2 ? 'same' : text }));
    const seen = await Promise.all(runs.map((run) => collect(run)));
    for (const [i, events] of seen.entries()) {
      const { run: id } = await (runs[i] as (typeof runs)[number]).accepted;
      expect(new Set(events.map(({ run }) => run))).toEqual(new Set([id]));
      expect(events.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(events.at(-1)?.data).toMatchObject({ finalResponse: texts[i]?.toUpperCase() });
    }
  });

  it('never hears of another user, whose runs it can neither join nor cancel', async () => {
    await using server = await chat();
    const [ann, bob] = [await server.client('ann'), await server.client('bob', { subscribe: ['mine'] })];
    const heard: string[] = [];
    bob.onEvent((event) => heard.push(event.run));
    const run = ann.run({ text: 'hang', thread: 'mine' });
    await until(run, 'agent_output');
    const { run: id } = await run.accepted;
    const own = bob.run({ text: 'hi', thread: 'mine' });
    expect(await own.result).toMatchObject({ status: 'success' });
    const { run: ofBob } = await own.accepted;
    await expect(bob.request('cancel', { run: id })).rejects.toMatchObject({ details: { code: 'RUN_NOT_FOUND' } });
    expect(server.supervisor.activeRuns).toBe(1);
    expect(new Set(heard)).toEqual(new Set([ofBob]));
    run.cancel();
    expect(await run.result).toMatchObject({ status: 'cancelled' });
  });

  it('cancels a run, and iterates to its terminal', async () => {
    await using server = await chat();
    const client = await server.client();
    const run = client.run('hang');
    await until(run, 'agent_output');
    run.cancel('enough');
    const rest = await collect(run);
    expect(rest.map(({ event }) => event)).toEqual(['agent_completed']);
    expect(await run.result).toMatchObject({
      status: 'cancelled',
      by: 'user',
      error: { message: expect.stringContaining('enough') },
    });
  });

  it('has a refused request rejected everywhere, with the code of the server, and goes on', async () => {
    await using server = await chat();
    const client = await server.client();
    const run = client.run({ text: 'hi', agent: 'nobody' });
    const refused = {
      code: 'REQUEST_REFUSED',
      details: { code: 'AGENT_UNKNOWN', retryable: false, details: { known: ['echo'] } },
    };
    await expect(run.accepted).rejects.toMatchObject(refused);
    await expect(run.result).rejects.toMatchObject(refused);
    await expect(collect(run)).rejects.toMatchObject(refused);
    run.cancel();
    expect(await client.run('still here').result).toMatchObject({ status: 'success' });
  });

  it('that is idle when the server stops is told 4201, and waits to come back', async () => {
    await using server = await chat();
    const client = await server.client();
    const waiting = untilState(client, 'waiting');
    await server.app.stop();
    await waiting;
    expect(client.status.lastClose).toMatchObject({ code: 4201 });
    await client.close();
    await expect(client.request('run', { text: 'late' })).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  });

  it('sees its run interrupted before the server that stops closes it', async () => {
    await using server = await chat();
    const client = await server.client();
    const run = client.run('hang');
    await until(run, 'agent_output');
    const waiting = untilState(client, 'waiting');
    const stopping = server.app.stop();
    expect(await run.result).toMatchObject({ status: 'interrupted', by: 'supervisor', retryable: true });
    await stopping;
    await waiting;
    expect(client.status.lastClose).toMatchObject({ code: 4201 });
  });

  it('goes on with its run over a connection that is lost', async () => {
    await using server = await chat();
    const sockets: WebSocket[] = [];
    class Watched extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols);
        sockets.push(this);
      }
    }
    const client = await server.client('ann', { WebSocket: Watched as never, backoffMs: 1 });
    const run = client.run('hang');
    const first = await until(run, 'agent_output');
    sockets[0]?.terminate();
    await untilState(client, 'ready');
    expect(sockets.length).toBe(2);
    expect(server.supervisor.activeRuns).toBe(1);
    run.cancel('enough');
    const rest = await collect(run);
    expect(rest.map(({ event, n }) => [event, n])).toEqual([['agent_completed', first.n + 1]]);
    expect(await run.result).toMatchObject({ status: 'cancelled', count: first.n + 1 });
  });

  it('that begins anew with stored cursors sees what it has not processed, and nothing twice', async () => {
    await using server = await chat();
    const stored = new Map<string, string>();
    const storage = {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
    };
    const seen: string[] = [];
    const options = { cursors: storageCursors(storage, 'tab'), onEvent: ({ id }: AgentEvent) => seen.push(id) };
    const before = await server.client('ann', options);
    const run = before.run('hang');
    await until(run, 'agent_output');
    const { run: id } = await run.accepted;
    await before.close();
    const after = await server.client('ann', options);
    const ended = new Promise<AgentEvent>((resolve) => {
      after.onEvent((event) => {
        if (event.event === 'agent_completed') resolve(event);
      });
    });
    await after.request('cancel', { run: id });
    const { n } = await ended;
    expect(seen).toEqual(Array.from({ length: n }, (_, i) => `${id}:${i + 1}`));
    expect((await after.welcome).session).toBe((await before.welcome).session);
  });
});
