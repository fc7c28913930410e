/** Whatever happens to frames and connections, a handler sees each event once and in order, and nothing is acknowledged before. */
import { describe, expect, it } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import fc from 'fast-check';
import { events, setUp } from './fake-server.ts';

type Step =
  | { readonly do: 'append' | 'lose'; readonly count: number }
  | { readonly do: 'repeat'; readonly from: number; readonly count: number }
  | { readonly do: 'cut'; readonly code: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'ping' | 'drain' | 'hold' | 'release' };

const count = fc.integer({ min: 1, max: 40 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('append' as const, 'append' as const, 'lose' as const), count }),
  fc.record({ do: fc.constant('repeat' as const), from: fc.nat({ max: 200 }), count }),
  fc.record({ do: fc.constant('cut' as const), code: fc.constantFrom(1006, 4101, 4201, 4301, 4309) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 100, 300, 2_000, 10_000) }),
  fc.record({ do: fc.constantFrom('ping' as const, 'drain' as const, 'hold' as const, 'release' as const) }),
);

/** Lives through the steps, then lets everything come to rest. */
async function live(steps: readonly Step[], random: () => number) {
  const seen: string[] = [];
  const iterated: string[] = [];
  const problems: string[] = [];
  let gate: { opened: Promise<void>; open: () => void } | undefined;
  const handled = async ({ id }: AgentEvent): Promise<void> => {
    await gate?.opened;
    seen.push(id);
    if (seen.length % 17 === 0 && seen.at(-1) !== seen.at(-2)) await Promise.resolve();
  };
  const release = (): void => {
    gate?.open();
    gate = undefined;
  };
  const { server, client, clock, errors } = setUp({
    subscribe: ['t'],
    onEvent: handled,
    random: { next: random, uuid: () => '00000000-0000-4000-8000-000000000000' },
    cursors: {
      load: () => undefined,
      save: ({ streams }) => {
        if ((streams['t']?.offset ?? 0) > seen.length) problems.push('saved before it was processed');
      },
    },
  });
  server.answer = (_, frame) => {
    if (frame.type === 'ack' && frame.offset > seen.length) problems.push('acknowledged before it was processed');
  };
  void (async () => {
    for await (const { id } of client.events('t')) iterated.push(id);
  })().catch(() => {});
  await client.open();
  const log = server.log('t');
  const say = (from: number, to: number): void => {
    const part = log.events.slice(from, to);
    const frame = { type: 'events', stream: 't', epoch: 'e', offset: from + 1, events: part };
    if (part.length > 0) for (const socket of server.sockets) if (socket.follows.has('t')) socket.say(frame);
  };
  const ping = (): void => {
    const positions = { t: { epoch: 'e', offset: log.events.length } };
    for (const socket of server.sockets) if (socket.follows.has('t')) socket.say({ type: 'ping', positions });
  };
  for (const each of steps) {
    const top = log.events.length;
    if (each.do === 'append') server.append('t', ...events('r', top + 1, top + each.count));
    if (each.do === 'lose') log.events.push(...events('r', top + 1, top + each.count));
    if (each.do === 'repeat') say(each.from, each.from + each.count);
    if (each.do === 'cut') server.last.end(each.code);
    if (each.do === 'wait') await clock.advance(each.ms);
    if (each.do === 'ping') ping();
    if (each.do === 'drain') server.last.say({ type: 'drain', deadlineMs: 5_000, reconnectInMs: 500 });
    if (each.do === 'release') release();
    if (each.do === 'hold' && gate === undefined) {
      let open!: () => void;
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      gate = { opened, open };
    }
  }
  release();
  await clock.advance(120_000);
  ping();
  while (seen.length < log.events.length && clock.pending > 0) await clock.advance(10_000);
  await clock.settle(20);
  const pulls = server.sockets.reduce((sum, socket) => sum + socket.all('pull').length, 0);
  await client.close();
  return { seen, iterated, problems, errors, pulls, expected: log.events.map(({ id }) => id), pending: clock.pending };
}

describe('any interleaving of duplicated, cut and re-sent frames and reconnects', () => {
  it('gives each event to the handler and to the iterable exactly once and in order, and acknowledges nothing early', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (steps, random) => {
          const end = await live(steps, () => random.next().value as number);
          expect(end.seen).toEqual(end.expected);
          expect(end.iterated).toEqual(end.expected);
          expect([end.problems, end.errors, end.pending]).toEqual([[], [], 0]);
          expect(end.pulls).toBeLessThanOrEqual(steps.length + 2);
        },
      ),
      { numRuns: 150 },
    );
  });
});
