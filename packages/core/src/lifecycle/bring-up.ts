/**
 * One generation of a service: `start()`, then first health, then hooks, all within one attempt.
 *
 * Nobody may depend on the service before all three have succeeded. When all of them are synchronous, so is this.
 */
import { MusterError } from '@muster/contracts';
import type { StartContext } from '../declare/service-contract.ts';
import { coreError } from '../errors.ts';
import { isThenable } from '../thenable.ts';
import type { Lease } from '../state/lease.ts';
import { Attempt } from './attempt.ts';
import { type Health, healthy } from './health.ts';
import type { HealthRecord } from './health-record.ts';
import { Pause } from './pause.ts';
import { type Answer, probe } from './probe.ts';
import type { ServiceIdentity } from './service-identity.ts';
import { SERVICE_DEFAULTS } from './service-settings.ts';
import type { Surroundings } from './surroundings.ts';
import { reasonOf, redact } from '../redact.ts';

/** Who hears what a generation says at any time of its life. */
export interface Listener {
  failed(generation: number, error: unknown): void;
  reported(generation: number, health: Health): void;
  /** It was given up, and `start()` succeeded after all. */
  cameLate(generation: number): void;
}

export class BringUp {
  readonly attempt: Attempt;
  readonly #identity: ServiceIdentity;
  readonly #generation: number;
  readonly #around: Surroundings;
  readonly #health: HealthRecord;
  readonly #listener: Listener;
  /** The last thing that `start()` said. */
  progress: string | null = null;
  /** Why it is not yet up. */
  reason: string | null = null;
  /** What `ctx.report` said before the service was up. */
  reported: Health | undefined;
  startMs: number | null = null;
  checkMs: number | null = null;
  hookMs: number | null = null;
  /** An answer to the first check that is still on its way. */
  #firstAnswer: Promise<Answer> | undefined;

  constructor(
    identity: ServiceIdentity,
    generation: number,
    around: Surroundings,
    health: HealthRecord,
    listener: Listener,
  ) {
    this.#identity = identity;
    this.#generation = generation;
    this.#around = around;
    this.#health = health;
    this.#listener = listener;
    const { startTimeoutMs, startMaxMs } = identity.settings;
    this.attempt = new Attempt(around.clock, startTimeoutMs, startMaxMs, this);
  }

  /**
   * Returns nothing when everything was synchronous.
   *
   * @throws MusterError `START_FAILED`, `START_TIMEOUT`, `FIRST_CHECK_FAILED`, `READY_HOOK_FAILED`, or the reason for which
   * the attempt was given up; now or as a rejection.
   */
  run(): Promise<void> | undefined {
    const { attempt } = this;
    let starting: void | Promise<void>;
    try {
      starting = attempt.race(
        this.#identity.instance.start?.(new Starting(this, this.#around.clock, this.#identity.candidate?.lease)),
        true,
      );
    } catch (error) {
      throw this.#failed('START_FAILED', error);
    }
    if (isThenable(starting)) return this.#goOn(starting);
    this.startMs = this.#now() - attempt.startedAt;
    if (attempt.isOver || this.#identity.hooks.length > 0 || !this.#isHealthyAtOnce()) return this.#goOn(undefined);
    attempt.end();
    return undefined;
  }

  /** What it is about, for somebody who gives it up. */
  get unfinished(): string {
    return `it had not ended${this.progress === null ? '' : `; the last thing it said was "${this.progress}"`}`;
  }

  /** Called by the attempt when what was given up has succeeded after all. */
  cameLate(): void {
    this.#listener.cameLate(this.#generation);
  }

  say(said: string, extendMs: number | undefined): void {
    if (this.attempt.isOver) return;
    const text = redact(said);
    this.progress = text;
    if (extendMs !== undefined) this.attempt.extend(extendMs);
    const { clock, events } = this.#around;
    events.emit({ type: 'progress', service: this.#identity.node.id, text, at: clock.now() });
  }

  fail(error: unknown): void {
    this.#listener.failed(this.#generation, error);
  }

  report(health: Health): void {
    this.#listener.reported(this.#generation, health);
  }

  #now(): number {
    return this.#around.clock.monotonic();
  }

  async #goOn(starting: Promise<void> | undefined): Promise<void> {
    const { attempt } = this;
    try {
      await this.#step('START_FAILED', () => starting);
      const startedAt = this.#now();
      this.startMs ??= startedAt - attempt.startedAt;
      await this.#firstCheck();
      const checkedAt = this.#now();
      this.checkMs = checkedAt - startedAt;
      // It may have been given up in the very moment in which it succeeded.
      if (attempt.isOver) throw attempt.reason;
      const { hooks, instance } = this.#identity;
      if (hooks.length === 0) return;
      const ctx = contextOf(attempt, this.#around.clock);
      for (const hook of hooks) await this.#step('READY_HOOK_FAILED', () => hook(instance as never, ctx));
      this.hookMs = this.#now() - checkedAt;
      if (attempt.isOver) throw attempt.reason;
    } finally {
      attempt.end();
    }
  }

  async #step(code: 'START_FAILED' | 'READY_HOOK_FAILED', work: () => void | Promise<void>): Promise<void> {
    try {
      await this.attempt.race(work());
      if (this.attempt.isOver) throw this.attempt.reason;
    } catch (error) {
      throw this.#failed(code, error);
    }
  }

  /** What the service threw, as an error of ours; what the attempt was given up for stays as it is. */
  #failed(code: 'START_FAILED' | 'READY_HOOK_FAILED', error: unknown): unknown {
    this.attempt.end();
    if (this.attempt.reason !== undefined && error === this.attempt.reason) return error;
    const reason = withoutDot(reasonOf(error));
    return coreError(code, { service: this.#identity.node.id, attempt: this.#generation, reason }, error);
  }

  /** Called by the attempt when its time is over. */
  timedOut(timeoutMs: number): MusterError {
    const { id } = this.#identity.node;
    const attempt = this.#generation;
    if (this.startMs === null)
      return coreError('START_TIMEOUT', { service: id, timeoutMs, attempt, progress: this.progress });
    if (this.checkMs === null) return this.#neverHealthy(timeoutMs);
    const reason = `it did not end within the ${timeoutMs} ms of the attempt`;
    return coreError('READY_HOOK_FAILED', { service: id, attempt, reason });
  }

  #neverHealthy(timeoutMs: number): MusterError {
    return coreError('FIRST_CHECK_FAILED', {
      service: this.#identity.node.id,
      timeoutMs,
      attempt: this.#generation,
      reason: withoutDot(this.reason ?? 'check() has not answered'),
    });
  }

  /** The short way: a check that answers at once, and well. False leaves it to the long one. */
  #isHealthyAtOnce(): boolean {
    const { instance, settings } = this.#identity;
    let health: Health = this.reported ?? healthy;
    if (instance.check !== undefined) {
      const answer = probe(instance, this.#around.clock, settings.healthTimeoutMs);
      if (isThenable(answer)) {
        this.#firstAnswer = answer;
        return false;
      }
      ({ health } = answer);
    }
    if (!this.#isGoodEnough(health)) return false;
    this.#health.set(health, this.#now());
    this.checkMs = 0;
    return true;
  }

  #isGoodEnough({ status }: Health): boolean {
    const { degradedIsReady, healthAwaited } = this.#identity.settings;
    return status === 'healthy' || !healthAwaited || (status === 'degraded' && degradedIsReady);
  }

  async #firstCheck(): Promise<void> {
    const { attempt } = this;
    for (;;) {
      const health = await attempt.race(this.#ask());
      if (attempt.isOver) throw attempt.reason;
      if (this.#isGoodEnough(health)) {
        this.#health.set(health, this.#now());
        return;
      }
      this.reason = health.status === 'healthy' ? null : health.reason;
      const every = SERVICE_DEFAULTS.firstCheckEveryMs;
      if (this.#now() + every >= attempt.deadline) {
        throw this.#neverHealthy(Math.round(attempt.deadline - attempt.startedAt));
      }
      await this.#pause(every);
    }
  }

  async #pause(ms: number): Promise<void> {
    const pause = new Pause();
    try {
      await this.attempt.race(pause.sleep(this.#around.clock, ms));
    } finally {
      pause.wake();
    }
  }

  async #ask(): Promise<Health> {
    const { instance, settings } = this.#identity;
    if (instance.check === undefined) return this.reported ?? healthy;
    const asked = this.#firstAnswer ?? probe(instance, this.#around.clock, settings.healthTimeoutMs);
    this.#firstAnswer = undefined;
    return (await asked).health;
  }
}

/**
 * What `start()` is given. Its functions are made when somebody looks at them, so that they can be taken out of it, and
 * cost nothing where nobody does.
 */
class Starting implements StartContext {
  readonly clock: Surroundings['clock'];
  readonly #bringUp: BringUp;
  readonly #lease: Lease | undefined;

  constructor(bringUp: BringUp, clock: Surroundings['clock'], lease: Lease | undefined) {
    this.#bringUp = bringUp;
    this.clock = clock;
    this.#lease = lease;
  }

  get fence(): number {
    return tenureOf(this.#lease).fence;
  }

  get lost(): AbortSignal {
    return tenureOf(this.#lease).lost;
  }

  get signal(): AbortSignal {
    return this.#bringUp.attempt.signal;
  }

  get deadline(): number {
    return this.#bringUp.attempt.deadline;
  }

  get progress(): StartContext['progress'] {
    return (text, { extendMs } = {}) => this.#bringUp.say(text, extendMs);
  }

  get fail(): StartContext['fail'] {
    return (error) => this.#bringUp.fail(error);
  }

  get report(): StartContext['report'] {
    return (health) => this.#bringUp.report(health);
  }
}

let never: AbortSignal | undefined;

/** What a service is told of the lease under which it runs. */
export function tenureOf(lease: Lease | undefined): Pick<StartContext, 'fence' | 'lost'> {
  return { fence: lease?.fence ?? 0, lost: lease?.signal ?? (never ??= new AbortController().signal) };
}

/** A context of nothing but time and a signal that is made when somebody looks at it. */
function contextOf(attempt: Attempt, clock: Surroundings['clock']) {
  return {
    get signal() {
      return attempt.signal;
    },
    clock,
  };
}

/** A text that goes on after this one. */
export function withoutDot(text: string): string {
  return text.replace(/\.$/, '');
}
