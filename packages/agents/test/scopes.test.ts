import { describe, expect, it } from '@jest/globals';
import {
  createApp,
  CurrentPrincipal,
  CurrentRun,
  CurrentSignal,
  EventLog,
  principalOf,
  type RuntimeEvent,
  scoped,
  scopeValue,
  streamOf,
  withValue,
} from '@muster/core';
import { eventsIn, FakeClock } from '@muster/core/testing';
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  type Requester,
  type RunInput,
  runMethods,
  type RunResult,
} from '@muster/agents';

/** An app with one agent that depends on what its run and its user have, and a journal of all of it. */
async function withScopes(body: (ctx: AgentContext, work: { signal: AbortSignal }) => Promise<void>) {
  const journal: string[] = [];
  let isBroken = false;
  @scoped('user', { dependsOn: [CurrentPrincipal] })
  class Profile {
    constructor(readonly principal: CurrentPrincipal) {
      journal.push(`profile of ${principal.user}`);
    }
    dispose(): void {
      journal.push(`no profile of ${this.principal.user}`);
    }
  }
  @scoped('run', { dependsOn: [Profile, CurrentRun, CurrentSignal] })
  class Work {
    constructor(
      readonly profile: Profile,
      readonly run: CurrentRun,
      readonly signal: CurrentSignal,
    ) {}
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.resolve();
      journal.push(`${this.run.run} is over`);
    }
  }
  @agent({ name: 'worker', description: 'works', dependsOn: [Work] })
  class Worker implements Agent {
    constructor(readonly work: Work) {
      if (isBroken) throw new Error('secret of the constructor');
    }
    async run(input: RunInput, ctx: AgentContext): Promise<object> {
      expect(this.work).toMatchObject({ run: { run: ctx.run, thread: input.thread } });
      expect(this.work.profile.principal.user).toBe(ctx.user);
      expect(this.work.signal).toBe(ctx.signal);
      await body(ctx, this.work);
      return {};
    }
  }
  const clock = new FakeClock();
  const app = createApp({ services: [Worker, Work, Profile, ...agents()], clock });
  const faults: unknown[] = [];
  app.events.on((event: RuntimeEvent) => {
    if (event.type === 'fault') faults.push(event.error);
  });
  await app.start();
  const supervisor = app.get(AgentSupervisor);
  return {
    app,
    clock,
    journal,
    supervisor,
    breakConstructor: () => {
      isBroken = true;
    },
    live: () => app.graph().toJSON().scopes?.live,
    accept: async (user = 'ann') =>
      supervisor.accept(
        { principal: principalOf(user), permit: await app.gate.enter(), follow: async () => {} },
        { text: 'hi' },
      ),
    stop: async () => {
      const stopping = app.stop();
      await clock.advance(9_000);
      await stopping;
    },
  };
}

describe('the scope of a run', () => {
  it('gives the agent what its run and its user have, and is closed after the terminal', async () => {
    const releases: (() => void)[] = [];
    const { accept, clock, journal, live, stop, supervisor } = await withScopes(
      () => new Promise((resolve) => releases.push(resolve)),
    );
    const [one, other, third] = [await accept(), await accept(), await accept('bob')];
    await clock.settle();
    expect(live()).toEqual({ user: 2, run: 3, connection: 0 });
    releases[0]?.();
    releases[2]?.();
    await clock.settle(20);
    expect(journal).toEqual([
      'profile of ann',
      'profile of bob',
      `${one.run} is over`,
      `${third.run} is over`,
      'no profile of bob',
    ]);
    expect([live()?.run, supervisor.activeRuns]).toEqual([1, 1]);
    releases[1]?.();
    await clock.settle(20);
    expect(journal.slice(5)).toEqual([`${other.run} is over`, 'no profile of ann']);
    expect([live(), supervisor.activeRuns]).toEqual([undefined, 0]);
    await stop();
  });

  it('is closed some seconds after the terminal when the agent ignores its signal', async () => {
    const { accept, clock, journal, live, stop, supervisor } = await withScopes(() => new Promise(() => {}));
    const { run } = await accept();
    await clock.settle();
    void supervisor.cancel(principalOf('ann'), run, null);
    await clock.settle(20);
    expect([supervisor.activeRuns, supervisor.abandonedRuns, live()?.run]).toEqual([0, 1, 1]);
    await clock.advance(4_999);
    expect(live()?.run).toBe(1);
    await clock.advance(1);
    expect(journal).toEqual(['profile of ann', `${run} is over`, 'no profile of ann']);
    expect(live()).toBe(undefined);
    await stop();
  });

  it('leaves nothing open when the agent cannot be made, and shows nobody why', async () => {
    const { accept, breakConstructor, clock, journal, live, stop } = await withScopes(async () => {});
    breakConstructor();
    const error = await accept().catch((thrown: unknown) => thrown);
    // Not of a catalogue: a connection answers it with a correlation alone.
    expect(error).toMatchObject({
      name: 'Error',
      cause: { code: 'SCOPE_CONSTRUCT_FAILED', cause: { message: 'secret of the constructor' } },
    });
    await clock.settle(20);
    expect(journal).toEqual(['profile of ann', expect.stringContaining('is over'), 'no profile of ann']);
    expect(live()).toBe(undefined);
    await stop();
  });

  it('is closed before services are stopped, also where a run goes on', async () => {
    const { accept, clock, journal, stop, live } = await withScopes(() => new Promise(() => {}));
    const { run } = await accept();
    await clock.settle();
    await stop();
    expect(journal).toEqual(['profile of ann', `${run} is over`, 'no profile of ann']);
    expect(live()).toBe(undefined);
  });
});

describe('values of your own in runs', () => {
  const Tenant = scopeValue<string>('Tenant', 'run');

  @scoped('run', { dependsOn: [Tenant] })
  class Ledger {
    readonly tenant: string;
    constructor(tenant: string) {
      this.tenant = tenant;
    }
  }

  @agent({ name: 'helper', description: 'helps', dependsOn: [Ledger] })
  class Helper implements Agent {
    readonly #ledger: Ledger;
    constructor(ledger: Ledger) {
      this.#ledger = ledger;
    }
    run(): RunResult {
      return { finalResponse: `help for ${this.#ledger.tenant}` };
    }
  }

  @agent({ name: 'asker', description: 'asks', dependsOn: [Ledger] })
  class Asker implements Agent {
    readonly #ledger: Ledger;
    constructor(ledger: Ledger) {
      this.#ledger = ledger;
    }
    async run(_: RunInput, ctx: AgentContext): Promise<RunResult> {
      const { finalResponse } = await ctx.delegate('helper', 'help');
      return { finalResponse: `${this.#ledger.tenant}: ${finalResponse}` };
    }
  }

  async function withTenant() {
    const clock = new FakeClock();
    const app = createApp({ services: [Asker, Helper, Ledger, ...agents()], clock });
    await app.start();
    const permit = await app.gate.enter();
    const requester = { principal: principalOf('ann'), permit, follow: async () => {} };
    const answer = async (of: Requester) => {
      const methods = runMethods(app.get(AgentSupervisor), of, () => [withValue(Tenant, 'acme')]);
      const { thread } = (await methods.run({ text: 'hi', agent: 'asker' })) as { thread: string };
      await clock.settle();
      await clock.advance(100);
      const { batches } = await app.get(EventLog).read(streamOf(of.principal, thread), { after: 0 });
      return batches.flatMap(eventsIn).at(-1)?.data;
    };
    return { app, clock, requester, answer };
  }

  it('reach a run and those that help it', async () => {
    const { app, clock, requester, answer } = await withTenant();
    expect(await answer(requester)).toMatchObject({ status: 'success', finalResponse: 'acme: help for acme' });
    const stopping = app.stop();
    await clock.advance(9_000);
    await stopping;
  });

  it('are missed by name where nobody gives them', async () => {
    const { app, clock, requester } = await withTenant();
    const accepting = app.get(AgentSupervisor).accept(requester, { text: 'hi', agent: 'asker' });
    await expect(accepting).rejects.toMatchObject({ code: 'SCOPE_VALUE_MISSING', details: { value: 'Tenant' } });
    const stopping = app.stop();
    await clock.advance(9_000);
    await stopping;
  });
});
