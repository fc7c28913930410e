/**
 * Each link between a request and its first event, taken out in turn, over a real socket: the request is refused with a
 * named error, or its events are kept for later. There is never a run with no events.
 */
import { describe, expect, it } from '@jest/globals';
import { ThreadService } from '@muster/agents';
import type { AgentEvent } from '@muster/contracts';
import { principalOf, sleep, streamOf, systemClock } from '@muster/core';
import { eventsIn } from '@muster/core/testing';
import { WebSocket } from 'ws';
import { expectLegal } from '../../packages/agents/test/harness.ts';
import { RawClient } from '../../packages/server/test/harness.ts';
import { broken, instead, links, log, out, SECRET, store, threads, type Whole, withLinks } from './links.ts';

const pause = (ms: number): Promise<void> => sleep(systemClock, ms);
const connected = async (test: Whole): Promise<RawClient> => RawClient.welcomed(test.url.replace('/ws', ''), 'ann');

async function eventsOf(test: Whole, thread = 't'): Promise<AgentEvent[]> {
  const { batches } = await log(test).read(streamOf(principalOf('token:ann'), thread), { after: 0 });
  return batches.flatMap(eventsIn);
}

/** The events of the one run that there is, when it has ended. */
async function wholeRun(test: Whole): Promise<AgentEvent[]> {
  for (;;) {
    const events = await eventsOf(test);
    if (events.at(-1)?.event === 'agent_completed') return events;
    await pause(2);
  }
}

/** Asks until it is not refused for now any more. */
async function asked(client: RawClient, id: string): Promise<unknown> {
  for (;;) {
    client.request('run', { text: 'hi', thread: 't' }, id);
    const response = await client.next('response');
    if (response.ok || !response.error.retryable) return response;
    await pause(5);
  }
}

describe('a request while a link is missing', () => {
  it.each(links)(
    'where %s is refused by name without a single event, and runs when the link is back',
    async (_, link) => {
      await using test = await withLinks();
      const client = await connected(test);
      const putBack = await link.take(test);
      const id = client.request('run', { text: 'hi', thread: 't' });
      const response = await client.next('response');
      expect(response).toMatchObject({ ok: false, error: { code: link.code, retryable: link.mayRepeat } });
      expect(JSON.stringify(client.frames)).not.toContain(SECRET);
      await putBack();
      expect(await eventsOf(test)).toEqual([]);
      while (test.supervisor.activeRuns > 0) await pause(2);
      expect(test.supervisor.waitingRuns).toBe(0);
      // The same request under the same id.
      expect(await asked(client, id)).toMatchObject({ ok: true, data: { thread: 't' } });
      const events = await wholeRun(test);
      expectLegal(events);
      expect(events.at(-1)?.data).toMatchObject({ status: 'success', finalResponse: 'hi' });
      while (test.supervisor.activeRuns > 0) await pause(2);
      expect(await store(test).list('runs/')).toEqual([]);
      await client.close();
    },
  );
});

describe('a request whose way is open at first', () => {
  it('has its events when the log that hung is back, once, though the connection was lost and the request repeated', async () => {
    await using test = await withLinks();
    const client = await connected(test);
    let back!: () => void;
    const hanging = new Promise<void>((resolve) => (back = resolve));
    const putBack = instead(log(test), 'append', (whole) => async (...call) => {
      await hanging;
      return whole(...call);
    });
    const id = client.request('run', { text: 'hi', thread: 't' });
    while (test.supervisor.activeRuns === 0) await client.roundTrip();
    await client.roundTrip();
    expect(client.frames.filter(({ type }) => type === 'response')).toEqual([]);
    client.socket.terminate();
    await client.closed;
    const again = await RawClient.welcomed(test.url.replace('/ws', ''), 'ann', { session: client.welcome.session });
    again.request('run', { text: 'hi', thread: 't' }, id);
    await again.roundTrip();
    expect(await eventsOf(test)).toEqual([]);
    putBack();
    back();
    const { data } = (await again.next('response')) as { data?: unknown };
    const events = await wholeRun(test);
    expectLegal(events);
    expect(data).toEqual({ run: events[0]?.run, thread: 't' });
    const shown: AgentEvent[] = [];
    while (shown.length < events.length) shown.push(...(await again.next('events')).events);
    expect(shown).toEqual(events);
    await again.close();
  });

  it('comes to one run and no other where the connection is lost before its first event, again and again', async () => {
    await using test = await withLinks();
    const sockets: WebSocket[] = [];
    class Noted extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    }
    const client = await test.client('token:ann', { WebSocket: Noted as never });
    let losses = 0;
    const restore = instead(threads(test), 'add', (whole) => async (...call) => {
      losses += 1;
      if (losses <= 3) sockets.at(-1)?.terminate();
      // By then the server knows that it has gone.
      await pause(20);
      return whole(...call);
    });
    const run = client.run({ text: 'hi', thread: 't' });
    const events: AgentEvent[] = [];
    for await (const event of run) events.push(event);
    restore();
    expectLegal(events);
    expect(await eventsOf(test)).toEqual(events);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it('leaves no question open where the connection is lost before the first event and nobody comes back', async () => {
    await using test = await withLinks();
    const client = await connected(test);
    let isStoring!: () => void;
    const storing = new Promise<void>((resolve) => (isStoring = resolve));
    instead(threads(test), 'add', (whole) => async (...call) => {
      isStoring();
      await client.closed;
      await pause(20);
      return whole(...call);
    });
    client.request('run', { text: 'hi', thread: 't' });
    await storing;
    client.socket.terminate();
    const rows = async () => test.app.get(ThreadService).messages(principalOf('token:ann'), 't');
    let latest = await rows().catch(() => []);
    while (latest.length === 0 || latest[0]?.status === 'pending' || latest[0]?.status === 'running') {
      await pause(5);
      latest = await rows().catch(() => []);
    }
    const events = await eventsOf(test);
    if (latest[0]?.status === 'failed') expect(events).toEqual([]);
    else expectLegal(events);
  });

  it.each<[string, (test: Whole) => () => void]>([
    ['the store does not forget it', (test) => instead(store(test), 'delete', () => broken)],
    ['its answer cannot be stored', (test) => instead(threads(test), 'settle', () => broken)],
    [
      'the thread store hangs',
      (test) => {
        let goOn!: (isSettled: boolean) => void;
        const hanging = new Promise<boolean>((resolve) => (goOn = resolve));
        const putBack = instead(threads(test), 'settle', () => () => hanging);
        return () => {
          putBack();
          goOn(true);
        };
      },
    ],
  ])('ends all the same where %s', async (_, take) => {
    await using test = await withLinks();
    const client = await connected(test);
    const putBack = take(test);
    const id = client.request('run', { text: 'hi', thread: 't' });
    const response = await client.next('response');
    const events = await wholeRun(test);
    expectLegal(events);
    client.request('run', { text: 'hi', thread: 't' }, id);
    expect(await client.next('response')).toEqual(response);
    // The same request on another connection of the session whose answers are not there any more: of another process, say.
    const requester = {
      id: client.welcome.session,
      principal: principalOf('token:ann'),
      permit: await test.app.gate.enter(),
      follow: async () => {},
    };
    expect(await test.supervisor.accept(requester, { text: 'hi', thread: 't' }, id)).toMatchObject({
      run: events[0]?.run,
    });
    putBack();
    await client.close();
  });

  it('is refused for good where there is no agent of its name, and nothing is stored', async () => {
    await using test = await withLinks();
    const client = await connected(test);
    client.request('run', { text: 'hi', thread: 't', agent: 'nobody' });
    expect(await client.next('response')).toMatchObject({ error: { code: 'AGENT_UNKNOWN', retryable: false } });
    expect(await eventsOf(test)).toEqual([]);
    await expect(test.app.get(ThreadService).messages(principalOf('token:ann'), 't')).rejects.toMatchObject({
      code: 'THREAD_NOT_FOUND',
    });
    await client.close();
  });
});

describe('a client while the authenticator is missing', () => {
  it.each([
    ['says no', 'verdict', 'TOKEN_INVALID', 4001],
    ['fails', 'throws', 'AUTH_UNAVAILABLE', 4101],
  ] as const)('is told so where it %s, and closed with whether to come back', async (_, how, code, close) => {
    await using test = await withLinks();
    out.authenticator = how;
    const client = new RawClient(test.url.replace('/ws', ''));
    await client.opened();
    client.hello('token:ann');
    client.request('run', { text: 'hi', thread: 't' });
    expect(await client.next('error')).toMatchObject({ code });
    expect((await client.closed).code).toBe(close);
    out.authenticator = '';
    expect(await eventsOf(test)).toEqual([]);
    expect(JSON.stringify(client.frames)).not.toContain(SECRET);
  });
});
