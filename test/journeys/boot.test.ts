/** The real server process, as a user starts it. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type ClientState, connect } from '@muster/client';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { bundleExample, chat, RunningProcess } from './process.ts';

jest.setTimeout(60_000);

let data = '';
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'muster-'));
});
afterAll(async () => {
  await rm(data, { recursive: true, force: true });
});

const Socket = WebSocket;
const environment = () => ({ PORT: '0', INSPECT_PORT: '0', MUSTER_DATA: data, CHAT_DATABASE_MS: '100' });

async function login(url: string, name: string): Promise<string> {
  const response = await fetch(`${url}/login`, { method: 'POST', body: JSON.stringify({ name }) });
  return ((await response.json()) as { token: string }).token;
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

const socketUrl = (url: string): string => `${url.replace('http', 'ws')}/ws`;

describe('the flagship', () => {
  it('boots, answers a question with a source, and stops in reverse on SIGINT with exit code 0', async () => {
    await using server = new RunningProcess(chat, environment());
    const url = await server.url();
    await server.said(/→ http/);
    const token = await login(url, 'Ann');
    const client = await connect({ url: socketUrl(url), token, WebSocket: Socket });
    const run = client.run('What does the gate do?');
    const names: string[] = [];
    const numbers: number[] = [];
    let streamed = '';
    for await (const event of run) {
      names.push(event.event);
      numbers.push(event.n);
      if (event.event === 'agent_output') streamed += event.data.delta;
    }
    const end = await run.result;
    expect(end).toMatchObject({ status: 'success', by: 'agent', count: numbers.length });
    expect(end.finalResponse).toMatch(/\[(docs\/[\w-]+|README|examples\/[\w/-]+)\.(md|ts)\]/);
    expect(streamed).toBe(end.finalResponse);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const required = names.filter((name) => name !== 'agent_output' && name !== 'agent_thinking');
    expect(required).toEqual(['agent_started', 'tool_executing', 'tool_completed', 'agent_completed']);
    expect((await client.run('12 * (7 + 5)').result).finalResponse).toBe('12 * (7 + 5) = 144');
    const lost = untilState(client, 'waiting');
    server.child.kill('SIGINT');
    await lost;
    expect(client.status.lastClose?.code).toBe(4201);
    await client.close();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    const stopped = [...server.output.matchAll(/○ (\w+) stopped/g)].map(([, name]) => name);
    expect(stopped.indexOf('AgentSupervisor')).toBeLessThan(stopped.indexOf('ThreadService'));
    expect(stopped.indexOf('ThreadService')).toBeLessThan(stopped.indexOf('Database'));
    expect(server.output).toContain('Stopping: SIGINT');
    expect((await stat(join(data, 'token.key'))).mode & 0o777).toBe(0o600);
  });

  it('shows a tool that fails, and ends the run all the same', async () => {
    await using server = new RunningProcess(chat, environment());
    const url = await server.url();
    const client = await connect({ url: socketUrl(url), token: await login(url, 'Ann'), WebSocket: Socket });
    const run = client.run('1 / 0');
    const events = [];
    for await (const event of run) events.push(event);
    expect(events.map((event) => event.event).filter((name) => name !== 'agent_output')).toEqual([
      'agent_started',
      'agent_thinking',
      'agent_thinking',
      'tool_executing',
      'tool_completed',
      'agent_completed',
    ]);
    expect(events.find((event) => event.event === 'tool_completed')?.data).toMatchObject({
      status: 'error',
      error: { code: 'TOOL_FAILED' },
    });
    expect(events.map((event) => event.n)).toEqual(events.map((_, i) => i + 1));
    expect(await run.result).toMatchObject({ status: 'success' });
    await client.close();
  });

  it('lets nobody in without a token, and nobody with one of another key', async () => {
    await using server = new RunningProcess(chat, environment());
    const url = await server.url();
    const forged = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJBbm4iLCJleHAiOjQwMDAwMDAwMDB9.';
    for (const token of ['', 'nonsense', forged]) {
      const refused = await connect({ url: socketUrl(url), token, WebSocket: Socket }).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'CONNECTION_CLOSED', details: { code: 4001, retry: 'never' } });
    }
    for (const body of ['', '{}', '{"name":""}', `{"name":"${'x'.repeat(100)}"}`, 'x'.repeat(10_000)]) {
      expect((await fetch(`${url}/login`, { method: 'POST', body })).status).toBe(400);
    }
  });

  it('keeps its key, so a token outlives a restart', async () => {
    let token = '';
    {
      await using first = new RunningProcess(chat, environment());
      token = await login(await first.url(), 'Ann');
    }
    await using second = new RunningProcess(chat, environment());
    const client = await connect({ url: socketUrl(await second.url()), token, WebSocket: Socket });
    expect((await client.welcome).user).toBe('Ann');
    await client.close();
  });

  it('holds fifty clients that come while a dependency takes two seconds, and answers each of them after it', async () => {
    // Tokens from an earlier process: the login page itself stands behind the gate.
    const tokens: string[] = [];
    {
      await using earlier = new RunningProcess(chat, environment());
      const url = await earlier.url();
      for (let i = 0; i < 50; i += 1) tokens.push(await login(url, `Ann ${i}`));
    }
    await using server = new RunningProcess(chat, {
      ...environment(),
      CHAT_DATABASE_MS: '2000',
      CHAT_LISTEN: 'at-once',
    });
    const url = await server.url();
    let databaseUp = false;
    const up = server.said(/● Database running/).then(() => {
      databaseUp = true;
    });
    const moments = fc.sample(fc.integer({ min: 0, max: 9 }), { numRuns: 50, seed: 7 });
    const runs = await Promise.all(
      moments.map(async (moment, i) => {
        await server.said(new RegExp(`connecting, ${moment * 10} %`));
        const early = !databaseUp;
        const run = await rawRun(socketUrl(url), tokens[i] as string, () => databaseUp);
        return { ...run, early };
      }),
    );
    await up;
    expect(runs.filter((run) => run.early)).toHaveLength(50);
    expect(runs.filter((run) => run.answeredAfterUp)).toHaveLength(50);
    expect(runs.map((run) => run.code)).toEqual(Array(50).fill(1000));
  });

  it('prints cause and action and exits with 1 when a service cannot start, with everything started stopped in reverse', async () => {
    const broken = await mkdtemp(join(tmpdir(), 'muster-broken-'));
    await mkdir(broken, { recursive: true });
    await writeFile(join(broken, 'token.key'), 'short');
    await using server = new RunningProcess(chat, { ...environment(), MUSTER_DATA: broken, CHAT_DATABASE_MS: '5000' });
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.output).toMatch(/✘ TokenAuthenticator \(.*:\d+\): .*has 5 bytes instead of 32/);
    expect(server.output).toContain(`→ Delete ${join(broken, 'token.key')}`);
    expect(server.output).toMatch(/Not started because of it: .*AgentSupervisor/s);
    expect(server.output).not.toContain('Listening');
    expect(server.output).not.toMatch(/\n\s+at /);
    await rm(broken, { recursive: true });
  });

  it('names the port when another process has it, and exits with 1', async () => {
    await using first = new RunningProcess(chat, environment());
    const { port } = new URL(await first.url());
    await using second = new RunningProcess(chat, { ...environment(), MUSTER_DATA: join(data, 'second'), PORT: port });
    expect((await second.exited).code).toBe(1);
    expect(second.output).toContain(`could not listen on 127.0.0.1:${port}`);
    expect(second.output).toContain('○ Database stopped');
  });
});

describe('an app whose service does not stop', () => {
  it('ends at once with 75 on a second signal, without waiting for it', async () => {
    const file = await bundleExample('test/fixtures/hanging.ts', join(data, 'hanging.mjs'));
    await using server = new RunningProcess(file);
    await server.said(/Ready in/);
    server.child.kill('SIGTERM');
    await server.said(/Stopping: SIGTERM/);
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 75, signal: null });
    expect(server.output).not.toContain('did not stop in time');
  });

  it('ends with 75 after its time, naming what hung', async () => {
    const file = await bundleExample('test/fixtures/hanging.ts', join(data, 'hanging.mjs'));
    await using server = new RunningProcess(file);
    await server.said(/Ready in/);
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 75, signal: null });
    expect(server.output).toContain('did not stop in time: Stubborn');
  });
});

describe('an app whose service dies for good', () => {
  it('is stopped in order and ends with 70', async () => {
    const file = await bundleExample('test/fixtures/crashing.ts', join(data, 'crashing.mjs'));
    await using server = new RunningProcess(file);
    await server.said(/Ready in/);
    server.child.kill('SIGUSR2');
    expect(await server.exited).toEqual({ code: 70, signal: null });
    expect(server.output).toMatch(
      /Fragile crashed: the disk is gone\n(.*\n)*.*down for good(.*\n)*.*Dependent stopped/,
    );
  });
});

describe('examples/01-first-gate', () => {
  it('greets by name over a WebSocket', async () => {
    const file = await bundleExample('examples/01-first-gate/main.ts', join(data, 'first-gate.mjs'));
    await using server = new RunningProcess(file, { PORT: '0' });
    const client = await connect({ url: socketUrl(await server.url()), token: 'Ann', WebSocket: Socket });
    expect(await client.request('hello', {})).toBe('Hello, Ann!');
    server.child.kill('SIGTERM');
    expect((await server.exited).code).toBe(0);
    await client.close();
  });
});

/** Connects with nothing but frames and asks at once; resolves when the run has ended and the socket is closed. */
function rawRun(url: string, token: string, isUp: () => boolean): Promise<{ code: number; answeredAfterUp: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'muster.v1');
    const id = randomUUID();
    let answeredAfterUp = false;
    socket.on('open', () => {
      socket.send(
        JSON.stringify({
          type: 'hello',
          client: { id: 'c', name: 'race', version: '1' },
          auth: { scheme: 'bearer', token },
        }),
      );
      socket.send(JSON.stringify({ type: 'request', id, method: 'run', data: { text: '6 * 7' } }));
    });
    socket.on('message', (raw: Buffer) => {
      const text = raw.toString('utf8');
      const frame = JSON.parse(text) as {
        type: string;
        id?: string;
        ok?: boolean;
        events?: { event: string; data: { finalResponse?: string } }[];
      };
      if (frame.type === 'response') {
        if (frame.id !== id || frame.ok !== true) reject(new Error(text));
        answeredAfterUp = isUp();
      }
      const last = frame.events?.at(-1);
      if (last?.event !== 'agent_completed') return;
      if (last.data.finalResponse === '6 * 7 = 42') socket.close(1000);
      else reject(new Error(text));
    });
    socket.on('error', reject);
    socket.on('close', (code) => resolve({ code, answeredAfterUp }));
  });
}
