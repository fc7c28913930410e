/** Runs of many users at the same time, over real sockets and a store on disk: each sees its own, all of it, once. */
import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { agent, type Agent, type AgentContext, defineTool, type RunInput } from '@muster/agents';
import type { Client } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { sleep, systemClock } from '@muster/core';
import { SeededRandom } from '@muster/core/testing';
import type { WebSocket } from 'ws';
import { expectLegal } from '../../packages/agents/test/harness.ts';
import { canaryOf, Sniffed } from '../../packages/server/test/sniffing-socket.ts';
import { wholeApp } from './whole-app.ts';

const RUNS = 5;
/** Times that each tab loses its connection. */
const LOSSES = 3;
/** The same for everybody: only the user tells one stream from another. */
const THREADS = ['one', 'two', 'three'];

const canary = v.object({ canary: v.string() });
const look = defineTool({
  name: 'look',
  description: 'finds what it was given',
  input: canary,
  run: async ({ canary }, { signal }) => {
    await sleep(systemClock, canary.length % 7, signal);
    return { found: [canary] };
  },
});
const fail = defineTool({
  name: 'fail',
  description: 'throws what it was given',
  input: canary,
  run: ({ canary }) => {
    throw new Error(canary);
  },
});
const count = defineTool({
  name: 'count',
  description: 'says in its error what it got',
  input: v.object({ canary: v.number() }),
  run: ({ canary }) => canary,
});

/** Has the canary of its user in everything that it emits. */
@agent({ name: 'canary', description: 'repeats what it was told', tools: [look, fail, count] })
class Canary implements Agent {
  /** What belongs to this run alone must stay so. */
  #told = '';

  async run({ text }: RunInput, ctx: AgentContext) {
    this.#told += text;
    for (let step = 1; step <= 3; step += 1) {
      await ctx.think(`${text} thinks`, { step, totalSteps: 3 });
      ctx.output(`${text} says `);
      await Promise.all([ctx.tool(look, { canary: text }), ctx.tool(look, { canary: text })]);
      await ctx.tool(fail, { canary: text }).catch(() => {});
      await sleep(systemClock, 5 * step, ctx.signal);
    }
    if (text.endsWith('badly')) await ctx.tool(count, { canary: text as never });
    return { finalResponse: this.#told, result: { text }, usage: { text } };
  }
}

interface Tab {
  readonly client: Client;
  readonly events: AgentEvent[];
  readonly problems: unknown[];
  lose(): void;
}

async function tabOf(test: Awaited<ReturnType<typeof wholeApp>>, user: string, sniffed: Sniffed, random: SeededRandom) {
  const events: AgentEvent[] = [];
  const problems: unknown[] = [];
  const sockets: WebSocket[] = [];
  class Socket extends sniffed.Socket {
    constructor(to: string, protocols: string) {
      super(to, protocols);
      sockets.push(this);
    }
  }
  const client = await test.client(user, {
    WebSocket: Socket as never,
    subscribe: THREADS,
    onEvent: (event) => void events.push(event),
    random,
  });
  client.onReset((reset) => problems.push(reset));
  const lose = (): void => {
    // 4201 is what a server that drains would say; the peer repeats the code.
    if (random.chance(0.5)) sockets.at(-1)?.close(4201);
    else sockets.at(-1)?.terminate();
  };
  return { client, events, problems, lose } satisfies Tab;
}

/** There is something of the user in all of them; the rest is in the words of the framework. */
const isSaidByAgent = ({ event, data }: AgentEvent): boolean =>
  event === 'agent_thinking' ? data.step !== undefined : event !== 'tool_completed' || data.toolName !== 'fail';

const terminals = ({ events }: Tab): number => events.filter(({ event }) => event === 'agent_completed').length;

describe.each([[10], [100]])('%i users with five runs each at the same time, whose connections are lost', (users) => {
  it('see every event of their own once and in order in each of two tabs, one terminal a run, and not a byte of anybody else', async () => {
    await using test = await wholeApp({ services: [Canary] });
    const random = new SeededRandom(20_261_126 + users);
    const people: { n: number; sniffed: Sniffed; tabs: Tab[] }[] = [];
    for (let n = 0; n < users; n += 1) {
      const sniffed = new Sniffed(n);
      const user = `user ${n}`;
      const tabs = await Promise.all([0, 1].map((i) => tabOf(test, user, sniffed, new SeededRandom(n * 2 + i))));
      people.push({ n, sniffed, tabs });
    }
    const runs = people.flatMap(({ n, tabs }) =>
      Array.from({ length: RUNS }, (_, i) => {
        const tab = tabs[i % 2] as Tab;
        const text = `${canaryOf(n)} ${i === 4 ? 'badly' : 'well'}`;
        return tab.client.run({ text, thread: random.pick(THREADS), agent: 'canary' });
      }),
    );
    const losing = people.flatMap(({ tabs }) =>
      tabs.map(async (tab) => {
        for (let i = 0; i < LOSSES; i += 1) {
          await sleep(systemClock, random.between(5, users === 10 ? 60 : 400));
          tab.lose();
        }
      }),
    );
    await Promise.all(losing);
    const ends = await Promise.all(runs.map(({ result }) => result));
    for (const { tabs } of people) for (const tab of tabs) while (terminals(tab) < RUNS) await sleep(systemClock, 5);
    expect(ends.map(({ status }) => status)).toEqual(runs.map((_, i) => (i % RUNS === 4 ? 'failed' : 'success')));
    for (const { n, sniffed, tabs } of people) {
      expect({ n, foreign: sniffed.foreign }).toEqual({ n, foreign: [] });
      for (const { events, problems } of tabs) {
        expect(problems).toEqual([]);
        const byRun = new Map<string, AgentEvent[]>();
        for (const event of events) byRun.set(event.run, [...(byRun.get(event.run) ?? []), event]);
        expect(byRun.size).toBe(RUNS);
        for (const own of byRun.values()) {
          expect(own.map(({ id }) => id)).toEqual(own.map(({ run }, i) => `${run}:${i + 1}`));
          expect(own.findIndex(({ event }) => event === 'agent_completed')).toBe(own.length - 1);
          // Walking the tables for each of fifty thousand events takes longer than the runs.
          if (users === 10) expectLegal(own);
          expect(own.filter((event) => isSaidByAgent(event) && !JSON.stringify(event).includes(canaryOf(n)))).toEqual(
            [],
          );
        }
      }
      expect(sniffed.own).toBeGreaterThan(2 * RUNS * 20);
    }
    // Their answers are stored after the terminals.
    while (test.supervisor.activeRuns > 0) await sleep(systemClock, 5);
  }, 60_000);
});
