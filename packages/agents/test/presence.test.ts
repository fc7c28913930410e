/** What becomes of a run whose user goes away. */
import { describe, expect, it } from '@jest/globals';
import {
  agent,
  type Agent,
  type AgentContext,
  AgentRegistry,
  type OnDisconnect,
  type Presence,
  RunLimits,
} from '@muster/agents';
import { createApp, provideValue } from '@muster/core';
import { expectLegal, withAgent } from './harness.ts';

const endless = (ctx: AgentContext): Promise<never> =>
  new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error)));

@agent({ name: 'patient', description: '', onDisconnect: { cancelAfterMs: 1_000 } })
class APatientOne implements Agent {
  run(_: unknown, ctx: AgentContext) {
    return endless(ctx);
  }
}
@agent({ name: 'impatient', description: '', onDisconnect: { cancelAfterMs: 0 } })
class AnImpatientOne implements Agent {
  run(_: unknown, ctx: AgentContext) {
    return endless(ctx);
  }
}

/** A user who comes and goes as the test says. */
class Somebody implements Presence {
  isPresent = true;
  readonly watchers = new Set<() => void>();

  onChange(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  become(isPresent: boolean): void {
    this.isPresent = isPresent;
    for (const watcher of this.watchers) watcher();
  }
}

async function asked(agentName: string, presence: Presence | undefined, limits = {}) {
  const test = await withAgent((ctx) => endless(ctx), [APatientOne, AnImpatientOne, provideValue(RunLimits, limits)]);
  const requester = { ...(await test.requesterOf('ann')), ...(presence === undefined ? {} : { presence }) };
  const ask = async (thread: string) => test.supervisor.accept(requester, { text: 'hi', thread, agent: agentName });
  await ask('t');
  return { test, ask, last: async (thread = 't') => (await test.eventsOf(thread)).at(-1) };
}

describe('a run whose agent is cancelled a second after its user has gone', () => {
  it('goes on for that second, and ends then, by the supervisor and with the reason', async () => {
    const user = new Somebody();
    const { test, last } = await asked('patient', user);
    await test.clock.advance(60_000);
    user.become(false);
    await test.clock.advance(999);
    expect((await last())?.event).toBe('agent_thinking');
    await test.clock.advance(1);
    expect((await last())?.data).toMatchObject({
      status: 'cancelled',
      by: 'supervisor',
      code: 'RUN_CANCELLED',
      retryable: false,
      error: { message: 'The run was cancelled: its user has had no connection for 1000 ms.' },
    });
    expectLegal(await test.eventsOf('t'));
    expect([user.watchers.size, test.supervisor.activeRuns]).toEqual([0, 0]);
    await test[Symbol.asyncDispose]();
  });

  it('goes on when they come back in time, and counts from nothing when they go again', async () => {
    const user = new Somebody();
    const { test, last } = await asked('patient', user);
    for (let i = 0; i < 5; i += 1) {
      user.become(false);
      await test.clock.advance(999);
      user.become(true);
      await test.clock.advance(1);
    }
    expect((await last())?.event).toBe('agent_thinking');
    // Said twice, which makes it neither longer nor harder to take back.
    user.become(false);
    user.become(false);
    user.become(true);
    await test.clock.advance(60_000);
    expect((await last())?.event).toBe('agent_thinking');
    user.become(false);
    await test.clock.advance(500);
    user.become(false);
    await test.clock.advance(500);
    expect((await last())?.data).toMatchObject({ status: 'cancelled' });
    await test[Symbol.asyncDispose]();
  });

  it('ends also where they had gone before it was accepted', async () => {
    const user = new Somebody();
    user.isPresent = false;
    const { test, last } = await asked('patient', user);
    await test.clock.advance(1_000);
    expect((await last())?.data).toMatchObject({ status: 'cancelled' });
    await test[Symbol.asyncDispose]();
  });

  it('ends also while it waits for its turn', async () => {
    const user = new Somebody();
    const { test, ask, last } = await asked('patient', user, { perUser: 1 });
    await ask('u');
    user.become(false);
    await test.clock.advance(1_000);
    expect((await last('u'))?.data).toMatchObject({ status: 'cancelled', by: 'supervisor' });
    expect([user.watchers.size, test.supervisor.waitingRuns]).toEqual([0, 0]);
    await test[Symbol.asyncDispose]();
  });

  it('ends at once where the time is none', async () => {
    const user = new Somebody();
    const { test, last } = await asked('impatient', user);
    user.become(false);
    await test.clock.advance(0);
    expect((await last())?.data).toMatchObject({ status: 'cancelled' });
    await test[Symbol.asyncDispose]();
  });
});

describe('a run goes on without its user', () => {
  it.each([
    ['where its agent says nothing about it', 'tester', new Somebody()],
    ['where nobody knows who is connected', 'patient', undefined],
  ])('%s', async (_, name, presence) => {
    const { test, last } = await asked(name, presence);
    presence?.become(false);
    await test.clock.advance(500_000);
    expect((await last())?.event).toBe('agent_thinking');
    await test[Symbol.asyncDispose]();
  });
});

describe('onDisconnect', () => {
  it.each<[unknown]>([
    ['cancel'],
    [{ cancelAfterMs: -1 }],
    [{ cancelAfterMs: '5' }],
    [{}],
    [null],
    [{ cancelAfterMs: Number.NaN }],
  ])('%j fails the boot', async (onDisconnect) => {
    @agent({ name: 'odd', description: '', onDisconnect: onDisconnect as OnDisconnect })
    class Odd implements Agent {
      run() {
        return {};
      }
    }
    const app = createApp({ services: [AgentRegistry, Odd] });
    await expect(app.start()).rejects.toMatchObject({
      code: 'BOOT_FAILED',
      details: {
        causes: [{ service: 'AgentRegistry', description: expect.stringContaining('onDisconnect of the agent Odd') }],
      },
    });
  });
});
