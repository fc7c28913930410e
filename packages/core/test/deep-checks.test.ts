/** The deep check: what it is given, when it is made, and what follows from it. */
import { describe, expect, it } from '@jest/globals';
import { createApp, HealthMonitor, type ProbeContext, type RuntimeEvent, Scopes, scoped, service } from '@muster/core';
import { FakeClock } from '@muster/core/testing';

type Probe = (ctx: ProbeContext) => void | Promise<void>;

/** An app with one service whose deep check a test writes. */
function appWith(probe: Probe, options: { everyMs?: number; timeoutMs?: number } = {}) {
  const calls: ProbeContext[] = [];
  @service({ probe: options })
  class Chain {
    async probe(ctx: ProbeContext): Promise<void> {
      calls.push(ctx);
      await probe(ctx);
    }
  }
  const clock = new FakeClock();
  const app = createApp({ services: [Chain, HealthMonitor], clock });
  const events: RuntimeEvent[] = [];
  app.events.on((event) => void events.push(event));
  return {
    app,
    clock,
    calls,
    events,
    monitor: () => app.get(HealthMonitor),
    node: () => app.graph().node('Chain'),
    async [Symbol.asyncDispose]() {
      const stopping = app.stop();
      await clock.advance(20_000);
      await stopping;
    },
  };
}

const broken = (): never => {
  throw new Error('the pool has gone');
};

describe('the deep check', () => {
  it('is made once the gate is open, and never while the app boots', async () => {
    await using made = appWith(() => new Promise(() => {}));
    const { app, calls, clock, node } = made;
    await app.start();
    expect([app.gate.state, calls.length, node().health]).toEqual(['open', 0, 'unchecked']);
    await clock.advance(0);
    expect(calls).toHaveLength(1);
    expect(app.gate.state).toBe('open');
  });

  it('is made again every 30 s while all is well', async () => {
    await using made = appWith(() => {});
    const { app, calls, clock, node, monitor } = made;
    await app.start();
    await clock.advance(0);
    await clock.advance(29_999);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
    expect(node()).toMatchObject({ health: 'healthy', deepCheck: { reason: null, ageMs: 0, tookMs: 0 } });
    expect([...monitor().deepChecks().keys()].sort()).toEqual(['Chain', 'HealthMonitor']);
    expect(app.explain('Chain')).toContain('Its last deep check, 0 ms ago, passed in 0 ms.');
  });

  it('asks a second time before it believes in a failure', async () => {
    let failures = 1;
    await using made = appWith(() => {
      failures -= 1;
      if (failures === 0) broken();
    });
    const { app, calls, clock } = made;
    await app.start();
    await clock.advance(0);
    expect([calls.length, app.gate.state]).toEqual([2, 'open']);
  });

  it('closes the gate with its reason when it fails, and opens it when it passes again', async () => {
    let isCut = false;
    await using made = appWith(() => {
      if (isCut) broken();
    });
    const { app, clock, calls, node, events, monitor } = made;
    await app.start();
    await clock.advance(0);
    isCut = true;
    await clock.advance(30_000);
    expect([app.gate.state, app.gate.blockedBy]).toEqual(['closed', ['Chain']]);
    expect(node()).toMatchObject({ health: 'unhealthy', reason: 'deep check: the pool has gone', phase: 'running' });
    expect(monitor().history().at(-1)).toMatchObject({ service: 'Chain', to: 'unhealthy' });
    expect(events.filter(({ type }) => type === 'deep-check').at(-1)).toMatchObject({ verdict: 'failed' });
    isCut = false;
    await clock.advance(5_000);
    expect(node()).toMatchObject({ health: 'healthy', deepCheck: { reason: null } });
    await clock.advance(2_000);
    expect(app.gate.state).toBe('open');
    const before = calls.length;
    await clock.advance(27_999);
    expect(calls).toHaveLength(before);
  });

  it('gives up a probe that does not end, and aborts its signal', async () => {
    await using made = appWith(() => new Promise(() => {}), { timeoutMs: 100 });
    const { app, clock, calls, node } = made;
    await app.start();
    await clock.advance(200);
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(node().reason).toBe('deep check: probe() did not end within 100 ms');
  });

  it('gives a permit that holds while the gate is closed, and for nobody else', async () => {
    @scoped('run')
    class Work {}
    const opened: string[] = [];
    @service({ dependsOn: [Scopes] })
    class Chain {
      readonly #scopes: Scopes;
      constructor(scopes: Scopes) {
        this.#scopes = scopes;
      }
      async probe({ permit, principal, signal }: ProbeContext): Promise<void> {
        const open = (user: typeof principal) =>
          this.#scopes.open('run', { permit, principal: user, signal, run: { run: 'r', thread: 't' } });
        await open(principal).close();
        try {
          open({ ...principal, user: 'ann' });
        } catch (error) {
          opened.push(`${app.gate.state}: ${(error as { code: string }).code}`);
        }
        if (opened.length < 3) broken();
      }
    }
    const clock = new FakeClock();
    const app = createApp({ services: [Chain, Work], clock });
    await app.start();
    await clock.advance(0);
    expect(app.gate.state).toBe('closed');
    await clock.advance(5_000);
    expect(opened).toEqual(['open: PERMIT_DEAD', 'open: PERMIT_DEAD', 'closed: PERMIT_DEAD']);
    await clock.advance(2_000);
    expect(app.gate.state).toBe('open');
    const stopping = app.stop();
    await clock.advance(9_000);
    await stopping;
  });

  it('starts anew with each generation of a service', async () => {
    await using made = appWith(() => {});
    const { app, clock, calls } = made;
    await app.start();
    await clock.advance(0);
    app.restart('Chain');
    await clock.advance(0);
    expect(calls).toHaveLength(2);
  });

  it('leaves no timer when the app has stopped', async () => {
    const made = appWith(() => new Promise(() => {}));
    const { app, clock, calls } = made;
    await app.start();
    await clock.advance(0);
    await made[Symbol.asyncDispose]();
    expect(calls[0]?.signal.aborted).toBe(true);
    expect([app.state, clock.pending]).toEqual(['stopped', 0]);
  });
});
