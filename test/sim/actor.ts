/**
 * One simulated service: it does at each call what its seed says, and writes down what the engine did to it.
 */
import {
  type CheckContext,
  type Clock,
  degraded,
  type Health,
  healthy,
  type RunContext,
  type Service,
  type StartContext,
  type StopContext,
  unhealthy,
} from '@muster/core';
import { SeededRandom } from '@muster/core/testing';
import type { NodeSketch } from './sketch.ts';

/** Told of everything that the engine does to an actor. */
export interface Audience {
  readonly clock: Clock;
  /** True while no faults are made. */
  calm: boolean;
  entered(actor: Actor, method: 'start' | 'check' | 'run' | 'drain' | 'stop' | 'hook', ctx?: StopContext): void;
  answered(id: string): void;
  /** The actor's own timers are no business of the engine. */
  timer(delayMs: number, callback: () => void): void;
  said(text: string): void;
}

/** How one try at starting went, as the actor saw it. */
export interface TryRecord {
  readonly ctx: StartContext | undefined;
  readonly at: number;
  /** `start()` has ended well, and how. */
  started: boolean;
  /** The last answer of a check in this try or later. */
  answer: Health['status'] | 'bad' | undefined;
  hooked: boolean;
  /** The last thing that it reported of itself. */
  reported: Health['status'] | undefined;
}

export class Actor {
  readonly sketch: NodeSketch;
  readonly tries: TryRecord[] = [];
  readonly #audience: Audience;
  readonly #random: SeededRandom;
  readonly #roughness: number;
  /** Checks in a row that did not answer well. */
  badAnswers = 0;
  checks = 0;
  stops = 0;
  /** True from `start()` until a `stop()` after it. */
  isEntered = false;
  everEntered = false;
  /** A start that was given up has succeeded, and no stop has come after it. */
  cameLate = false;
  /** Stops that have not ended, with the time at which the engine stops waiting. */
  openStops: number[] = [];
  lastStopWasLate = false;
  #sickUntil = -1;
  #wellUntil = 0;

  constructor(sketch: NodeSketch, seed: number, roughness: number, audience: Audience) {
    this.sketch = sketch;
    this.#random = new SeededRandom(seed);
    this.#roughness = roughness;
    this.#audience = audience;
    // Without a start() nobody hears of a new generation.
    const none = { ctx: undefined, at: 0, started: true, answer: undefined, hooked: false, reported: undefined };
    if (!sketch.has.start) this.tries.push(none);
  }

  get id(): string {
    return this.sketch.id;
  }

  get try(): TryRecord | undefined {
    return this.tries.at(-1);
  }

  /** The methods that the engine sees. */
  service(): Service {
    const { has } = this.sketch;
    return {
      ...(has.start ? { start: (ctx: StartContext) => this.#start(ctx) } : {}),
      ...(has.check ? { check: (ctx: CheckContext) => this.#check(ctx) } : {}),
      ...(has.run ? { run: (ctx: RunContext) => this.#run(ctx) } : {}),
      ...(has.drain ? { drain: () => this.#drain() } : {}),
      ...(has.stop ? { stop: (ctx: StopContext) => this.#stop(ctx) } : {}),
    };
  }

  hook(): void | Promise<void> {
    const record = this.try as TryRecord;
    this.#audience.entered(this, 'hook');
    const done = (): void => {
      record.hooked = true;
    };
    switch (this.#fault(['throw', 'hang', 'slow'])) {
      case 'throw':
        throw new Error('the hook failed');
      case 'hang':
        return new Promise(() => {});
      case 'slow':
        return this.#later(3_000, done);
      default:
        return this.#random.chance(0.5) ? done() : this.#later(this.#random.between(0, 80), done);
    }
  }

  /** What must have come true before anybody may depend on it. */
  get isPublished(): boolean {
    const { has, options } = this.sketch;
    const record = this.try;
    if (record === undefined) return false;
    const said = has.check ? record.answer : (record.reported ?? 'healthy');
    const isWell = said === 'healthy' || (said === 'degraded' && options.health?.degradedIsReady === true);
    return record.started && (this.sketch.isTask || isWell) && (!has.hook || record.hooked);
  }

  #start(ctx: StartContext): void | Promise<void> {
    const record: TryRecord = {
      ctx,
      at: this.#audience.clock.monotonic(),
      started: false,
      answer: undefined,
      hooked: false,
      reported: undefined,
    };
    this.tries.push(record);
    this.#audience.entered(this, 'start');
    this.isEntered = true;
    this.everEntered = true;
    this.openStops = [];
    this.cameLate = false;
    const ok = (): void => {
      record.started = true;
      // It was given up, nobody has started it anew, and it has succeeded after all.
      if (ctx.signal.aborted && this.try === record) this.cameLate = true;
    };
    const timeoutMs = this.sketch.options.start?.timeoutMs ?? 1_000;
    switch (this.#fault(['throw', 'reject', 'hang', 'slow', 'fatal', 'say', 'extend', 'late-reject'])) {
      case 'throw':
        throw new TypeError('start threw');
      case 'reject':
        return this.#later(this.#random.between(0, 200)).then(() => Promise.reject(new Error('start rejected')));
      case 'hang':
        return new Promise(() => {});
      case 'slow':
        return this.#later(timeoutMs + this.#random.between(1, 3_000), ok);
      case 'late-reject':
        return this.#later(timeoutMs + 50).then(() => Promise.reject(new Error('start rejected late')));
      case 'fatal':
        throw Object.assign(new Error('a wrong configuration'), { fatal: this.#random.chance(0.2) });
      case 'say':
        this.#audience.timer(this.#random.between(0, 60), () => ctx.fail(new Error('it says it failed')));
        return this.#later(100, ok);
      case 'extend':
        ctx.progress('taking longer', { extendMs: timeoutMs * 1.5 });
        return this.#later(timeoutMs * 1.3, ok);
      default:
        if (this.#random.chance(0.4)) return ok();
        return this.#later(this.#random.between(0, 150), ok);
    }
  }

  #check(_: CheckContext): Health | Promise<Health> {
    this.checks += 1;
    this.#audience.entered(this, 'check');
    const sick = this.#isSick();
    const answer = (health: Health): Health => {
      this.#audience.answered(this.id);
      const record = this.try;
      if (record) record.answer = health.status;
      this.badAnswers = health.status === 'unhealthy' ? this.badAnswers : 0;
      return health;
    };
    if (!sick) {
      const health = !this.#audience.calm && this.#random.chance(this.#roughness / 2) ? degraded('slow disk') : healthy;
      return this.#random.chance(0.6)
        ? answer(health)
        : this.#later(this.#random.between(0, 60)).then(() => answer(health));
    }
    this.badAnswers += 1;
    const record = this.try;
    if (record) record.answer = 'bad';
    switch (this.#random.pick(['say', 'throw', 'reject', 'hang', 'slow', 'nonsense'])) {
      case 'say':
        this.#audience.answered(this.id);
        return unhealthy('replica lost');
      case 'throw':
        this.#audience.answered(this.id);
        throw new Error('check threw');
      case 'reject':
        return this.#later(20, () => this.#audience.answered(this.id)).then(() =>
          Promise.reject(new Error('check rejected')),
        );
      case 'hang':
        return new Promise(() => {});
      case 'slow':
        return this.#later(2_000).then(() => healthy);
      default:
        this.#audience.answered(this.id);
        return true as never;
    }
  }

  #run(ctx: RunContext): void | Promise<void> {
    this.#audience.entered(this, 'run');
    const untilAbort = (): Promise<void> =>
      new Promise((resolve) => {
        if (ctx.signal.aborted) resolve();
        else ctx.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    switch (this.#fault(['crash', 'throw', 'stubborn', 'end'])) {
      case 'crash':
        return this.#later(this.#random.between(0, 20_000)).then(() => Promise.reject(new Error('the body crashed')));
      case 'throw':
        throw new Error('the body threw');
      case 'stubborn':
        return new Promise(() => {});
      case 'end':
        return this.#later(this.#random.between(0, 5_000));
      default:
        return untilAbort();
    }
  }

  #drain(): void | Promise<void> {
    this.#audience.entered(this, 'drain');
    switch (this.#fault(['throw', 'hang', 'slow'])) {
      case 'throw':
        throw new Error('drain threw');
      case 'hang':
        return new Promise(() => {});
      case 'slow':
        return this.#later(20_000);
      default:
        return this.#random.chance(0.5) ? undefined : this.#later(50);
    }
  }

  #stop(ctx: StopContext): void | Promise<void> {
    this.stops += 1;
    this.#audience.entered(this, 'stop', ctx);
    this.isEntered = false;
    this.cameLate = false;
    this.openStops.push(ctx.deadline);
    this.lastStopWasLate = ctx.reason === 'it started too late';
    const ended = (): void => {
      this.openStops = this.openStops.filter((deadline) => deadline !== ctx.deadline);
    };
    switch (this.#fault(['throw', 'hang', 'slow'])) {
      case 'throw':
        ended();
        throw new Error('stop threw');
      case 'hang':
        return new Promise(() => {});
      case 'slow':
        return this.#later(5_000, ended);
      default:
        return this.#random.chance(0.5) ? ended() : this.#later(this.#random.between(0, 80), ended);
    }
  }

  #fault<F extends string>(kinds: readonly F[]): F | undefined {
    const roll = this.#random.chance(this.#roughness);
    const kind = this.#random.pick(kinds);
    return roll && !this.#audience.calm ? kind : undefined;
  }

  /** Health has weather: it is bad for a while and good for a while, and sometimes bad for one answer alone. */
  #isSick(): boolean {
    const now = this.#audience.clock.monotonic();
    const single = this.#random.chance(this.#roughness / 3);
    if (this.#audience.calm) return false;
    if (now > this.#wellUntil && now > this.#sickUntil) {
      this.#wellUntil = now + this.#random.between(3_000, 40_000);
      this.#sickUntil = this.#random.chance(this.#roughness * 2) ? now + this.#random.between(500, 9_000) : -1;
    }
    return single || now <= this.#sickUntil;
  }

  #later(ms: number, then: () => void = () => {}): Promise<void> {
    return new Promise((resolve) =>
      this.#audience.timer(ms, () => {
        then();
        resolve();
      }),
    );
  }
}
