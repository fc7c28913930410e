import { describe, expect, it } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { EventLog, principalOf, streamOf } from '@muster/core';
import { SeededRandom } from '@muster/core/testing';
import { serve, type TestServer } from './harness.ts';
import { canaryOf, Sniffed } from './sniffing-socket.ts';
import { clientTab, RawTab, type Tab } from './tabs.ts';

const USERS = 100;
const ROUNDS = 12;
/** Every so many users have a tab that stops reading. */
const DEAD_EVERY = 10;
const GENEROUS = { unauthenticated: 1_000, unauthenticatedPerAddress: 1_000 };

/** Names that a careless key would mix up: prefixes of each other, separators, what an object inherits, halves of a pair. */
const NASTY = [
  'a',
  'a.b',
  'a.b.c',
  '.b',
  'a/b',
  'a/../b',
  '../a',
  'a\u0000',
  'a\u0000b',
  '\u0000',
  'a:b',
  'a b',
  'a%2Fb',
  'A',
  'á',
  'a\u0301',
  '😀',
  '😀a',
  '漢',
  '__proto__',
  'constructor',
  'toString',
  '"',
  "a','b",
  '{"user":"a"}',
  'a\n',
  'a\ud800',
  'a\udbff',
  '#',
  '*',
  'null',
  '0',
  '00',
  'x'.repeat(199),
  'x'.repeat(200),
  'é'.repeat(100),
];
const users = Array.from({ length: USERS }, (_, n) => NASTY[n] ?? `${NASTY[n % NASTY.length]!.slice(0, 100)}.${n}`);
/**
 * The same for everybody: only the user tells one stream from another. `a` with `b.t` and `a.b` with `t` are the same text
 * for whoever puts a separator between the two.
 */
const THREADS = [
  't',
  '.bt',
  'b.t',
  'b/t',
  'b:t',
  'b t',
  'b\u0000t',
  '__proto__',
  'constructor',
  '😀',
  'b'.repeat(200),
] as const;

const idOf = (thread: number, n: number): string => `${thread}:${n}`;
const eventOf = (thread: number, n: number, text: string): AgentEvent => ({
  id: idOf(thread, n),
  event: 'agent_output',
  run: String(thread),
  n,
  agent: 'a',
  at: 0,
  data: { delta: text },
});

/** A server whose method `append` appends events with the canary of whoever asks, and answers with it. */
async function canaryServer(): Promise<TestServer> {
  const numbers = new Map(users.map((user, n) => [user, n]));
  const tops = new Map<string, number>();
  const server: TestServer = await serve(
    ({ principal }) => ({
      methods: {
        append: async (data) => {
          const { thread, count } = data as { thread: string; count: number };
          const stream = streamOf(principal, thread);
          const canary = canaryOf(numbers.get(principal.user) as number);
          const key = JSON.stringify([principal.user, thread]);
          const top = tops.get(key) ?? 0;
          tops.set(key, top + count);
          const events = Array.from({ length: count }, (_, i) =>
            eventOf(THREADS.indexOf(thread as never), top + 1 + i, `${canary} ${JSON.stringify(thread)}`),
          );
          await server.app.get(EventLog).append(stream, events);
          return canary;
        },
      },
    }),
    { server: { limits: GENEROUS } },
  );
  return server;
}

describe('a hundred users with three tabs each, whose connections are lost over and over', () => {
  it('see every event of their own exactly once and in order in each tab, and not a byte of anybody else', async () => {
    expect(new Set(users).size).toBe(USERS);
    await using server = await canaryServer();
    const random = new SeededRandom(20_261_126);
    const people = users.map((user, n) => {
      const sniffed = new Sniffed(n);
      const raw = new RawTab(server.url, user, THREADS, sniffed);
      const ours = [0, 1].map((i) => clientTab(server.url, user, THREADS, sniffed, new SeededRandom(n * 2 + i)));
      return { n, sniffed, tabs: [...ours, raw], dead: new RawTab(server.url, user, THREADS, new Sniffed(n)) };
    });
    for (let at = 0; at < USERS; at += 20)
      await Promise.all(people.slice(at, at + 20).flatMap(({ tabs }) => tabs.map((tab) => tab.open())));
    const dead = people.filter(({ n }) => n % DEAD_EVERY === 0).map((person) => person.dead);
    for (const tab of dead) {
      await tab.open();
      // Its TCP socket is read no more, and the server is told nothing.
      tab.socket.pause();
    }
    const expected = people.map(() => THREADS.map(() => 0));
    for (let round = 0; round < ROUNDS; round += 1) {
      const coming: Promise<unknown>[] = [];
      for (const { n, tabs } of people) {
        const thread = random.below(THREADS.length);
        const count = random.between(1, 4);
        const [asking, losing] = random.chance(0.5) ? [0, 2] : [2, random.below(2)];
        tabs[asking]!.append(THREADS[thread] as string, count);
        expected[n]![thread]! += count;
        if (random.chance(0.6)) coming.push(tabs[losing]!.lose(random.pick(['terminate', 'close'])));
      }
      await Promise.all(coming);
      // While the dead ones hang: everybody has everything before the next round.
      if (round % 4 === 3) await everythingSeen(people, expected);
    }
    await everythingSeen(people, expected);
    for (const { n, tabs, sniffed } of people) {
      for (const { seen } of tabs) {
        const wanted = THREADS.map((thread, t) => [thread, upTo(t, expected[n]![t] as number)]);
        expect(THREADS.map((thread) => [thread, seen.byThread.get(thread) ?? []])).toEqual(wanted);
        expect(seen.byThread.size).toBeLessThanOrEqual(THREADS.length);
      }
      expect({ user: n, foreign: sniffed.foreign }).toEqual({ user: n, foreign: [] });
      // Canaries can be seen at all: at least one for each event of each tab.
      expect(sniffed.own).toBeGreaterThanOrEqual(3 * expected[n]!.reduce((sum, count) => sum + count, 0));
    }
    expect(dead.map(({ socket, seen }) => [socket.readyState, seen.count])).toEqual(dead.map(() => [1, 0]));
    expect(server.recorded.all.filter(({ type }) => type === 'fault')).toEqual([]);
    for (const tab of dead) tab.socket.terminate();
    await Promise.all(people.flatMap(({ tabs }) => tabs.map((tab) => tab.close())));
  }, 60_000);
});

const upTo = (thread: number, count: number): string[] => Array.from({ length: count }, (_, i) => idOf(thread, i + 1));

async function everythingSeen(people: readonly { readonly tabs: readonly Tab[] }[], expected: number[][]) {
  await Promise.all(
    people.flatMap(({ tabs }, n) => {
      const count = expected[n]!.reduce((sum, each) => sum + each, 0);
      return tabs.map((tab) => tab.seen.reaches(count));
    }),
  );
}

describe('a tab whose socket is read no more', () => {
  it('holds up neither another tab of its user nor anybody else, and has everything when it is read again', async () => {
    await using server = await serve(() => ({ methods: {} }), { server: { limits: { sendBufferBytes: 65_536 } } });
    const log = server.app.get(EventLog);
    const names = ['a', 'a', 'b'];
    const tabs = names.map((user, n) => new RawTab(server.url, user, THREADS, new Sniffed(n)));
    await Promise.all(tabs.map((tab) => tab.open()));
    const [hanging, ...others] = tabs as [RawTab, RawTab, RawTab];
    hanging.socket.pause();
    const wide = 'x'.repeat(65_536);
    // More than the kernel keeps for a connection that nobody reads, and less than the log keeps.
    const count = 220;
    for (let n = 1; n <= count; n += 1)
      for (const user of ['a', 'b']) await log.append(streamOf(principalOf(user), 't'), [eventOf(0, n, wide)]);
    await Promise.all(others.map(({ seen }) => seen.reaches(count)));
    expect(hanging.seen.count).toBe(0);
    hanging.socket.resume();
    await hanging.seen.reaches(count);
    for (const { seen } of tabs) expect(seen.byThread.get('t')).toEqual(upTo(0, count));
    await Promise.all(tabs.map((tab) => tab.close()));
  }, 30_000);
});
