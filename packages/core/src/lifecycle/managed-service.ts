/**
 * One service under the engine's care: its phase, its health, its attempts and its times.
 *
 * It knows nothing of other services; who may start when is the orchestrator's business.
 */
import { causeChain, type Clock, messageOf, MusterError, type Random, StateMachine } from '@muster/contracts';
import pRetry from 'p-retry';
import { bounded, sleep } from '../clock.ts';
import type { Service, ServiceOptions } from '../declare/service-contract.ts';
import { coreError } from '../errors.ts';
import type { NodeState } from '../graph/dump.ts';
import type { RuntimeEvents } from '../runtime-event.ts';
import { BootAbandoned, isBudgetEnd } from './boot-abandoned.ts';
import { type Health, type HealthStatus, judge } from './health.ts';
import { RestartPolicy } from './restart-policy.ts';
import { SERVICE, type ServicePhase } from './service-state.ts';

/** Defaults of `ServiceOptions`, in milliseconds. */
export const SERVICE_DEFAULTS = {
  startTimeoutMs: 15_000,
  stopTimeoutMs: 3_000,
  healthEveryMs: 5_000,
  healthTimeoutMs: 1_000,
  healthFailures: 3,
  /** Pause after a failed attempt, doubled up to the cap. */
  backoffMs: 250,
  backoffCapMs: 5_000,
  /** Pause between checks while a started service is not yet healthy. */
  firstCheckEveryMs: 250,
} as const;

/** What all services of an app share. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: RuntimeEvents;
}

/** The bounds of one boot. */
export interface BootBounds {
  /** Aborted with a typed reason when the boot is given up. */
  readonly signal: AbortSignal;
  /** When the boot budget ends, on the scale of `clock.monotonic()`. */
  readonly endsAt: number;
  readonly startedAt: number;
  readonly budgetMs: number;
}

export class ManagedService {
  readonly id: string;
  readonly instance: Service;
  readonly #options: ServiceOptions;
  readonly #around: Surroundings;
  readonly #changed: (service: ManagedService) => void;
  readonly #machine: StateMachine<typeof SERVICE>;
  #health: HealthStatus = 'unknown';
  #reason: string | null = null;
  #generation = 0;
  #failuresInRow = 0;
  #entered = false;
  #progress: string | null = null;
  #waitMs: number | null = null;
  #startMs: number | null = null;
  #checkMs: number | null = null;
  readonly #restarts: RestartPolicy;
  /** Aborted when the service is taken down: ends a restart that is under way. */
  readonly #life = new AbortController();
  /** Of this generation; aborted when it crashes or is taken down. */
  #body: { readonly ended: Promise<void>; readonly abort: AbortController } | undefined;
  readonly #escalate: (service: ManagedService, error: unknown) => void;

  /**
   * @param changed called after every change that can alter readiness.
   * @param escalate called when the service has died for good.
   */
  constructor(
    id: string,
    instance: Service,
    options: ServiceOptions,
    around: Surroundings,
    changed: (service: ManagedService) => void,
    escalate: (service: ManagedService, error: unknown) => void,
  ) {
    this.id = id;
    this.instance = instance;
    this.#options = options;
    this.#around = around;
    this.#changed = changed;
    this.#escalate = escalate;
    this.#restarts = new RestartPolicy(around.random);
    this.#machine = new StateMachine(`service ${id}`, SERVICE, 'registered', ({ from, event, to }) =>
      around.events.emit({ type: 'moved', machine: 'service', subject: id, from, event, to, at: around.clock.now() }),
    );
  }

  get phase(): ServicePhase {
    return this.#machine.state;
  }

  /** Up and, as far as anybody knows, working. */
  get isUp(): boolean {
    return this.phase === 'running' && this.#health === 'healthy';
  }

  /** True from the moment `start()` was entered until `stop()` has been called for it. */
  get isEntered(): boolean {
    return this.#entered;
  }

  get hasCheck(): boolean {
    return this.instance.check !== undefined;
  }

  get healthEveryMs(): number {
    return this.#options.health?.everyMs ?? SERVICE_DEFAULTS.healthEveryMs;
  }

  /** True while failed checks have not yet made a verdict; then checks come faster. */
  get isSuspect(): boolean {
    return this.#failuresInRow > 0;
  }

  get stopTimeoutMs(): number {
    return this.#options.stop?.timeoutMs ?? SERVICE_DEFAULTS.stopTimeoutMs;
  }

  /** What the dump shows, but for `blockedBy`, which only the whole graph knows. */
  snapshot(): Omit<NodeState, 'blockedBy'> {
    return {
      phase: this.phase,
      health: this.#health === 'healthy' && !this.hasCheck ? 'unchecked' : this.#health,
      reason: this.#reason,
      generation: this.#generation,
      attempts: this.#generation,
      waitMs: this.#waitMs,
      startMs: this.#startMs,
      checkMs: this.#checkMs,
      progress: this.#progress,
    };
  }

  /** registered → waiting. */
  enlist(): void {
    this.#machine.send('start');
  }

  /** waiting → skipped, because something it needs failed. */
  skip(reason: string): void {
    this.#reason = reason;
    this.#machine.send('depFailed');
  }

  /**
   * waiting → running: attempts until one succeeds, the boot is given up, or trying again cannot help.
   *
   * @throws MusterError `START_FAILED`, `START_TIMEOUT` or `FIRST_CHECK_FAILED` when an attempt failed with a fatal error;
   * `BOOT_BUDGET_SPENT` when the budget ended; the signal's reason when the boot was given up for another's sake.
   */
  async bringUp(boot: BootBounds): Promise<void> {
    this.#machine.send('satisfied');
    this.#waitMs = this.#around.clock.monotonic() - boot.startedAt;
    try {
      await this.#attempt(boot);
    } catch (error) {
      await this.#afterFailure(error, boot);
      await pRetry(() => this.#attempt(boot), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        maxTimeout: 0,
        onFailedAttempt: ({ error: failed }) => this.#afterFailure(failed, boot),
      });
    }
    // Taken down in the tick in which the attempt succeeded.
    if (!this.#is('starting')) throw boot.signal.reason;
    this.#goUp();
  }

  /**
   * (any) → stopped. Calls `stop()` if and only if `start()` was entered; what was skipped or failed stays as it is, so that
   * a look at a failed boot still tells them apart. Never throws; returns what went wrong.
   */
  async takeDown(withinMs: number, reason: string): Promise<{ hung: boolean; error: unknown }> {
    if (!this.#machine.can('stop')) return { hung: false, error: undefined };
    this.#machine.send('stop');
    this.#changed(this);
    const stopping = new BootAbandoned('stop', `${this.id} is being stopped: ${reason}`);
    this.#life.abort(stopping);
    this.#body?.abort.abort(stopping);
    const outcome = this.#entered ? await this.#callStop(withinMs, reason) : { hung: false, error: undefined };
    this.#machine.send('done');
    return outcome;
  }

  /** Lets the service finish what is under way. Never throws; returns what went wrong. */
  async drain(withinMs: number, reason: string): Promise<unknown> {
    if (this.phase !== 'running' || this.instance.drain === undefined) return undefined;
    return this.#bounded('drain', withinMs, reason).then((outcome) => outcome.error);
  }

  /** One health check of a running service; thresholds decide what it changes. */
  async probe(): Promise<void> {
    if (this.phase !== 'running') return;
    const generation = this.#generation;
    const verdict = await this.#check();
    if (generation !== this.#generation || this.phase !== 'running') return;
    if (verdict.status === 'unhealthy') {
      this.#failuresInRow += 1;
      if (this.#failuresInRow < (this.#options.health?.failures ?? SERVICE_DEFAULTS.healthFailures)) return;
    } else {
      this.#failuresInRow = 0;
    }
    this.#setHealth(verdict);
    if (verdict.status === 'unhealthy' && this.#options.restart?.when === 'unhealthy') {
      this.#crash(generation, new Error(verdict.reason));
    }
  }

  #goUp(): void {
    const generation = this.#generation;
    this.#progress = null;
    this.#machine.send('ok');
    this.#restarts.up(this.#around.clock.monotonic());
    this.#changed(this);
    if (this.instance.run === undefined) return;
    const abort = new AbortController();
    const body = (async () => this.instance.run?.({ signal: abort.signal, clock: this.#around.clock }))();
    this.#body = { abort, ended: body.catch((error: unknown) => this.#crash(generation, error)) };
  }

  /** running → backoff, at once and for everybody to see; what an older generation reports is dropped. */
  #crash(generation: number, error: unknown): void {
    if (generation !== this.#generation || this.phase !== 'running') return;
    this.#machine.send('crash');
    this.#body?.abort.abort(error);
    this.#health = 'unknown';
    this.#reason = messageOf(error);
    this.#changed(this);
    void this.#restart(error);
  }

  /** backoff → running again, or → failed when that is given up. Ends without a word when the service is taken down. */
  async #restart(crash: unknown): Promise<void> {
    const { clock, events } = this.#around;
    const { signal } = this.#life;
    const forEver: BootBounds = {
      signal,
      endsAt: Number.POSITIVE_INFINITY,
      startedAt: 0,
      budgetMs: Number.POSITIVE_INFINITY,
    };
    for (let error = crash; ;) {
      const pauseMs = this.#restarts.failed(clock.monotonic());
      const restartInMs = this.#options.restart?.when === 'never' || isFatal(error) ? null : pauseMs;
      const { failures } = this.#restarts;
      events.emit({ type: 'crashed', service: this.id, error, failures, restartInMs, at: clock.now() });
      await this.#callStop(this.stopTimeoutMs, 'it crashed');
      if (!this.#is('backoff')) return;
      this.#entered = false;
      if (restartInMs === null) {
        this.#machine.send('limit');
        this.#escalate(this, error);
        return;
      }
      try {
        await sleep(clock, restartInMs, signal);
        this.#machine.send('timer');
        await this.#attempt(forEver);
      } catch (failed) {
        if (!this.#is('starting')) return;
        this.#machine.send('fail');
        this.#health = 'unknown';
        this.#reason = messageOf(failed);
        error = failed;
        continue;
      }
      if (this.#is('starting')) this.#goUp();
      return;
    }
  }

  async #attempt(boot: BootBounds): Promise<void> {
    const { clock } = this.#around;
    this.#generation += 1;
    const generation = this.#generation;
    this.#entered = true;
    this.#reason = null;
    const timeoutMs = this.#options.start?.timeoutMs ?? SERVICE_DEFAULTS.startTimeoutMs;
    const startedAt = clock.monotonic();
    const deadline = startedAt + timeoutMs;
    if (this.instance.start !== undefined) {
      await this.#start(timeoutMs, deadline, boot, generation);
      this.#startMs = clock.monotonic() - startedAt;
    } else {
      this.#startMs = 0;
    }
    const checkedAt = clock.monotonic();
    if (this.instance.check !== undefined) await this.#firstCheck(deadline, timeoutMs, boot.signal);
    else this.#health = 'healthy';
    this.#checkMs = clock.monotonic() - checkedAt;
  }

  async #start(timeoutMs: number, deadline: number, boot: BootBounds, generation: number): Promise<void> {
    const { clock, events } = this.#around;
    const onTimeout = (): MusterError =>
      coreError('START_TIMEOUT', { service: this.id, timeoutMs, attempt: generation, progress: this.#progress });
    // What succeeds after it was given up is stopped again, unless a newer attempt owns the service by now.
    const onLate = (): void => {
      if (generation === this.#generation && this.phase !== 'running')
        void this.#callStop(this.stopTimeoutMs, 'started too late');
    };
    const progress = (text: string): void => {
      if (generation !== this.#generation) return;
      this.#progress = text;
      events.emit({ type: 'progress', service: this.id, text, at: clock.now() });
    };
    const fail = (error: unknown): void => this.#crash(generation, error);
    try {
      await bounded({ clock, timeoutMs, signal: boot.signal, onTimeout, onLate }, (signal) =>
        this.instance.start?.({ signal, deadline, clock, progress, fail }),
      );
    } catch (error) {
      if (boot.signal.aborted || (error instanceof MusterError && error.code === 'START_TIMEOUT')) throw error;
      throw coreError('START_FAILED', { service: this.id, attempt: generation, reason: messageOf(error) }, error);
    }
  }

  async #firstCheck(deadline: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#around;
    for (;;) {
      const verdict = await this.#check(signal);
      if (verdict.status === 'healthy') {
        this.#setHealth(verdict);
        return;
      }
      if (clock.monotonic() + SERVICE_DEFAULTS.firstCheckEveryMs >= deadline) {
        throw coreError('FIRST_CHECK_FAILED', {
          service: this.id,
          timeoutMs,
          attempt: this.#generation,
          reason: verdict.reason,
        });
      }
      await sleep(clock, SERVICE_DEFAULTS.firstCheckEveryMs, signal);
    }
  }

  /** A check that throws or hangs is a failed check. */
  async #check(outer?: AbortSignal): Promise<Health> {
    const { clock } = this.#around;
    const timeoutMs = this.#options.health?.timeoutMs ?? SERVICE_DEFAULTS.healthTimeoutMs;
    try {
      const onTimeout = (): Error => new Error(`check() did not end within ${timeoutMs} ms`);
      return judge(
        await bounded({ clock, timeoutMs, onTimeout, signal: outer }, (signal) =>
          this.instance.check?.({ signal, clock }),
        ),
      );
    } catch (error) {
      if (outer?.aborted === true) throw outer.reason;
      return { status: 'unhealthy', reason: messageOf(error) };
    }
  }

  /** starting → backoff → starting again after a pause; throws where no further attempt is made. */
  async #afterFailure(failed: unknown, boot: BootBounds): Promise<void> {
    const { clock, events } = this.#around;
    const attempt = this.#generation;
    const spent = isBudgetEnd(failed);
    const progress = this.#progress === null ? '' : `; the last thing it said was "${this.#progress}"`;
    const error = spent
      ? coreError('START_FAILED', { service: this.id, attempt, reason: `it had not ended${progress}` })
      : (failed as MusterError);
    // Taken down meanwhile: the stop owns the service now.
    if (!this.#is('starting')) throw error;
    this.#machine.send('fail');
    this.#health = 'unknown';
    this.#reason = error.message;
    if (boot.signal.aborted && !spent) throw error;
    // The next start() must find nothing of this one.
    await this.#callStop(this.stopTimeoutMs, 'the attempt failed');
    this.#entered = false;
    const pauseMs = Math.min(
      SERVICE_DEFAULTS.backoffMs * 2 ** Math.min(attempt - 1, 16),
      SERVICE_DEFAULTS.backoffCapMs,
    );
    const fatal = isFatal(error);
    const noTimeLeft = spent || clock.monotonic() + pauseMs >= boot.endsAt;
    const retryInMs = fatal || noTimeLeft || boot.signal.aborted ? null : pauseMs;
    events.emit({ type: 'attempt-failed', service: this.id, attempt, error, retryInMs, at: clock.now() });
    if (!this.#is('backoff')) throw error;
    if (fatal || noTimeLeft) {
      this.#machine.send('limit');
      if (fatal) throw error;
      throw this.#budgetSpent(error, boot);
    }
    await sleep(clock, pauseMs, boot.signal).catch((reason: unknown) => {
      if (!isBudgetEnd(reason) || !this.#is('backoff')) throw reason;
      this.#machine.send('limit');
      throw this.#budgetSpent(error, boot);
    });
    this.#machine.send('timer');
  }

  /** Asked as a function, because the phase moves between two looks in one body. */
  #is(phase: ServicePhase): boolean {
    return this.phase === phase;
  }

  #budgetSpent(error: MusterError, boot: BootBounds): MusterError {
    const reason = error.message.replace(/\.$/, '');
    const details = { service: this.id, budgetMs: boot.budgetMs, attempts: this.#generation, reason };
    return coreError('BOOT_BUDGET_SPENT', details, error);
  }

  async #callStop(withinMs: number, reason: string): Promise<{ hung: boolean; error: unknown }> {
    if (this.instance.stop === undefined && this.#body === undefined) return { hung: false, error: undefined };
    return this.#bounded('stop', withinMs, reason);
  }

  async #bounded(
    method: 'stop' | 'drain',
    withinMs: number,
    reason: string,
  ): Promise<{ hung: boolean; error: unknown }> {
    const { clock } = this.#around;
    const late = new Error(`${method}() of ${this.id} did not end within ${Math.round(withinMs)} ms`);
    const deadline = clock.monotonic() + withinMs;
    try {
      await bounded({ clock, timeoutMs: withinMs, onTimeout: () => late }, async (signal) => {
        await this.instance[method]?.({ signal, deadline, clock, reason });
        // A body that goes on after stop() has not stopped.
        if (method === 'stop') await this.#body?.ended;
      });
      return { hung: false, error: undefined };
    } catch (error) {
      return { hung: error === late, error };
    }
  }

  #setHealth(verdict: Health): void {
    const from = this.#health;
    this.#health = verdict.status;
    this.#reason = verdict.status === 'healthy' ? null : verdict.reason;
    if (from === verdict.status) return;
    const { clock, events } = this.#around;
    const reason = this.#reason;
    if (this.phase === 'running') {
      events.emit({ type: 'health-changed', service: this.id, from, to: verdict.status, reason, at: clock.now() });
    }
    this.#changed(this);
  }
}

function isFatal(error: unknown): boolean {
  return [...causeChain(error)].some((cause) => (cause as { fatal?: unknown }).fatal === true);
}
