import { describe, expect, it } from '@jest/globals';
import { type AgentEvent } from '@muster/contracts';
import {
  type Cursors,
  type CursorStore,
  sessionStorageCursors,
  storageCursors,
  type StreamReset,
} from '@muster/client';
import { ACK_EVENTS, ACK_MS, MAX_WAITING } from '../src/delivery.ts';
import { MAX_KEPT } from '../src/event-feed.ts';
import { PULL_AGAIN_MS } from '../src/stream.ts';
import { MAX_STREAMS } from '../src/streams.ts';
import { event, events, ready, setUp, terminal } from './fake-server.ts';

const frame = (offset: number, list: readonly AgentEvent[], more: object = {}): object => ({
  type: 'events',
  stream: 't',
  epoch: 'e',
  offset,
  events: list,
  ...more,
});

/** A client that follows `t` and notes what its handler sees. */
async function following(options: Parameters<typeof ready>[0] = {}) {
  const seen: string[] = [];
  const all = await ready({ subscribe: ['t'], onEvent: ({ id }) => seen.push(id), ...options });
  return { ...all, seen };
}

const ids = (from: number, to: number): string[] => events('r', from, to).map(({ id }) => id);
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function take(iterable: AsyncIterable<AgentEvent>, count: number): Promise<string[]> {
  const iterator = iterable[Symbol.asyncIterator]();
  const taken: string[] = [];
  while (taken.length < count) taken.push(((await iterator.next()).value as AgentEvent).id);
  return taken;
}

describe('events', () => {
  it('that come twice, whole or in part, are handled once', async () => {
    const { server, seen } = await following();
    server.last.say(frame(1, events('r', 1, 3)), frame(1, events('r', 1, 3)), frame(2, events('r', 2, 5)));
    expect(seen).toEqual(ids(1, 5));
  });

  it('behind a gap are left out, and what is missing is asked for once', async () => {
    const { server, clock, seen } = await following();
    server.log('t').events.push(...events('r', 1, 9));
    server.last.say(
      frame(1, events('r', 1, 1)),
      frame(4, events('r', 4, 4)),
      frame(5, events('r', 5, 6)),
      frame(7, events('r', 7, 9)),
    );
    expect(seen).toEqual(ids(1, 1));
    await clock.settle();
    expect(server.last.all('pull')).toEqual([{ type: 'pull', stream: 't', epoch: 'e', since: 1 }]);
    expect(seen).toEqual(ids(1, 9));
    await clock.advance(60_000);
    expect(server.last.all('pull').length).toBe(1);
  });

  it('that were lost without a gap are missed by the positions in a ping', async () => {
    const { server, clock, seen } = await following();
    server.log('t').events.push(...events('r', 1, 4));
    server.last.say({ type: 'ping', positions: { t: { epoch: 'e', offset: 4 }, other: { epoch: 'x', offset: 9 } } });
    expect(server.last.all('pong').length).toBe(1);
    await clock.settle();
    expect(server.last.all('pull')).toMatchObject([{ since: 0 }]);
    expect(seen).toEqual(ids(1, 4));
    server.last.say({ type: 'ping', positions: { t: { epoch: 'e', offset: 4 } } });
    await clock.settle();
    expect(server.last.all('pull').length).toBe(1);
  });

  it('that are asked for and do not come are asked for again, but not while they are coming', async () => {
    const { server, clock, seen } = await following();
    server.answer = (_, { type }) => type === 'pull';
    server.last.say(frame(5, events('r', 5, 5)));
    await clock.advance(PULL_AGAIN_MS - 1);
    expect(server.last.all('pull').length).toBe(1);
    await clock.advance(1);
    expect(server.last.all('pull').length).toBe(2);
    for (const n of [1, 2, 3]) {
      await clock.advance(PULL_AGAIN_MS - 1);
      server.last.say(frame(n, [event('r', n)]));
    }
    expect(server.last.all('pull').length).toBe(2);
    server.last.say({ type: 'live', stream: 't', epoch: 'e', offset: 5 });
    expect(server.last.all('pull').map(({ since }) => since)).toEqual([0, 0, 3]);
    expect(seen).toEqual(ids(1, 3));
  });

  it('of a replay are not asked for while it goes on', async () => {
    const { server, client, clock, seen } = setUpFollowing();
    server.log('t').events.push(...events('r', 1, 20));
    server.answer = (socket, { type }) => {
      if (type === 'hello')
        queueMicrotask(() => socket.say({ type: 'ping', positions: { t: { epoch: 'e', offset: 20 } } }));
    };
    await client.open();
    await clock.settle();
    expect(seen).toEqual(ids(1, 20));
    expect(server.last.all('pull')).toEqual([]);
  });

  it('go on above the last processed one after a reconnect, and a cursor exists from the welcome on', async () => {
    const { server, clock, seen } = await following();
    server.last.end(1006);
    await clock.advance(1_000);
    expect(server.last.received[0].cursors).toEqual({ t: { epoch: 'e', offset: 0 } });
    server.append('t', ...events('r', 1, 5));
    server.last.end(1006);
    server.append('t', ...events('r', 6, 7));
    await clock.advance(1_000);
    expect(server.last.received[0].cursors).toEqual({ t: { epoch: 'e', offset: 5 } });
    expect(seen).toEqual(ids(1, 7));
    expect(server.last.all('pull')).toEqual([]);
  });

  it('that cannot be continued are told as a reset, and go on above its floor', async () => {
    const { server, client, clock, seen } = await following();
    const resets: StreamReset[] = [];
    client.onReset((reset) => resets.push(reset));
    server.append('t', ...events('r', 1, 5));
    server.last.end(1006);
    server.logs.set('t', { epoch: 'e2', floor: 2, events: events('s', 3, 4) });
    await clock.advance(1_000);
    expect(resets).toEqual([{ stream: 't', epoch: 'e2', offset: 2, why: 'it is gone' }]);
    expect(seen).toEqual([...ids(1, 5), 's:3', 's:4']);
    await clock.advance(ACK_MS);
    expect(server.last.all('ack')).toEqual([{ type: 'ack', stream: 't', epoch: 'e2', offset: 4 }]);
  });

  it('of another epoch than the cursor are not believed, and the server is asked', async () => {
    const { server, clock, seen } = await following();
    server.append('t', ...events('r', 1, 2));
    server.logs.set('t', { epoch: 'e2', floor: 0, events: events('s', 1, 3) });
    server.last.say(frame(3, events('s', 3, 3), { epoch: 'e2' }));
    expect(seen).toEqual(ids(1, 2));
    await clock.settle();
    expect(server.last.all('pull')).toMatchObject([{ epoch: 'e', since: 2 }]);
    expect(seen).toEqual([...ids(1, 2), 's:1', 's:2', 's:3']);
  });

  it('of another epoch in a ping make the client ask as well', async () => {
    const { server, clock, seen } = await following();
    server.logs.set('t', { epoch: 'e2', floor: 0, events: events('s', 1, 2) });
    server.last.say({ type: 'ping', positions: { t: { epoch: 'e2', offset: 2 } } });
    await clock.settle();
    expect(seen).toEqual(['s:1', 's:2']);
  });

  it('of a thread that nobody named are followed from the first that comes', async () => {
    const { server, clock, seen } = await following();
    server.last.say(frame(41, events('r', 1, 2), { stream: 'new' }));
    expect(seen).toEqual(ids(1, 2));
    server.last.end(1006);
    await clock.advance(1_000);
    expect(server.last.received[0].cursors).toMatchObject({ new: { epoch: 'e', offset: 42 } });
    expect(server.last.received[0].subscribe).toEqual(['t', 'new']);
  });
});

function setUpFollowing() {
  const seen: string[] = [];
  return { ...setUp({ subscribe: ['t'], onEvent: ({ id }) => seen.push(id) }), seen };
}

describe('an ack', () => {
  it(`goes out after ${ACK_EVENTS} events, after ${ACK_MS} ms, or at once after a terminal, and says how far all is processed`, async () => {
    const { server, clock } = await following();
    const acks = (): number[] => server.last.all('ack').map(({ offset }) => offset);
    server.append('t', ...events('r', 1, ACK_EVENTS - 1));
    expect(acks()).toEqual([]);
    server.append('t', ...events('r', ACK_EVENTS, ACK_EVENTS));
    expect(acks()).toEqual([32]);
    server.append('t', ...events('r', 33, 34));
    await clock.advance(ACK_MS - 1);
    expect(acks()).toEqual([32]);
    await clock.advance(1);
    expect(acks()).toEqual([32, 34]);
    server.append('t', terminal('r', 35));
    expect(acks()).toEqual([32, 34, 35]);
    await clock.advance(60_000);
    expect(acks()).toEqual([32, 34, 35]);
    expect(server.last.all('ack')[0]).toEqual({ type: 'ack', stream: 't', epoch: 'e', offset: 32 });
  });

  it('waits for every handler, as the next event does', async () => {
    const release: (() => void)[] = [];
    const { server, client, clock, seen } = await following();
    client.onEvent(() => new Promise<void>((resolve) => release.push(resolve)));
    server.append('t', event('r', 1), terminal('r', 2));
    await clock.advance(60_000);
    expect([seen, server.last.all('ack')]).toEqual([ids(1, 1), []]);
    release.shift()?.();
    await clock.advance(ACK_MS);
    expect(server.last.all('ack').map(({ offset }) => offset)).toEqual([1]);
    expect(seen).toEqual(ids(1, 2));
    release.shift()?.();
    await clock.settle();
    expect(server.last.all('ack').map(({ offset }) => offset)).toEqual([1, 2]);
  });

  it('goes out before the client closes', async () => {
    const { server, client } = await following();
    server.append('t', event('r', 1));
    await client.close();
    expect(server.last.all('ack')).toEqual([{ type: 'ack', stream: 't', epoch: 'e', offset: 1 }]);
  });

  it('is not sent for what a handler was given before a reset', async () => {
    const release: (() => void)[] = [];
    const { server, client, clock } = await ready({ subscribe: ['t'] });
    client.onEvent(() => new Promise<void>((resolve) => release.push(resolve)));
    server.append('t', ...events('r', 1, 2));
    server.last.say({ type: 'reset', stream: 't', epoch: 'e2', floor: 0, why: 'it is gone' });
    release.shift()?.();
    await clock.advance(60_000);
    expect(server.last.all('ack')).toEqual([]);
    expect(release.length).toBe(0);
  });
});

describe('a handler', () => {
  it.each([
    [
      'throws',
      (): void => {
        throw new Error('a bug');
      },
    ],
    ['rejects', (): Promise<void> => Promise.reject(new Error('a bug'))],
  ])('that %s is tried three times, and then the event counts as processed', async (_, fail) => {
    let tried = 0;
    const { server, client, clock, errors, seen } = await following();
    const causes: unknown[] = [];
    client.onError(({ cause, details }) => causes.push([(cause as Error).message, details]));
    client.onEvent(({ n }) => {
      if (n !== 1) return;
      tried += 1;
      return fail();
    });
    server.append('t', event('r', 1), terminal('r', 2));
    await clock.settle();
    expect(tried).toBe(3);
    expect(errors).toEqual(['HANDLER_FAILED', 'HANDLER_FAILED', 'HANDLER_FAILED']);
    expect(causes[2]).toEqual(['a bug', { stream: 't', event: 'r:1', attempt: 3 }]);
    expect(seen).toEqual(ids(1, 2));
    expect(server.last.all('ack').map(({ offset }) => offset)).toEqual([2]);
  });

  it('that fails once is told the event again, and the others are not', async () => {
    const told: number[] = [];
    const { server, client, seen } = await following();
    client.onEvent(({ n }) => {
      told.push(n);
      if (told.length === 1) throw new Error('not yet');
    });
    server.append('t', ...events('r', 1, 2));
    expect([told, seen]).toEqual([[1, 1, 2], ids(1, 2)]);
  });

  it('that is slow bounds what waits for it; the rest is asked for when it is done', async () => {
    const seen: string[] = [];
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { server, clock } = await ready({
      subscribe: ['t'],
      onEvent: async ({ id }) => {
        await gate;
        seen.push(id);
      },
    });
    const count = MAX_WAITING + 500;
    server.append('t', ...events('r', 1, count));
    await clock.advance(60_000);
    expect(server.last.all('pull')).toEqual([]);
    release();
    while (seen.length < count) await clock.settle();
    expect(seen).toEqual(ids(1, count));
    expect(server.last.all('pull').map(({ since }) => since)).toEqual([MAX_WAITING]);
  });

  it('that is removed is told nothing more, also when it stops following in the middle', async () => {
    const { server, client, clock, seen } = await following();
    client.onEvent(({ n }) => {
      if (n === 2) client.unsubscribe('t');
    });
    server.append('t', event('r', 1), terminal('r', 2), event('r', 3));
    expect(seen).toEqual(ids(1, 2));
    server.last.say(frame(4, events('r', 4, 4)));
    expect(seen).toEqual(ids(1, 2));
    await clock.advance(ACK_MS);
    expect(server.last.all('ack')).toEqual([]);
  });
});

describe('an iterable', () => {
  it('has every event of its stream from the floor, typed and in order', async () => {
    const { server, client } = await ready();
    server.log('t').events.push(...events('r', 1, 4));
    const iterable = client.events('t');
    expect(await take(iterable, 4)).toEqual(ids(1, 4));
    server.append('t', event('r', 5));
    expect(await take(iterable, 1)).toEqual(ids(5, 5));
    expect(server.last.all('subscribe')).toEqual([{ type: 'subscribe', stream: 't' }]);
  });

  it('begins where the client stands in a stream that it follows, or above a cursor', async () => {
    const { server, client } = await following();
    server.append('t', ...events('r', 1, 3));
    const fromNow = client.events('t');
    const earlier = client.events('t', { cursor: { epoch: 'e', offset: 1 } });
    server.append('t', event('r', 4));
    expect(await take(fromNow, 1)).toEqual(ids(4, 4));
    expect(await take(earlier, 3)).toEqual(ids(2, 4));
    await expect(take(client.events('t', { cursor: { epoch: 'old', offset: 1 } }), 1)).rejects.toMatchObject({
      code: 'EVENTS_LOST',
      details: { stream: 't' },
    });
  });

  it('that nobody reads keeps 1,000 events, stalls nobody, and reads the rest from the server when it is read', async () => {
    const { server, client, clock, seen } = await following();
    const idle = client.events('t');
    const other = client.events('t');
    const count = MAX_KEPT * 2 + 100;
    for (let n = 1; n <= count; n += 100) server.append('t', ...events('r', n, n + 99));
    expect(await take(other, MAX_KEPT)).toEqual(ids(1, MAX_KEPT));
    expect(seen).toEqual(ids(1, count));
    await clock.advance(60_000);
    // The other was read to the end of what it kept, and has asked for more; the idle one has not.
    expect(server.last.all('pull').map(({ since }) => since)).toEqual([MAX_KEPT]);
    expect(server.last.all('ack').at(-1)).toMatchObject({ offset: count });
    const kept: string[] = [];
    const reading = take(idle, count).then((taken) => kept.push(...taken));
    while (kept.length === 0) await clock.settle();
    await reading;
    expect(kept).toEqual(ids(1, count));
    expect(seen.length).toBe(count);
  });

  it('that comes back too late is told what it lost, and the handlers notice nothing', async () => {
    const { server, client, clock, seen } = await following();
    const resets: StreamReset[] = [];
    client.onReset((reset) => resets.push(reset));
    const idle = client.events('t');
    const count = MAX_KEPT + 10;
    server.append('t', ...events('r', 1, count));
    const log = server.log('t');
    log.floor = MAX_KEPT + 5;
    log.events = log.events.slice(MAX_KEPT + 5);
    expect(await take(idle, MAX_KEPT)).toEqual(ids(1, MAX_KEPT));
    const next = expect(take(idle, 1)).rejects.toMatchObject({ code: 'EVENTS_LOST', details: { why: 'it is gone' } });
    await clock.settle();
    await next;
    server.append('t', event('r', count + 1));
    expect([resets, seen.length]).toEqual([[], count + 1]);
  });

  it('ends with the error of a client that closes, after what it kept', async () => {
    const { server, client } = await following();
    const iterator = client.events('t')[Symbol.asyncIterator]();
    server.append('t', event('r', 1));
    await client.close();
    expect((await iterator.next()).value).toMatchObject({ n: 1 });
    await expect(iterator.next()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', details: { code: 1000 } });
  });
});

describe('a stream', () => {
  it('is followed and left while the client lives, connected or not', async () => {
    const { server, client, clock, seen } = await following();
    client.subscribe('a');
    client.subscribe('b', { cursor: { epoch: 'e', offset: 0 } });
    client.subscribe('a');
    client.unsubscribe('a');
    client.unsubscribe('a');
    await clock.settle();
    expect([...server.last.all('subscribe'), ...server.last.all('unsubscribe')]).toEqual([
      { type: 'subscribe', stream: 'a' },
      { type: 'subscribe', stream: 'b', cursor: { epoch: 'e', offset: 0 } },
      { type: 'unsubscribe', stream: 'a' },
    ]);
    server.last.end(1006);
    client.subscribe('c');
    client.unsubscribe('b');
    await clock.advance(1_000);
    expect(server.last.received[0].subscribe).toEqual(['t', 'c']);
    server.append('c', ...events('r', 1, 2));
    expect(seen).toEqual(ids(1, 2));
  });

  it('that was left after hello had named it is left again', async () => {
    const { server, client, clock, seen } = setUpFollowing();
    void client.open();
    await tick();
    server.sockets[0]?.end(1006);
    server.answer = (_, { type }) => type === 'hello';
    await clock.advance(1_000);
    client.unsubscribe('t');
    server.log('t').events.push(event('r', 1));
    server.welcome(server.last, server.last.received[0]);
    await clock.settle();
    expect(server.last.all('unsubscribe')).toEqual([{ type: 'unsubscribe', stream: 't' }]);
    expect(seen).toEqual([]);
  });

  it('beyond what hello holds is subscribed after the welcome', async () => {
    const names = Array.from({ length: MAX_STREAMS + 3 }, (_, i) => `t${i}`);
    const { server } = await ready({ subscribe: names });
    expect(server.last.received[0].subscribe).toEqual(names.slice(3));
    expect(server.last.all('subscribe').map(({ stream }) => stream)).toEqual(names.slice(0, 3));
  });

  it('that only a run brought is let go when there are too many, one that was asked for is not', async () => {
    const { server, client, clock } = await following();
    const read = client.events('read')[Symbol.asyncIterator]();
    server.execute = () => ({ run: 'mine', thread: 'of-a-run' });
    await client.run('hi').accepted;
    for (let i = 0; i < MAX_STREAMS + 5; i += 1) server.last.say(frame(1, [event(`r${i}`, 1)], { stream: `s${i}` }));
    await clock.settle();
    expect(server.last.all('unsubscribe').map(({ stream }) => stream)).toEqual(
      Array.from({ length: 8 }, (_, i) => `s${i}`),
    );
    server.append('read', event('r', 1));
    expect((await read.next()).value).toMatchObject({ n: 1 });
  });

  it('whose first events never came is subscribed when a ping says that there are some', async () => {
    const { server, client, clock, seen } = await following();
    server.execute = () => ({ run: 'r', thread: 'lost' });
    const run = client.run('hi');
    await run.accepted;
    server.log('lost').events.push(event('r', 1), terminal('r', 2));
    server.last.say({ type: 'ping', positions: { lost: { epoch: 'e', offset: 2 } } });
    await clock.settle();
    expect(await run.result).toMatchObject({ count: 2 });
    expect(seen).toEqual(ids(1, 2));
  });
});

describe('cursors', () => {
  class Store implements CursorStore {
    readonly saved: Cursors[] = [];
    constructor(readonly stored?: Cursors) {}
    load(): Cursors | undefined {
      return this.stored;
    }
    save(cursors: Cursors): void {
      this.saved.push(structuredClone(cursors));
    }
  }

  it('are saved with the session after events were processed, not before', async () => {
    const store = new Store();
    let release!: () => void;
    const { server, client, clock } = await ready({ subscribe: ['t'], cursors: store });
    expect(store.saved.at(-1)).toEqual({ session: 'session-1', streams: { t: { epoch: 'e', offset: 0 } } });
    client.onEvent(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    server.append('t', terminal('r', 1));
    await clock.advance(60_000);
    expect(store.saved.at(-1)?.streams).toEqual({ t: { epoch: 'e', offset: 0 } });
    release();
    await clock.settle();
    expect(store.saved.at(-1)?.streams).toEqual({ t: { epoch: 'e', offset: 1 } });
    server.append('t', event('r', 2));
    release();
    await clock.settle();
    await client.close();
    expect(store.saved.at(-1)?.streams).toEqual({ t: { epoch: 'e', offset: 2 } });
  });

  it('that were stored are where a new client goes on, in the stored session', async () => {
    const store = new Store({ session: 'stored', streams: { t: { epoch: 'e', offset: 2 } } });
    const seen: string[] = [];
    const { server, client, clock } = setUp({ cursors: store, subscribe: ['t'], onEvent: ({ id }) => seen.push(id) });
    server.log('t').events.push(...events('r', 1, 4));
    await client.open();
    await clock.settle();
    expect(server.last.received[0]).toMatchObject({ session: 'stored', cursors: { t: { epoch: 'e', offset: 2 } } });
    expect(seen).toEqual(ids(3, 4));
  });

  it('that cannot be loaded or saved are told and stop nothing; one save is under way at a time', async () => {
    let saving = 0;
    let most = 0;
    const { server, client, clock, errors } = await following({
      cursors: {
        load: () => Promise.reject(new Error('locked')),
        save: async () => {
          most = Math.max(most, (saving += 1));
          await Promise.resolve();
          saving -= 1;
          throw new Error('full');
        },
      },
    });
    server.append('t', ...events('r', 1, 100), terminal('r', 101));
    await clock.settle();
    expect(errors).toContain('CURSORS_FAILED');
    expect([most, client.state]).toEqual([1, 'ready']);
  });

  it('live in a Storage under a key, and what stands there otherwise counts as nothing', () => {
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    };
    const store = storageCursors(storage, 'key');
    expect(store.load()).toEqual({ session: null, streams: {} });
    void store.save({ session: 's', streams: { t: { epoch: 'e', offset: 1 } } });
    expect(store.load()).toEqual({ session: 's', streams: { t: { epoch: 'e', offset: 1 } } });
    items.set('key', '{');
    expect(store.load()).toBeUndefined();
    Object.defineProperty(globalThis, 'sessionStorage', { value: storage, configurable: true });
    try {
      void sessionStorageCursors().save({ session: 's', streams: {} });
      expect(items.has('muster')).toBe(true);
    } finally {
      Reflect.deleteProperty(globalThis, 'sessionStorage');
    }
  });
});
