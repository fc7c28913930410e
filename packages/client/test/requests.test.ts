import { describe, expect, it } from '@jest/globals';
import { type AgentEvent, parseClientFrame } from '@muster/contracts';
import type { Run } from '@muster/client';
import { MAX_REFUSALS } from '../src/requests.ts';
import { event, events, ready, setUp, terminal } from './fake-server.ts';

const refusal = (id: string, error: object): object => ({
  type: 'response',
  id,
  ok: false,
  error: { code: 'NOT_SERVING', message: 'Not now.', retryable: true, ...error },
});

/** What became of a promise, so that "not yet" can be asserted as well. */
function outcome(promise: Promise<unknown>) {
  const seen = { ends: [] as unknown[] };
  promise.then(
    (value) => seen.ends.push(value),
    (error: unknown) => seen.ends.push((error as { code?: string }).code ?? error),
  );
  return seen.ends;
}

async function collect(run: Run): Promise<string[]> {
  const seen: string[] = [];
  for await (const { id } of run) seen.push(id);
  return seen;
}

describe('a request', () => {
  it('is sent with a UUID and resolves to the data of its response', async () => {
    const { server, client } = await ready();
    server.execute = ({ data }) => ({ ...data, answered: true });
    expect(await client.request('any', { a: 1 })).toEqual({ a: 1, answered: true });
    const [sent] = server.last.all('request');
    expect(parseClientFrame(JSON.stringify(sent))).toMatchObject({ type: 'request', method: 'any', data: { a: 1 } });
  });

  it('waits in its order while the client is not ready, and is sent after the streams were subscribed', async () => {
    const { server, client, clock } = setUp();
    const answers = Promise.all(['a', 'b', 'c'].map((method) => client.request(method, {})));
    void client.open();
    await clock.settle();
    await answers;
    expect(server.last.all('request').map(({ method }) => method)).toEqual(['a', 'b', 'c']);
  });

  it('is refused at once when too many wait, and none of those is lost', async () => {
    const { server, client, clock } = setUp({ maxQueued: 3 });
    const waiting = ['a', 'b', 'c'].map((method) => client.request(method, {}));
    await expect(client.request('d', {})).rejects.toMatchObject({
      code: 'CLIENT_QUEUE_FULL',
      details: { method: 'd', waiting: 3 },
    });
    void client.open();
    await clock.settle();
    await Promise.all(waiting);
    expect(server.executed.size).toBe(3);
    await Promise.all(Array.from({ length: 10 }, (_, i) => client.request(`${i}`, {})));
  });

  it('that has no answer when the connection is lost is sent again under the same id, and resolves once', async () => {
    const { server, client, clock } = await ready();
    server.answer = (socket, { type }) => {
      if (type !== 'request' || server.sockets.length > 1) return;
      server.executed.set('first', 1);
      socket.end(1006);
      return true;
    };
    const ends = outcome(client.request('any', {}));
    await clock.settle();
    expect([ends, client.state]).toEqual([[], 'waiting']);
    await clock.advance(1_000);
    expect(ends).toEqual([null]);
    const sent = server.sockets.flatMap((socket) => socket.all('request'));
    expect(sent.length).toBe(2);
    expect(sent[1]).toEqual(sent[0]);
    server.last.say({ type: 'response', id: sent[0].id, ok: true, data: 'again' });
    await clock.settle();
    expect(ends).toEqual([null]);
  });

  it('that was sent is not sent again under another session, where it could be executed twice', async () => {
    const { server, client, clock } = await ready();
    server.answer = (_, { type }) => type === 'request';
    const sent = outcome(client.request('sent', {}));
    await clock.settle();
    server.last.end(4301);
    const queued = outcome(client.request('queued', {}));
    await clock.settle();
    expect([sent, queued]).toEqual([['CONNECTION_CLOSED'], []]);
    server.answer = () => {};
    await clock.advance(1_000);
    expect(queued).toEqual([null]);
    expect(server.last.all('request').map(({ method }) => method)).toEqual(['queued']);
  });

  it('that is refused as retryable is sent again, not before the server said or the jitter allows', async () => {
    const { server, client, clock } = await ready();
    const hints = [{ retryAfterMs: 3_000 }, {}];
    server.answer = (socket, { type, id }) => {
      const hint = hints[server.last.all('request').length - 1];
      if (type !== 'request' || hint === undefined) return;
      socket.say(refusal(id, hint));
      return true;
    };
    const ends = outcome(client.request('any', {}));
    await clock.advance(2_999);
    expect(server.last.all('request').length).toBe(1);
    await clock.advance(1);
    expect(server.last.all('request').length).toBe(2);
    await clock.advance(499);
    expect(server.last.all('request').length).toBe(2);
    await clock.advance(1);
    expect(ends).toEqual([null]);
    expect(new Set(server.last.all('request').map(({ id }) => id)).size).toBe(1);
  });

  it('that is refused as retryable again and again, or for good, is rejected with the code of the server', async () => {
    const { server, client, clock } = await ready();
    server.answer = (socket, { type, id, method }) => {
      if (type !== 'request') return;
      socket.say(
        method === 'bad'
          ? { type: 'error', code: 'FRAME_INVALID', message: 'Bad.', request: id, correlation: 'x' }
          : refusal(id, { retryable: method === 'busy', details: { state: 'degraded' } }),
      );
      return true;
    };
    const busy = expect(client.request('busy', {})).rejects.toMatchObject({
      code: 'REQUEST_REFUSED',
      details: { code: 'NOT_SERVING', retryable: true, details: { state: 'degraded' } },
    });
    await expect(client.request('never', {})).rejects.toMatchObject({
      details: { code: 'NOT_SERVING', retryable: false },
    });
    await expect(client.request('bad', {})).rejects.toMatchObject({ details: { code: 'FRAME_INVALID' } });
    await clock.advance(59_000);
    await busy;
    expect(server.last.all('request').filter(({ method }) => method === 'busy').length).toBe(MAX_REFUSALS);
    expect(clock.pending).toBe(0);
  });

  it('is held back while the server is degraded, and sent when it has recovered', async () => {
    const { server, client, clock } = await ready();
    server.last.say({ type: 'degraded', services: ['Database'] });
    const ends = outcome(client.request('any', {}));
    await clock.settle();
    expect([ends, server.last.all('request')]).toEqual([[], []]);
    server.last.say({ type: 'recovered', services: [] });
    await clock.settle();
    expect(ends).toEqual([null]);
  });

  it('is given up after its time, saying whether it was sent, or with its signal', async () => {
    const { server, client, clock } = await ready();
    server.answer = (_, { type }) => type === 'request';
    const late = outcome(client.request('late', {}, { timeoutMs: 1_000 }));
    const caught = client.request('default', {}).catch((error: unknown) => error);
    const controller = new AbortController();
    const aborted = outcome(client.request('aborted', {}, { signal: controller.signal }));
    controller.abort('enough');
    await expect(client.request('never', {}, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
    await clock.advance(999);
    expect([late, aborted]).toEqual([[], ['enough']]);
    await clock.advance(1);
    expect(late).toEqual(['REQUEST_TIMEOUT']);
    server.last.end(1006);
    server.answer = (_, { type }) => type === 'hello';
    await clock.advance(59_000);
    expect(await caught).toMatchObject({ code: 'REQUEST_TIMEOUT', details: { timeoutMs: 60_000, sent: true } });
    const unsent = client.request('unsent', {}, { timeoutMs: 1 }).catch((error: unknown) => error);
    await clock.advance(1);
    expect(await unsent).toMatchObject({ details: { sent: false } });
    expect(server.last.all('request')).toEqual([]);
  });

  it('that the server could not read is not sent, whether its limit is known by then or later', async () => {
    const { server, client, clock } = setUp();
    server.messageBytes = 300;
    const early = outcome(client.request('any', 'x'.repeat(300)));
    void client.open();
    await clock.settle();
    expect(early).toEqual(['REQUEST_TOO_LARGE']);
    await expect(client.request('any', 'ä'.repeat(120))).rejects.toMatchObject({
      code: 'REQUEST_TOO_LARGE',
      details: { limit: 300 },
    });
    expect(await client.request('any', 'x'.repeat(120))).toBeNull();
    expect(server.executed.size).toBe(1);
  });

  it('is rejected once when the client closes', async () => {
    const { server, client, clock } = await ready();
    server.answer = (_, { type }) => type === 'request';
    const ends = outcome(client.request('any', {}));
    await client.close();
    await clock.advance(100_000);
    expect(ends).toEqual(['CONNECTION_CLOSED']);
    expect(clock.pending).toBe(0);
  });
});

describe('a run', () => {
  /** A server that accepts runs, in the given thread. */
  async function accepting(thread = 't') {
    const all = await ready();
    let runs = 0;
    const byId = new Map<string, string>();
    all.server.execute = ({ id }) => {
      if (!byId.has(id)) byId.set(id, `r${(runs += 1)}`);
      return { run: byId.get(id), thread };
    };
    return all;
  }

  it('gives each event once and in order, also when its first ones come in one chunk with the response', async () => {
    const { server, client } = await ready();
    server.answer = (socket, { type, id }) => {
      if (type !== 'request') return;
      const chunk = (offset: number, list: AgentEvent[]) => ({
        type: 'events',
        stream: 't',
        epoch: 'e',
        offset,
        events: list,
      });
      socket.say(
        { type: 'response', id, ok: true, data: { run: 'r', thread: 't' } },
        chunk(1, events('r', 1, 2)),
        chunk(2, [event('r', 2), event('other', 1)]),
        chunk(4, [terminal('r', 3)]),
      );
      return true;
    };
    const run = client.run('hi');
    expect(await collect(run)).toEqual(['r:1', 'r:2', 'r:3']);
    expect(await run.result).toMatchObject({ status: 'success', count: 3 });
    expect(await run.accepted).toEqual({ run: 'r', thread: 't' });
    expect(server.last.all('request')[0]).toMatchObject({ method: 'run', data: { text: 'hi' } });
  });

  it('goes on over a lost connection, to its end', async () => {
    const { server, client, clock } = await accepting();
    const run = client.run('hi');
    await run.accepted;
    server.last.follows.add('t');
    server.append('t', ...events('r1', 1, 2));
    server.last.end(1006);
    server.append('t', ...events('r1', 3, 5), terminal('r1', 6));
    await clock.advance(1_000);
    expect(await collect(run)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `r1:${n}`));
    expect(server.last.received[0].cursors).toEqual({ t: { epoch: 'e', offset: 2 } });
  });

  it('that was accepted before any event came is resumed from its thread', async () => {
    const { server, client, clock } = await accepting();
    const run = client.run('hi');
    await run.accepted;
    server.append('t', ...events('r1', 1, 2));
    server.last.end(1006);
    await clock.advance(1_000);
    expect(server.last.received[0].subscribe).toEqual(['t']);
    server.append('t', terminal('r1', 3));
    expect(await collect(run)).toEqual(['r1:1', 'r1:2', 'r1:3']);
  });

  it('whose answer was lost has all its events, though they come before the answer to the repeat', async () => {
    for (const thread of [undefined, 't']) {
      const { server, client, clock } = await accepting();
      if (thread) {
        client.subscribe(thread);
        server.append('t', ...events('before', 1, 3));
        await clock.settle();
      }
      const [first] = server.sockets;
      server.answer = (socket, frame) => {
        if (frame.type !== 'request' || socket !== first) return;
        server.execute(frame, socket);
        server.append('t', ...events('r1', 1, 4), terminal('r1', 5));
        socket.end(1006);
        return true;
      };
      const run = client.run({ text: 'hi', ...(thread && { thread }) });
      await clock.advance(1_000);
      expect(await run.result).toMatchObject({ status: 'success' });
      expect(await collect(run)).toEqual([1, 2, 3, 4, 5].map((n) => `r1:${n}`));
      expect(server.executed.size).toBe(1);
    }
  });

  it('ends for those who wait for its result though nobody iterates, however many events it has', async () => {
    const { server, client } = await accepting();
    const run = client.run('hi');
    await run.accepted;
    server.last.follows.add('t');
    for (let n = 1; n <= 3_000; n += 100) server.append('t', ...events('r1', n, n + 99));
    server.append('t', terminal('r1', 3_001));
    expect(await run.result).toMatchObject({ count: 3_001 });
    expect((await collect(run)).length).toBe(3_001);
  });

  it('is cancelled once it is accepted, and again after a reconnect as long as it has not ended', async () => {
    const { server, client, clock } = await accepting();
    const run = client.run({ text: 'hi', thread: 't' });
    run.cancel('enough');
    await clock.settle();
    expect(server.last.all('cancel')).toEqual([{ type: 'cancel', run: 'r1', reason: 'enough' }]);
    server.last.end(1006);
    await clock.advance(1_000);
    expect(server.last.all('cancel')).toEqual([{ type: 'cancel', run: 'r1', reason: 'enough' }]);
    server.append('t', terminal('r1', 1, { status: 'cancelled' }));
    expect(await run.result).toMatchObject({ status: 'cancelled' });
    server.last.end(1006);
    await clock.advance(2_000);
    run.cancel();
    expect(server.last.all('cancel')).toEqual([]);
  });

  it('follows its signal: withdrawn while it waits, cancelled once it was sent', async () => {
    const { server, client, clock } = await accepting();
    const controller = new AbortController();
    server.last.say({ type: 'degraded', services: [] });
    const withdrawn = client.run('hi', { signal: controller.signal });
    controller.abort('enough');
    await expect(withdrawn.accepted).rejects.toBe('enough');
    await expect(withdrawn.result).rejects.toBe('enough');
    await expect(collect(withdrawn)).rejects.toBe('enough');
    server.last.say({ type: 'recovered', services: [] });
    const other = new AbortController();
    const cancelled = client.run('hi', { signal: other.signal });
    other.abort();
    await clock.settle();
    expect(server.last.all('cancel')).toEqual([{ type: 'cancel', run: (await cancelled.accepted).run }]);
    expect(server.executed.size).toBe(1);
  });

  it('that is refused fails in every way of waiting for it', async () => {
    const { server, client } = await ready();
    server.answer = (socket, { type, id }) => {
      if (type !== 'request') return;
      socket.say(refusal(id, { code: 'AGENT_UNKNOWN', retryable: false }));
      return true;
    };
    const refused = { code: 'REQUEST_REFUSED', details: { code: 'AGENT_UNKNOWN', retryable: false } };
    const run = client.run('no');
    await expect(run.accepted).rejects.toMatchObject(refused);
    await expect(run.result).rejects.toMatchObject(refused);
    await expect(collect(run)).rejects.toMatchObject(refused);
  });

  it('whose stream begins anew fails with EVENTS_LOST instead of waiting for ever', async () => {
    const { server, client, clock } = await accepting();
    const run = client.run('hi');
    await run.accepted;
    server.last.follows.add('t');
    server.append('t', event('r1', 1));
    server.last.end(1006);
    server.logs.set('t', { epoch: 'e2', floor: 0, events: [] });
    await clock.advance(1_000);
    await expect(run.result).rejects.toMatchObject({
      code: 'EVENTS_LOST',
      details: { stream: 't', why: 'it is gone' },
    });
    await expect(collect(run)).rejects.toMatchObject({ code: 'EVENTS_LOST' });
  });

  it('fails with the client that closes', async () => {
    const { client } = await accepting();
    const run = client.run('hi');
    await run.accepted;
    const reading = expect(collect(run)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await client.close();
    await reading;
    await expect(run.result).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  });
});
