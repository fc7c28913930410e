/** When a client comes back, and with what. */
import { CLOSE } from '@muster/contracts';
import type { ClientUnderTest } from '../client-under-test.ts';
import type { Check } from '../judge.ts';
import { runOf } from '../scripted-link.ts';

/** What a server asks for, in milliseconds. */
const HINT_MS = 800;
/** Who comes back as often as this in so many milliseconds does not wait in between. */
const TIGHT = { times: 10, ms: 2_000 };
/** How long "now" may take, in milliseconds: no time, on a busy machine. */
const NOW_MS = 1_500;
/** Timers may be early by less than this, in milliseconds. */
const ROUNDING_MS = 2;

const idsOf = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);

/** Sends it away with a code, and resolves to the session that it comes back with at once. */
async function sessionAfter(client: ClientUnderTest, code: number): Promise<string | undefined> {
  const link = await client.welcomed();
  await link.roundTrip();
  link.leave(code);
  return (await (await client.link(1, NOW_MS)).hello()).session;
}

async function isGone(client: ClientUnderTest): Promise<void> {
  await client.until('a line that says closed', () => {
    const { length } = client.links;
    client.assert(length === 1, 'no further connection', `${length - 1} of them`);
    return client.lines.find(({ closed }) => closed !== undefined);
  });
}

export const RETURNING: readonly Check<ClientUnderTest>[] = [
  {
    point: 'P2.5',
    title: 'comes back with its session after a cut',
    run: async (client) => {
      const link = await client.welcomed();
      await link.roundTrip();
      link.cut();
      const { session } = await (await client.link(1)).hello();
      client.assert(session === client.session, `the session ${client.session}`, String(session));
    },
  },
  {
    point: 'P5.5',
    title: 'sends a request that was not answered again, under the same id',
    run: async (client) => {
      const link = await client.welcomed({ method: 'run' });
      const first = await link.expect('request');
      link.cut();
      const next = await client.link(1);
      await next.welcome(client.stream, { session: client.session });
      next.live(client.stream);
      const again = await next.expect('request');
      client.assert(JSON.stringify(again) === JSON.stringify(first), JSON.stringify(first), JSON.stringify(again));
      const data = { run: 'run', thread: client.stream.thread };
      next.send({ type: 'response', id: again.id, ok: true, data });
      const { answer } = await client.until('a line with the answer', () =>
        client.lines.find((line) => 'answer' in line),
      );
      client.assert(JSON.stringify(answer) === JSON.stringify(data), JSON.stringify(data), JSON.stringify(answer));
    },
  },
  {
    point: 'P6.4',
    title: 'comes back with the cursor of what it has processed, and misses nothing',
    run: async (client) => {
      const link = await client.welcomed();
      const { stream, session } = client;
      const [first, second] = [runOf('first', 3), runOf('second', 3)];
      link.events(stream, first, 1);
      await link.acknowledged({ ...stream, offset: 3 });
      link.cut();
      const next = await client.link(1);
      const cursor = await next.welcome({ ...stream, offset: 6 }, { session });
      client.assert(
        cursor?.epoch === stream.epoch && cursor.offset === 3,
        'a cursor at 3',
        JSON.stringify(cursor ?? 'none'),
      );
      // From the beginning of the batch that the cursor lies in.
      next.events(stream, [...first.slice(1), ...second], 2);
      next.live({ ...stream, offset: 6 });
      await client.hands(idsOf([...first, ...second]));
      await next.acknowledged({ ...stream, offset: 6 });
    },
  },
  {
    point: 'P10.1',
    title: 'comes back no sooner than drain asks for',
    run: async (client) => {
      const link = await client.welcomed();
      await link.roundTrip();
      const saidAt = client.now();
      link.send({ type: 'drain', deadlineMs: 5_000, reconnectInMs: HINT_MS });
      const waitedMs = (await client.link(1)).openedAt - saidAt;
      client.assert(
        waitedMs >= HINT_MS - ROUNDING_MS,
        `a connection after ${HINT_MS} ms`,
        `one after ${Math.round(waitedMs)} ms`,
      );
    },
  },
  {
    point: 'P10.3',
    title: 'opens the next connection before it lets the old one go, and misses nothing',
    run: async (client) => {
      const link = await client.welcomed();
      const { stream, session } = client;
      const run = runOf('run', 5);
      link.events(stream, run.slice(0, 2), 1);
      link.send({ type: 'drain', deadlineMs: 5_000, reconnectInMs: 50 });
      const next = await client.link(1);
      const hello = await next.hello();
      client.assert(hello.session === session, `the session ${session}`, String(hello.session));
      link.events(stream, run.slice(2, 3), 3);
      await link.roundTrip();
      await next.welcome({ ...stream, offset: 5 }, { session });
      next.events(stream, run.slice(2), 3);
      next.live({ ...stream, offset: 5 });
      await link.closed();
      await client.hands(idsOf(run));
      await next.acknowledged({ ...stream, offset: 5 });
    },
  },
  {
    point: 'P11.1',
    title: 'comes back no sooner than bye asks for',
    run: async (client) => {
      const link = await client.welcomed();
      await link.roundTrip();
      const saidAt = client.now();
      link.leave(CLOSE.notReady, { retryAfterMs: HINT_MS });
      const waitedMs = (await client.link(1)).openedAt - saidAt;
      client.assert(
        waitedMs >= HINT_MS - ROUNDING_MS,
        `a connection after ${HINT_MS} ms`,
        `one after ${Math.round(waitedMs)} ms`,
      );
    },
  },
  {
    point: 'P14',
    title: 'does not come back after 40xx',
    run: async (client) => {
      const link = await client.start();
      await link.hello();
      link.leave(CLOSE.unauthenticated);
      await isGone(client);
    },
  },
  {
    point: 'P14',
    title: 'does not come back after a code of the range 40xx that it does not know',
    run: async (client) => {
      const link = await client.welcomed();
      await link.roundTrip();
      link.leave(4099);
      await isGone(client);
    },
  },
  {
    point: 'P14',
    title: 'comes back after 41xx with the same session, and not in a tight loop',
    run: async (client) => {
      const first = await client.welcomed();
      await first.roundTrip();
      first.leave(CLOSE.overloaded);
      const { session } = await (await client.link(1)).hello();
      client.assert(session === client.session, `the session ${client.session}`, String(session));
      const until = client.now() + TIGHT.ms;
      for (let n = 1; n <= TIGHT.times; n += 1) {
        const link = await client.linkWithin(n, until - client.now());
        if (link === undefined) return;
        await link.hello();
        link.leave(CLOSE.overloaded);
      }
      throw client.deviation('a backoff', `${TIGHT.times} connections within ${TIGHT.ms} ms`);
    },
  },
  {
    point: 'P14',
    title: 'comes back at once after 42xx, with the same session',
    run: async (client) => {
      const session = await sessionAfter(client, CLOSE.draining);
      client.assert(session === client.session, `the session ${client.session}`, String(session));
    },
  },
  {
    point: 'P14',
    title: 'comes back at once after 43xx, without the session',
    run: async (client) => {
      const session = await sessionAfter(client, CLOSE.sessionExpired);
      client.assert(session === undefined, 'no session', String(session));
    },
  },
];
