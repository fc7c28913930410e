import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type CheckContext,
  createApp,
  type Health,
  healthy,
  type Random,
  type RunContext,
  type Service,
  service,
  type ServiceOptions,
  sleep,
  type StartContext,
  unhealthy,
} from '@muster/core';
import { FakeClock, recordEvents } from '@muster/core/testing';
import { RestartPolicy } from '../src/lifecycle/restart-policy.ts';
import { SERVICE_DEFAULTS, settingsOf } from '../src/lifecycle/service-settings.ts';

/** The longest pause each time, so that times can be told. */
const longest: Random = { next: () => 1, uuid: () => '' };

/** An app with one service that writes down what happens to it, and one that depends on it. */
async function supervised(body: Partial<Service>, options: ServiceOptions = {}) {
  const journal: string[] = [];
  const contexts: StartContext[] = [];
  const clock = new FakeClock();
  @service(options)
  class Worker implements Service {
    async start(ctx: StartContext): Promise<void> {
      contexts.push(ctx);
      journal.push(`start at ${clock.monotonic()}`);
      await body.start?.(ctx);
    }
    stop(): void {
      journal.push(`stop at ${clock.monotonic()}`);
    }
  }
  for (const method of ['run', 'check'] as const)
    if (body[method]) Object.assign(Worker.prototype, { [method]: body[method] });
  @service({ dependsOn: [Worker] })
  class Dependent implements Service {
    constructor(_: Worker) {}
    start(): void {
      journal.push('dependent starts');
    }
    stop(): void {
      journal.push('dependent stops');
    }
  }
  const app = createApp({ services: [Dependent, Worker], clock, random: longest, gate: { dwellMs: 0 } });
  const recorded = recordEvents(app);
  await app.start();
  journal.length = 0;
  const crashes = (): (number | null)[] =>
    recorded.all.flatMap((event) => (event.type === 'crashed' ? [event.restartInMs] : []));
  return {
    app,
    clock,
    journal,
    contexts,
    recorded,
    crashes,
    phase: () =>
      app
        .graph()
        .toJSON()
        .nodes.find(({ id }) => id === 'Worker')?.phase,
  };
}

describe('a service that crashes', () => {
  it('closes the gate in the same tick, is stopped and started again after a pause, and opens it again; dependents stay up', async () => {
    let die!: (error: Error) => void;
    const test = await supervised({ run: () => new Promise((_, reject) => (die = reject)) });
    const permit = await test.app.gate.enter();
    die(new Error('the socket broke'));
    await test.clock.settle();
    expect([test.app.gate.state, permit.live, test.app.gate.blockedBy]).toEqual(['closed', false, ['Worker']]);
    expect(test.journal).toEqual(['stop at 0']);
    await test.clock.advance(999);
    expect(test.phase()).toBe('backoff');
    await test.clock.advance(1);
    expect([test.app.gate.state, test.phase()]).toEqual(['open', 'running']);
    expect(test.journal).toEqual(['stop at 0', 'start at 1000']);
    die(new Error('again'));
    await test.clock.settle();
    expect(test.crashes()).toEqual([1_000, 2_000]);
    await test.app.stop();
  });

  it('may say so itself, but only for as long as it is the one that was started', async () => {
    const test = await supervised({});
    test.contexts[0]?.fail(new Error('lost'));
    expect(test.app.gate.state).toBe('closed');
    await test.clock.advance(1_000);
    expect(test.phase()).toBe('running');
    test.contexts[0]?.fail(new Error('an old story'));
    expect([test.phase(), test.crashes()]).toEqual(['running', [1_000]]);
    await test.app.stop();
    test.contexts[1]?.fail(new Error('too late'));
    expect([test.phase(), test.crashes()]).toEqual(['stopped', [1_000]]);
  });

  it('waits twice as long each time up to thirty seconds, and after ten failures in a row takes the app down in order', async () => {
    let starts = 0;
    const test = await supervised({
      start: () => {
        starts += 1;
        if (starts > 1) throw new Error('no route to host');
      },
    });
    test.contexts[0]?.fail(new Error('lost'));
    await test.clock.advance(400_000);
    expect(test.crashes()).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000, null]);
    expect(test.recorded.all.find((event) => event.type === 'escalated')).toMatchObject({
      service: 'Worker',
      error: { code: 'START_FAILED' },
    });
    expect(test.app.state).toBe('stopped');
    expect(test.journal.at(-1)).toBe('dependent stops');
    expect([test.phase(), test.clock.pending]).toEqual(['failed', 0]);
  });

  it('is forgiven what lies more than a minute of health back', async () => {
    const test = await supervised({});
    for (let i = 0; i < 15; i += 1) {
      test.contexts.at(-1)?.fail(new Error('now and then'));
      await test.clock.advance(1_000 + SERVICE_DEFAULTS.forgivenAfterMs);
    }
    expect(test.crashes()).toEqual(Array(15).fill(1_000));
    await test.app.stop();
  });

  it('is forgiven also when it was asked how it is many times in that minute', async () => {
    const test = await supervised({ check: () => healthy });
    for (let i = 0; i < 3; i += 1) {
      test.contexts.at(-1)?.fail(new Error('now and then'));
      await test.clock.advance(2_000 + SERVICE_DEFAULTS.forgivenAfterMs);
    }
    expect(test.crashes()).toEqual([1_000, 1_000, 1_000]);
    await test.app.stop();
  });

  it('is not started again when its error is fatal, or when it never should be', async () => {
    const fatal = await supervised({});
    fatal.contexts[0]?.fail(Object.assign(new Error('revoked'), { fatal: true }));
    await fatal.clock.advance(0);
    expect([fatal.crashes(), fatal.app.state]).toEqual([[null], 'stopped']);
    const never = await supervised({}, { restart: { when: 'never' } });
    never.contexts[0]?.fail(new Error('lost'));
    await never.clock.advance(0);
    expect([never.crashes(), never.app.state]).toEqual([[null], 'stopped']);
  });

  it('is started again for an unhealthy verdict only where that was asked for', async () => {
    let verdict: Health = healthy;
    const check = (_: CheckContext): Health => verdict;
    const plain = await supervised({ check });
    const eager = await supervised({ check }, { restart: { when: 'unhealthy' } });
    verdict = unhealthy('stuck');
    await Promise.all([plain.clock.advance(7_000), eager.clock.advance(7_000)]);
    expect([plain.crashes(), eager.crashes()]).toEqual([[], [1_000]]);
    verdict = healthy;
    await eager.clock.advance(1_250);
    expect(eager.phase()).toBe('running');
    await Promise.all([plain.app.stop(), eager.app.stop()]);
  });

  it('is not asked for its health while it is down', async () => {
    let asked = 0;
    const test = await supervised({ check: () => ((asked += 1), healthy) }, { health: { everyMs: 100 } });
    test.contexts[0]?.fail(new Error('lost'));
    const before = asked;
    await test.clock.advance(999);
    expect(asked).toBe(before);
    await test.app.stop();
  });
});

describe('a body', () => {
  it('is told to end when its service is stopped, and stop waits for it', async () => {
    const ended: string[] = [];
    const test = await supervised({
      run: async (ctx: RunContext) => {
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
        await sleep(ctx.clock, 500);
        ended.push('body ended');
      },
    });
    const stopping = test.app.stop();
    await test.clock.advance(499);
    expect(ended).toEqual([]);
    await test.clock.advance(1);
    expect((await stopping).hung).toEqual([]);
    expect(ended).toEqual(['body ended']);
  });

  it('is named as hung when it does not end, and is no crash when it ends by itself', async () => {
    const hangs = await supervised({ run: () => new Promise(() => {}) });
    const stopping = hangs.app.stop();
    await hangs.clock.advance(9_000);
    expect((await stopping).hung).toEqual(['Worker']);
    const ends = await supervised({ run: async () => {} });
    await ends.clock.advance(10_000);
    expect([ends.phase(), ends.crashes()]).toEqual(['running', []]);
    await ends.app.stop();
  });

  it('is ended before its service is started again', async () => {
    const signals: AbortSignal[] = [];
    const test = await supervised({
      run: (ctx: RunContext) => {
        signals.push(ctx.signal);
        return new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve(undefined)));
      },
    });
    test.contexts[0]?.fail(new Error('lost'));
    await test.clock.advance(1_000);
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    await test.app.stop();
  });
});

describe('a stop in the middle of a restart', () => {
  it.each([
    ['while it waits', 500, {}],
    [
      'while it starts',
      1_000,
      { start: (ctx: StartContext) => (ctx.clock.monotonic() > 0 ? sleep(ctx.clock, 60_000, ctx.signal) : undefined) },
    ],
  ])('%s ends at once, with nothing left behind', async (_, ms, body) => {
    const test = await supervised(body as Partial<Service>);
    test.contexts[0]?.fail(new Error('lost'));
    await test.clock.advance(ms);
    const report = await test.app.stop();
    expect(report.hung).toEqual([]);
    expect([test.app.state, test.phase(), test.clock.pending]).toEqual(['stopped', 'stopped', 0]);
    expect(test.journal.filter((line) => line.startsWith('start'))).toHaveLength(ms === 500 ? 0 : 1);
  });
});

describe('RestartPolicy', () => {
  it('waits a random part of its ceiling, and gives up exactly after ten in a row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 12, maxLength: 12 }),
        (chances) => {
          let i = 0;
          const random = { next: () => chances[i++ % chances.length] as number, uuid: () => '' };
          const policy = new RestartPolicy(random, settingsOf('Worker', {}), false);
          const pauses = Array.from({ length: 11 }, (_, n) => policy.failed(n));
          pauses.forEach((pause, n) => {
            if (n === 10) expect(pause).toBeNull();
            else expect(pause).toBe((chances[n] as number) * Math.min(30_000, 1_000 * 2 ** n));
          });
        },
      ),
    );
  });
});
