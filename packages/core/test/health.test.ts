import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type App,
  createApp,
  type Health,
  healthy,
  type Service,
  service,
  type ServiceOptions,
  type StartContext,
  unhealthy,
} from '@muster/core';
import { FakeClock, type RecordedEvents, recordEvents } from '@muster/core/testing';
import { Alarm, EngineClock, LAG_MS } from '../src/lifecycle/engine-clock.ts';
import { HealthLoop } from '../src/lifecycle/health-loop.ts';
import { HealthRecord, STALE_AFTER } from '../src/lifecycle/health-record.ts';
import type { ManagedService } from '../src/lifecycle/managed-service.ts';
import { settingsOf } from '../src/lifecycle/service-settings.ts';
import { Gate, type GateOptions } from '../src/lifecycle/gate.ts';
import { RuntimeEvents } from '../src/runtime-event.ts';

interface Watched {
  readonly app: App;
  readonly clock: FakeClock;
  readonly recorded: RecordedEvents;
  readonly ctx: () => StartContext;
  readonly asked: number[];
  answer: () => Health | Promise<Health>;
}

/** A running app whose one service answers as the test says. */
async function watched(
  options: ServiceOptions = {},
  gate: GateOptions = { dwellMs: 0, jitterMs: 0 },
): Promise<Watched> {
  const clock = new FakeClock();
  let ctx!: StartContext;
  const asked: number[] = [];
  const test: { answer: () => Health | Promise<Health> } = { answer: () => healthy };
  @service(options)
  class Database implements Service {
    start(given: StartContext): void {
      ctx = given;
    }
    check(): Health | Promise<Health> {
      asked.push(clock.monotonic());
      return test.answer();
    }
  }
  const app = createApp({ services: [Database], clock, gate });
  const recorded = recordEvents(app);
  await app.start();
  return Object.assign(test, { app, clock, recorded, ctx: () => ctx, asked });
}

function verdicts({ recorded }: Watched): string[] {
  return recorded.all.flatMap((event) => (event.type === 'health-changed' ? [event.to] : []));
}

describe('health', () => {
  it('is asked for every five seconds, every second while suspect, and a single failed probe changes nothing', async () => {
    const test = await watched();
    let calls = 0;
    test.answer = () => ((calls += 1) === 1 ? unhealthy('once') : healthy);
    await test.clock.advance(16_000);
    expect(test.asked).toEqual([0, 5_000, 6_000, 11_000, 16_000]);
    expect([verdicts(test), test.app.gate.state]).toEqual([[], 'open']);
    await test.app.stop();
  });

  it('turns unhealthy after so many failures in a row as were declared, and healthy after so many successes', async () => {
    const test = await watched({ health: { failures: 2, successes: 3 } });
    test.answer = () => unhealthy('replica lost');
    await test.clock.advance(5_999);
    expect(verdicts(test)).toEqual([]);
    await test.clock.advance(1);
    expect(verdicts(test)).toEqual(['unhealthy']);
    test.answer = () => healthy;
    await test.clock.advance(2_999);
    expect(verdicts(test)).toEqual(['unhealthy']);
    await test.clock.advance(1);
    expect(verdicts(test)).toEqual(['unhealthy', 'healthy']);
    await test.app.stop();
  });

  it('acts at once on what a service says of itself', async () => {
    const test = await watched();
    test.ctx().report(unhealthy('connection lost'));
    expect([test.app.gate.state, test.app.gate.blockedBy]).toEqual(['closed', ['Database']]);
    expect(test.app.graph().node('Database')).toMatchObject({ health: 'unhealthy', reason: 'connection lost' });
    test.ctx().report(healthy);
    expect(verdicts(test)).toEqual(['unhealthy', 'healthy']);
    await test.app.stop();
    test.ctx().report(unhealthy('too late'));
    expect(verdicts(test)).toEqual(['unhealthy', 'healthy']);
  });

  it('of a service without a check is what it reported first, and that decides whether it came up', async () => {
    const clock = new FakeClock();
    @service({ start: { timeoutMs: 1_000 } })
    class Pushing implements Service {
      start(ctx: StartContext): void {
        ctx.report(unhealthy('warming up'));
        ctx.clock.schedule(600, () => ctx.report(healthy));
      }
    }
    const app = createApp({ services: [Pushing], clock });
    const starting = app.start();
    await clock.advance(500);
    expect(app.graph().node('Pushing')).toMatchObject({ phase: 'starting', reason: null });
    await clock.advance(250);
    await starting;
    expect(app.graph().node('Pushing').health).toBe('healthy');
    await app.stop();
  });

  it('says nothing of a check that timed out while the loop stood still', async () => {
    const test = await watched({ health: { failures: 1, timeoutMs: 1_000, everyMs: 5_000 } });
    test.answer = () => new Promise((resolve) => test.clock.schedule(500, () => resolve(healthy)));
    await test.clock.advance(5_100);
    // Blocked for four seconds in the middle of the check: shorter than an interval, but longer than the check may take.
    test.clock.freeze(4_000);
    await test.clock.advance(1_000);
    expect([verdicts(test), test.app.gate.state]).toEqual([[], 'open']);
    test.answer = () => new Promise(() => {});
    await test.clock.advance(12_000);
    expect(verdicts(test)).toEqual(['unhealthy']);
    await test.app.stop();
  });

  it('grows stale, and stale is unhealthy, when nothing conclusive comes for three intervals in which the loop ran', async () => {
    const test = await watched({ health: { failures: 3, timeoutMs: 1_000, everyMs: 2_000 } });
    test.answer = () => new Promise(() => {});
    for (let i = 0; i < STALE_AFTER; i += 1) {
      expect(verdicts(test)).toEqual([]);
      const before = test.asked.length;
      while (test.asked.length === before) await test.clock.advance(100);
      // Each check is cut short by a standstill: none of them ever says anything.
      test.clock.freeze(700);
      await test.clock.advance(500);
    }
    expect(verdicts(test)).toEqual(['unhealthy']);
    expect(test.app.graph().node('Database').reason).toContain('stale');
    await test.app.stop();
  });

  it('moves no gate after a standstill before everything was asked once: sixty seconds of SIGSTOP change nothing', async () => {
    const test = await watched({ health: { everyMs: 5_000 } });
    await test.clock.advance(7_000);
    test.clock.freeze(60_000);
    await test.clock.advance(5_000);
    expect([verdicts(test), test.app.gate.state]).toEqual([[], 'open']);
    expect(test.recorded.all.filter((event) => event.type === 'lagged')).toMatchObject([{ lagMs: expect.any(Number) }]);
    expect(test.asked.filter((at) => at >= 67_000)[0]).toBe(67_000);
    await test.app.stop();
  });

  it('lets no gate open on old news: a dwell that ran out in a standstill waits for the round of checks', async () => {
    const test = await watched({ health: { everyMs: 1_000 } }, { dwellMs: 2_000, jitterMs: 0 });
    test.ctx().report(unhealthy('gone'));
    test.ctx().report(healthy);
    await test.clock.advance(1_000);
    let answerNow!: (health: Health) => void;
    test.answer = () => new Promise((resolve) => (answerNow = resolve));
    test.clock.freeze(60_000);
    await test.clock.advance(0);
    expect(test.app.gate.state).toBe('closed');
    answerNow(unhealthy('still gone'));
    await test.clock.advance(3_000);
    expect(test.app.gate.state).toBe('closed');
    await test.app.stop();
  });

  it('is watched by a loop that watches itself: a service whose probe was lost counts as missed, and is asked again', async () => {
    const clock = new FakeClock();
    let [asked, missed] = [0, 0];
    // A probe that never comes back, whatever its timeout says: only a fault of the engine can do that.
    const forgotten = lostIn(
      () => (asked += 1),
      () => (missed += 1),
    );
    const nobody = { doubted: () => {}, trusted: () => {}, isDoubted: () => false };
    const loop = new HealthLoop(new EngineClock(clock), new RuntimeEvents(), nobody);
    loop.watch(forgotten);
    await clock.advance(10_000);
    expect([asked, missed >= 3]).toEqual([1, true]);
    loop.stop();
    expect(clock.pending).toBe(0);
  });

  it('misses all that it has lost sight of in one patrol, also where one of them is then no longer watched', async () => {
    const clock = new FakeClock();
    const missed: string[] = [];
    const nobody = { doubted: () => {}, trusted: () => {}, isDoubted: () => false };
    const loop = new HealthLoop(new EngineClock(clock), new RuntimeEvents(), nobody);
    for (let i = 0; i < 5; i += 1) {
      const service = lostIn(
        () => {},
        () => {
          missed.push(`${i} at ${clock.monotonic()}`);
          loop.unwatch(service);
        },
      );
      loop.watch(service);
    }
    await clock.advance(10_000);
    const [first] = missed.map((each) => each.slice(2));
    expect(missed).toEqual([0, 1, 2, 3, 4].map((i) => `${i} ${first}`));
    loop.stop();
  });

  it('keeps its eye on all the others when it no longer watches some, in whatever order', async () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4]);
    await fc.assert(
      fc.asyncProperty(order, async (unwatched) => {
        const clock = new FakeClock();
        const missed = new Set<number>();
        const services = [0, 1, 2, 3, 4].map((i) =>
          lostIn(
            () => {},
            () => missed.add(i),
          ),
        );
        const nobody = { doubted: () => {}, trusted: () => {}, isDoubted: () => false };
        const loop = new HealthLoop(new EngineClock(clock), new RuntimeEvents(), nobody);
        for (const service of services) loop.watch(service);
        await clock.advance(1_100);
        for (const i of unwatched) loop.unwatch(services[i] as ManagedService);
        await clock.advance(5_000);
        expect([...missed].sort()).toEqual([0, 1, 2, 3, 4].filter((i) => !unwatched.includes(i)));
        loop.stop();
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
});

/** A service whose probes never come back. */
function lostIn(asked: () => void, missed: () => void): ManagedService {
  return {
    hasCheck: true,
    watched: undefined,
    identity: { settings: settingsOf('Forgotten', { health: { everyMs: 1_000, timeoutMs: 500 } }) },
    health: { isSuspect: false },
    probe: () => (asked(), new Promise<void>(() => {})),
    missProbe: missed,
  } as unknown as ManagedService;
}

describe('HealthRecord', () => {
  it('follows its thresholds through any answers', () => {
    const answers = fc.array(fc.constantFrom('good', 'bad', 'none'), { maxLength: 60 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        answers,
        (failures, successes, said) => {
          const record = new HealthRecord({ failures, successes });
          record.set(healthy, 0);
          let status = 'healthy';
          let [bad, good, none] = [0, 1, 0];
          for (const answer of said) {
            if (answer === 'none') {
              record.miss();
              none += 1;
              if (none >= STALE_AFTER) [status, good] = ['unhealthy', 0];
            } else if (answer === 'bad') {
              record.note(unhealthy('x'), 1);
              [bad, good, none] = [bad + 1, 0, 0];
              if (bad >= failures) status = 'unhealthy';
            } else {
              record.note(healthy, 1);
              [bad, good, none] = [0, good + 1, 0];
              if (good >= successes) status = 'healthy';
            }
            expect(record.status).toBe(status);
          }
        },
      ),
    );
  });
});

class Bell extends Alarm {
  readonly #told: () => void;

  constructor(told: () => void) {
    super();
    this.#told = told;
  }

  rang(): void {
    this.#told();
  }
}

describe('EngineClock', () => {
  it('makes room when thousands have rung, and forgets none of those that still wait', async () => {
    const clock = new FakeClock();
    const engine = new EngineClock(clock);
    let rung = 0;
    const more = (): void => void (rung += 1);
    for (let i = 0; i < 2_000; i += 1) engine.set(new Bell(more), 10);
    await clock.advance(1);
    for (let i = 0; i < 500; i += 1) engine.set(new Bell(more), 10);
    await clock.advance(20);
    expect([rung, clock.pending]).toEqual([2_500, 0]);
  });

  it('rings an alarm at the time for which it was last set, and once', async () => {
    const steps = fc.array(
      fc.record({
        alarm: fc.nat(2),
        act: fc.constantFrom('set', 'set', 'set', 'cancel', 'wait'),
        delay: fc.constantFrom(0, 5, 5, 20),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const clock = new FakeClock();
        const engine = new EngineClock(clock);
        const due = new Map<number, number>();
        const rung: [number, number][] = [];
        const bells = [0, 1, 2].map((i) => new Bell(() => rung.push([i, clock.monotonic()])));
        const expected: [number, number][] = [];
        const pass = async (ms: number): Promise<void> => {
          await clock.advance(ms);
          for (const [i, at] of due) {
            if (at > clock.monotonic()) continue;
            expected.push([i, at]);
            due.delete(i);
          }
        };
        for (const { alarm, act, delay } of all) {
          if (act === 'wait') await pass(delay + 1);
          else if (act === 'cancel') {
            (bells[alarm] as Bell).cancel();
            due.delete(alarm);
          } else {
            engine.set(bells[alarm] as Bell, delay);
            due.set(alarm, clock.monotonic() + delay);
          }
          if (due.size === 0) expect(clock.pending).toBe(0);
        }
        await pass(100);
        expect(rung.sort()).toEqual(expected.sort());
        expect(clock.pending).toBe(0);
      }),
    );
  });

  const plan = fc.array(
    fc.record({ delay: fc.constantFrom(0, 1, 5, 5, 5, 20), cancel: fc.boolean(), nested: fc.boolean() }),
    { maxLength: 40 },
  );

  it('calls the same timers at the same times as the clock that it wraps', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (timers) => {
        const run = async (wrap: boolean): Promise<string[]> => {
          const clock = new FakeClock();
          const used = wrap ? new EngineClock(clock) : clock;
          const calls: string[] = [];
          for (const [i, { delay, cancel, nested }] of timers.entries()) {
            const timer = used.schedule(delay, () => {
              calls.push(`${i}@${clock.monotonic()}`);
              if (nested) used.schedule(delay, () => calls.push(`${i}'@${clock.monotonic()}`));
            });
            if (cancel) timer.cancel();
          }
          await clock.advance(100);
          expect(clock.pending).toBe(0);
          return calls.sort();
        };
        expect(await run(true)).toEqual(await run(false));
      }),
      { numRuns: 40 },
    );
  });

  it('has one timer of the system for ten thousand equal deadlines, and none when all are cancelled', () => {
    const clock = new FakeClock();
    const engine = new EngineClock(clock);
    const timers = Array.from({ length: 10_000 }, () => engine.schedule(15_000, () => {}));
    expect(clock.pending).toBe(1);
    for (const timer of timers) timer.cancel();
    expect(clock.pending).toBe(0);
  });

  it('tells of a lag before it calls what was late because of it', async () => {
    const clock = new FakeClock();
    const engine = new EngineClock(clock);
    const told: string[] = [];
    engine.onLag((ms) => told.push(`late by ${ms}`));
    engine.schedule(100, () => told.push('called'));
    clock.freeze(100 + LAG_MS + 1);
    await clock.advance(0);
    expect(told).toEqual([`late by ${LAG_MS + 1}`, 'called']);
  });
});

describe('a gate that has been open', () => {
  function flapping(options: GateOptions) {
    const clock = new FakeClock();
    const state = { ready: true, confirmed: true };
    const guarded = {
      ready: () => state.ready,
      confirmed: () => state.confirmed,
      blockedBy: () => (state.ready ? [] : ['Database']),
    };
    const events = new RuntimeEvents();
    const told: unknown[] = [];
    events.on((event) => {
      if (event.type === 'gate-closed') told.push([event.causes, event.dwellMs]);
    });
    const random = { next: () => 0.5, uuid: () => '' };
    const gate = new Gate('main', guarded, { clock, random, events }, options);
    const set = (ready: boolean): void => {
      state.ready = ready;
      gate.follow();
    };
    return { clock, gate, set, state, told };
  }

  it('opens again only when everything has been ready for its dwell, counted anew after each loss', async () => {
    const { clock, gate, set } = flapping({ dwellMs: 2_000 });
    set(true);
    expect(gate.state).toBe('open');
    set(false);
    set(true);
    await clock.advance(1_500);
    set(false);
    set(true);
    await clock.advance(1_999);
    expect(gate.state).toBe('closed');
    await clock.advance(1);
    expect(gate.state).toBe('open');
  });

  it('waits until what was lost has proved itself', async () => {
    const { clock, gate, set, state } = flapping({ dwellMs: 100 });
    set(true);
    state.confirmed = false;
    set(false);
    set(true);
    await clock.advance(10_000);
    expect(gate.state).toBe('closed');
    state.confirmed = true;
    gate.follow();
    expect(gate.state).toBe('open');
  });

  it('doubles its dwell while it flaps, up to a cap, and forgets after a minute of peace; it says why it closed', async () => {
    const { clock, gate, set, told } = flapping({ dwellMs: 1_000, maxDwellMs: 3_000 });
    set(true);
    const reopenings: number[] = [];
    const flap = async (): Promise<void> => {
      set(false);
      set(true);
      const began = clock.monotonic();
      while (gate.state !== 'open') await clock.advance(100);
      reopenings.push(clock.monotonic() - began);
    };
    for (let i = 0; i < 4; i += 1) await flap();
    await clock.advance(60_000);
    await flap();
    expect(reopenings).toEqual([1_000, 2_000, 3_000, 3_000, 1_000]);
    expect(told).toEqual([1_000, 2_000, 3_000, 3_000, 1_000].map((ms) => [['Database'], ms]));
  });

  it('admits those who waited at random moments when it opens again, and nobody later than their hold', async () => {
    const { clock, gate, set } = flapping({ dwellMs: 0, jitterMs: 400, holdMs: 10_000 });
    set(true);
    set(false);
    const admitted: number[] = [];
    const entering = [gate.enter(), gate.enter()].map((permit) => permit.then(() => admitted.push(clock.monotonic())));
    set(true);
    await clock.advance(199);
    expect(admitted).toEqual([]);
    await clock.advance(1);
    await Promise.all(entering);
    expect(admitted).toEqual([200, 200]);
    expect((await gate.enter()).live).toBe(true);
  });
});
