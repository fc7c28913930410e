import { describe, expect, it } from '@jest/globals';
import { createApp, KeyValueStore, principalOf, type Service, service } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  KeyValueThreadStore,
  type RunInput,
} from '@muster/agents';

describe('a stop while a request is being accepted', () => {
  it('waits for it, refuses it, and marks its question before the store is stopped', async () => {
    const journal: string[] = [];
    let goOn!: () => void;
    const slow = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    @service({ dependsOn: [KeyValueStore] })
    class SlowStore extends KeyValueThreadStore implements Service {
      override async add(...call: Parameters<KeyValueThreadStore['add']>): Promise<boolean> {
        const added = await super.add(...call);
        await slow;
        return added;
      }
      override async settle(...call: Parameters<KeyValueThreadStore['settle']>): Promise<boolean> {
        journal.push(`question ${call[3].status}`);
        return super.settle(...call);
      }
      stop(): void {
        journal.push('store stopped');
      }
    }
    @agent({ name: 'idle', description: '' })
    class Idle implements Agent {
      run() {
        return {};
      }
    }
    const clock = new FakeClock();
    const app = createApp({
      services: [Idle, ...agents({ threadStore: SlowStore })],
      clock,
    });
    await app.start();
    const requester = { principal: principalOf('ann'), permit: await app.gate.enter(), follow: async () => {} };
    const accepting = expect(app.get(AgentSupervisor).accept(requester, { text: 'hi' })).rejects.toMatchObject({
      code: 'NOT_ACCEPTING',
    });
    await clock.settle();
    const stopping = app.stop();
    await clock.settle();
    expect(journal).toEqual([]);
    goOn();
    await accepting;
    await clock.settle();
    await stopping;
    expect(journal).toEqual(['question failed', 'store stopped']);
  });
});

describe('a stop while an agent ignores its signal', () => {
  it.each(['deaf', 'asking'])('leaves no timer behind that would keep the process alive: %s', async (name) => {
    const clock = new FakeClock();
    @agent({ name: 'deaf', description: '' })
    class Deaf implements Agent {
      run() {
        return new Promise<never>(() => {});
      }
    }
    @agent({ name: 'asking', description: '' })
    class Asking implements Agent {
      run({ text }: RunInput, context: AgentContext) {
        return context.delegate('deaf', text);
      }
    }
    const app = createApp({ services: [Deaf, Asking, ...agents()], clock });
    await app.start();
    const principal = principalOf('ann');
    const requester = { principal, permit: await app.gate.enter(), follow: async () => {} };
    const supervisor = app.get(AgentSupervisor);
    const accept = () => supervisor.accept(requester, { text: 'hi', agent: name });
    const { run } = await accept();
    await accept();
    await clock.settle();
    // One that has ended before, and what ends because of the stop.
    void supervisor.cancel(principal, run, null);
    await clock.settle();
    const stopping = app.stop();
    await clock.settle();
    while (supervisor.activeRuns > 0) await clock.advance(100);
    await stopping;
    expect(clock.pending).toBe(0);
  });
});
