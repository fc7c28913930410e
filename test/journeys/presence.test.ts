/** Over real sockets: what becomes of a run when its user has no connection left, and what of one when they have. */
import { describe, expect, it } from '@jest/globals';
import { agent, type Agent, type AgentContext, type RunInput } from '@muster/agents';
import type { Run } from '@muster/client';
import { EventLog, Instances, KeyValueStore, MemoryLog, MemoryStore, provideValue, systemRandom } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { WebSocket } from 'ws';
import { wholeApp } from './whole-app.ts';

const untilAborted = ({ signal }: AgentContext): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

@agent({ name: 'leaving', description: 'Ends ten seconds after its user', onDisconnect: { cancelAfterMs: 10_000 } })
class Leaving implements Agent {
  run(_: RunInput, ctx: AgentContext) {
    return untilAborted(ctx);
  }
}

@agent({ name: 'staying', description: 'Goes on' })
class Staying implements Agent {
  run(_: RunInput, ctx: AgentContext) {
    return untilAborted(ctx);
  }
}

async function withUser() {
  const clock = new FakeClock();
  const test = await wholeApp({ services: [Leaving, Staying], stores: [], app: { clock } });
  /** Resolves when the server has noticed that so many of ann's connections are left. */
  const connections = async (count: number): Promise<void> => {
    while (test.pool.countOf('ann') !== count) await clock.settle();
  };
  return { test, clock, connections };
}

const threadOf = async (run: Run): Promise<string> => (await run.accepted).thread;

class SharedStore extends MemoryStore {
  readonly isShared = true;
}
class SharedLog extends MemoryLog {
  readonly isShared = true;
}

describe('a run whose user is connected to another instance', () => {
  it('goes on as long as they are there, and is cancelled when they have left that as well', async () => {
    const clock = new FakeClock();
    const store = new SharedStore(() => {});
    const log = new SharedLog(clock, systemRandom, () => {});
    const stores = [provideValue(KeyValueStore, store), provideValue(EventLog, log), Instances];
    const instance = () => wholeApp({ services: [Leaving], stores, app: { clock } });
    const [one, two] = [await instance(), await instance()];
    const there = await two.client('ann');
    const here = await one.client('ann');
    await here.run({ text: 'hi', agent: 'leaving' }).accepted;
    await here.close();
    while (one.pool.countOf('ann') > 0) await clock.settle();
    await clock.advance(30_000);
    expect(one.supervisor.activeRuns).toBe(1);
    await there.close();
    while (two.pool.countOf('ann') > 0) await clock.settle();
    await clock.advance(9_000);
    expect(one.supervisor.activeRuns).toBe(1);
    await clock.advance(1_000);
    while (one.supervisor.activeRuns > 0) await clock.settle();
    const stopping = Promise.all([one, two].map((each) => each[Symbol.asyncDispose]()));
    await clock.advance(60_000);
    await stopping;
    expect([...(await store.list('awaited/')), ...(await store.list('present/'))]).toEqual([]);
  });
});

describe('a run whose agent does not outstay its user', () => {
  it('is cancelled when the last of their connections has been gone for so long, and another run goes on', async () => {
    const { test, clock, connections } = await withUser();
    const [first, second] = [await test.client('ann'), await test.client('ann')];
    const bob = await test.client('bob');
    const [leaving, staying] = [
      first.run({ text: 'hi', agent: 'leaving' }),
      first.run({ text: 'hi', agent: 'staying' }),
    ];
    const ofBob = bob.run({ text: 'hi', agent: 'leaving' });
    const thread = await threadOf(leaving);
    await Promise.all([staying.accepted, ofBob.accepted]);
    await first.close();
    await connections(1);
    await clock.advance(20_000);
    expect(test.supervisor.activeRuns).toBe(3);
    await second.close();
    await connections(0);
    await clock.advance(9_999);
    expect(test.supervisor.activeRuns).toBe(3);
    await clock.advance(1);
    while (test.supervisor.activeRuns > 2) await clock.settle();
    const ends: unknown[] = [];
    await test.client('ann', {
      subscribe: [thread],
      onEvent: ({ event, data }) => void (event === 'agent_completed' && ends.push(data)),
    });
    while (ends.length === 0) await clock.settle();
    expect(ends).toMatchObject([{ status: 'cancelled', by: 'supervisor', code: 'RUN_CANCELLED' }]);
    expect(test.supervisor.activeRuns).toBe(2);
    await bob.close();
    const stopping = test[Symbol.asyncDispose]();
    await clock.advance(60_000);
    await stopping;
  });

  it('goes on when they are back in time, on a new connection of the same tab', async () => {
    const { test, clock, connections } = await withUser();
    const sockets: WebSocket[] = [];
    class Noted extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    }
    const client = await test.client('ann', { WebSocket: Noted as never });
    const run = client.run({ text: 'hi', agent: 'leaving' });
    await run.accepted;
    for (let round = 0; round < 3; round += 1) {
      // It comes back by itself.
      sockets.at(-1)?.terminate();
      while (sockets.length === round + 1 || client.state !== 'ready') await clock.settle();
      await connections(1);
      await clock.advance(9_000);
    }
    expect(test.supervisor.activeRuns).toBe(1);
    run.cancel();
    expect(await run.result).toMatchObject({ status: 'cancelled', by: 'user' });
    const stopping = test[Symbol.asyncDispose]();
    await clock.advance(60_000);
    await stopping;
  });
});
