/**
 * One service under the engine's care: its phase, its health, what is wanted of it, and its generation.
 *
 * It knows nothing of other services: when it may start, and what its failure means for others, its keeper says.
 * A signal of an older generation is dropped, whatever it says.
 */
import { type MoveObserver, type MusterError, StateMachine, type Transition } from '@muster/contracts';
import pRetry from 'p-retry';
import type { RunContext } from '../declare/service-contract.ts';
import { coreError } from '../errors.ts';
import type { NodeSnapshot } from '../graph/dump.ts';
import { reasonOf } from '../redact.ts';
import type { Candidate, Standing } from '../state/candidate.ts';
import { abandoned } from './abandoned.ts';
import { BringUp, type Listener, tenureOf, withoutDot } from './bring-up.ts';
import type { BootMoment } from './bootstrap-error.ts';
import { type Body, CLEAN, farewell, type Outcome } from './farewell.ts';
import { type Health, judge } from './health.ts';
import type { Watched } from './health-loop.ts';
import { type DeepVerdict, HealthRecord } from './health-record.ts';
import { Pause } from './pause.ts';
import { probe } from './probe.ts';
import { type BootBounds, isFatal, RetryPlan } from './retry-plan.ts';
import type { ServiceIdentity } from './service-identity.ts';
import { BOOT, openJob, ServiceRecord } from './service-record.ts';
import { SERVICE, type ServicePhase } from './service-state.ts';
import type { Surroundings } from './surroundings.ts';
import type { Place } from './wiring.ts';

/** What a service asks and tells its engine. */
export interface Keeper {
  /** The bounds of the boot while it lasts. */
  readonly boot: BootBounds | undefined;
  /** Everything that it needs for a start is there. */
  mayStart(service: ManagedService): boolean;
  /** Its standing may have changed. */
  changed(service: ManagedService): void;
  /** It has left `running` by itself or because of another. Resolves when those that go down with it are down. */
  wentDown(service: ManagedService, cause: string): Promise<void> | undefined;
  /** It is not tried again. */
  gaveUp(service: ManagedService, error: unknown): void;
}

/** How long a stop waits for the store to take a lease back, in milliseconds. */
const YIELD_MS = 1_000;

/** When a service is tried again for which somebody has asked. */
const AT_ONCE = Number.NEGATIVE_INFINITY;

/** Phases in which somebody else may lead what does not run here. */
const COVERED: ReadonlySet<ServicePhase> = new Set(['standby', 'starting', 'backoff', 'stopping', 'waiting']);

export class ManagedService implements Listener, Standing, MoveObserver<typeof SERVICE> {
  readonly id: string;
  readonly identity: ServiceIdentity;
  readonly place: Place;
  /** As the health loop has it, while that asks how it is. */
  watched: Watched | undefined;
  readonly #around: Surroundings;
  readonly #keeper: Keeper;
  readonly #machine: StateMachine<typeof SERVICE>;
  readonly #health: HealthRecord;
  readonly #record: ServiceRecord;
  /** Made at the first failure: most services never fail. */
  #retries: RetryPlan | undefined;
  #wasUp = false;
  #generation = 0;
  #entered = false;
  /** Of a leader service: it has led, or somebody else has been seen to lead. */
  #isCovered = false;
  #settled = false;
  #reason: string | null = null;
  /** When it came into its phase. */
  #movedAt: number | undefined;
  /** Of a service in `backoff`: when it is tried again. */
  #nextAt: number | undefined;
  /** Of this generation, until it is up: then its times are all that is kept. */
  #bringUp: BringUp | undefined;
  #body: Body | undefined;
  #hasReported = false;
  /** While it is tried again and again: where that sleeps, or waits for its edges. */
  #recovery: Pause | undefined;
  #recycling: Promise<Outcome> | undefined;
  /** The stop of a start that came too late; the next one begins after it. */
  #cleaning: Promise<void> | undefined;
  /** A call of `stop()` that has not ended. */
  #leaving: Promise<Outcome> | undefined;
  /** What was said between the end of the attempt and the move to `running`. */
  #afterwards: (() => void) | undefined;

  constructor(identity: ServiceIdentity, place: Place, around: Surroundings, keeper: Keeper) {
    const { node, settings } = identity;
    this.id = node.id;
    this.identity = identity;
    this.place = place;
    this.#around = around;
    this.#keeper = keeper;
    this.#health = new HealthRecord(settings);
    this.#record = new ServiceRecord();
    this.#machine = new StateMachine(node.id, SERVICE, 'registered', this);
  }

  moved({ from, event, to }: Transition<typeof SERVICE>): void {
    const { clock, events } = this.#around;
    this.#movedAt = clock.monotonic();
    events.emit({ type: 'moved', machine: 'service', subject: this.id, from, event, to, at: clock.now() });
  }

  get phase(): ServicePhase {
    return this.#machine.state;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Up and, as far as anybody knows, working; of a task: done. */
  get isUp(): boolean {
    if (this.phase === 'completed') return true;
    if (this.phase !== 'running') return this.#isLedElsewhere;
    const { status } = this.#health;
    return status === 'healthy' || (status === 'degraded' && this.identity.settings.degradedIsReady);
  }

  /** Whether it can be relied on though it does not run here. */
  get #isLedElsewhere(): boolean {
    if (!this.#isCovered || !COVERED.has(this.phase) || this.#record.desired === 'down') return false;
    return this.identity.candidate?.isLed === true;
  }

  /** True once it has been up. */
  get wasUp(): boolean {
    return this.#wasUp;
  }

  get isStarted(): boolean {
    return this.phase === 'running' || this.phase === 'completed';
  }

  /** True once its first try is over, however it went. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** True from the moment `start()` was entered until `stop()` has been called for it. */
  get isEntered(): boolean {
    return this.#entered;
  }

  get hasCheck(): boolean {
    return this.identity.instance.check !== undefined;
  }

  get hasProbe(): boolean {
    return typeof this.identity.instance.probe === 'function';
  }

  get health(): HealthRecord {
    return this.#health;
  }

  get reason(): string | null {
    if (this.phase === 'standby') return this.identity.candidate?.says ?? null;
    return this.#reason ?? this.#health.reason;
  }

  /** Whether it has proved that it is back, after it was lost; what has no check is taken at its word, and a leader at its lease. */
  get isConfirmed(): boolean {
    return !this.hasCheck || this.phase !== 'running' || this.#health.isConfirmed;
  }

  /** What the dump shows; what only the whole graph knows is left to be filled in. */
  snapshot(): NodeSnapshot {
    const { status, at, since, deep } = this.#health;
    const isUnchecked = status === 'healthy' && !this.hasCheck && !this.#hasReported && deep === undefined;
    return {
      phase: this.phase,
      health: isUnchecked ? 'unchecked' : status,
      sinceMs: this.#movedAt === undefined ? undefined : this.#ageOf(Math.max(this.#movedAt, since ?? 0)),
      nextAttemptInMs: this.phase === 'backoff' ? this.#nextInMs : undefined,
      healthAgeMs: at === null || isUnchecked ? null : this.#ageOf(at),
      reason: this.reason,
      generation: this.#generation,
      attempts: this.#generation,
      progress: this.phase === 'starting' ? (this.#bringUp?.progress ?? null) : null,
      degradedBy: [],
      blockedBy: [],
      deepCheck: deep && { reason: deep.reason, ageMs: this.#ageOf(deep.at), tookMs: deep.tookMs },
      ...this.#record.times(this.#bringUp, this.#keeper.boot !== undefined),
    };
  }

  get #nextInMs(): number | undefined {
    return this.#nextAt === undefined ? undefined : Math.max(0, Math.round(this.#nextAt - this.#now()));
  }

  /** What its last way up took, in milliseconds; 0 before. */
  get costMs(): number {
    return this.#record.costMs;
  }

  /** What happened to it in the boot, for the timeline of one that failed. */
  story(): BootMoment[] {
    const { boot } = this.#keeper;
    return boot === undefined ? [] : this.#record.story(this.id, boot.startedAt);
  }

  /** registered → waiting. */
  enlist(): void {
    this.#machine.send('start');
    this.#record.want('up', BOOT);
  }

  /** waiting → skipped, because something it requires failed. */
  skip(reason: string): void {
    this.#reason = reason;
    this.#settled = true;
    this.#machine.send('depFailed');
    this.#record.close('dependency');
    // A recovery that waits for its edges is over; whoever is ready later begins anew.
    this.#recovery?.wake();
    this.#keeper.changed(this);
  }

  /** waiting → starting; called by the engine when everything it needs is there. */
  begin(): void {
    // A recovery goes on by itself once it is awake, and what came too late has to be gone first.
    if (this.#recovery !== undefined) return this.#recovery.wake();
    if (this.#cleaning !== undefined) return void this.#cleaning.then(() => this.#beginAgain());
    if (this.phase === 'skipped') this.#machine.send('depReady');
    const { candidate } = this.identity;
    this.#machine.send(candidate === undefined ? 'satisfied' : 'follow');
    const { boot } = this.#keeper;
    if (boot) this.#record.waited((this.#movedAt ?? 0) - boot.startedAt);
    if (candidate === undefined) this.#launch();
    else candidate.stand(this);
  }

  mayLead(): boolean {
    return this.phase === 'standby' && this.#keeper.mayStart(this);
  }

  /** standby → starting, under a lease. */
  won(): void {
    this.#machine.send('lead');
    this.#launch();
  }

  /** The lease is lost: what runs is stopped at once, since others wait only for its end. */
  lost(error: unknown): void {
    if (this.phase === 'starting') this.failed(this.#generation, error);
    else void this.recycle(reasonOf(error));
  }

  looked(): void {
    if (this.phase !== 'standby') return;
    // It has been tried, and others that can do without it need not wait any longer.
    this.#settled = true;
    if (this.identity.candidate?.isLed === true) this.#isCovered = true;
    this.#keeper.changed(this);
  }

  #launch(): void {
    try {
      const trying = this.#try();
      if (trying === undefined) this.#goUp();
      else void this.#conclude(trying);
    } catch (error) {
      void this.#recover(error, 'fail');
    }
  }

  /** An essential service that is not up when the boot budget ends; returns what the boot failed of. */
  spendBudget(budgetMs: number): MusterError {
    const trying = this.phase === 'starting' ? this.#bringUp : undefined;
    const reason = trying?.reason ?? trying?.unfinished ?? this.reason ?? 'it was never healthy';
    const details = { service: this.id, budgetMs, attempts: this.#generation, reason: withoutDot(reason) };
    const error = coreError('BOOT_BUDGET_SPENT', details);
    if (this.phase === 'starting') {
      this.#machine.send('fail');
      this.#bringUp?.attempt.giveUp(abandoned(this.id, 'budget', `the boot budget of ${budgetMs} ms ended`));
    }
    if (this.phase === 'backoff') {
      this.#machine.send('limit');
      this.#recovery?.wake();
    }
    this.#reason = reason;
    this.#settled = true;
    this.#record.close('timeout');
    this.#keeper.changed(this);
    return error;
  }

  /**
   * Stops a running service because of another and lets it start again when its edges are satisfied. One that is starting
   * is given up, and tried again then.
   */
  recycle(cause: string): Promise<unknown> | undefined {
    if (this.phase === 'starting') {
      const details = { service: this.id, attempt: this.#generation, reason: withoutDot(cause) };
      this.#bringUp?.attempt.giveUp(coreError('START_FAILED', details));
      return undefined;
    }
    if (this.phase !== 'running') return this.#recycling;
    this.#recycling = this.#recycle(cause).finally(() => {
      this.#recycling = undefined;
      // Not before: a start must not be taken for part of this.
      this.#beginAgain();
    });
    return this.#recycling;
  }

  /** failed or running → waiting, on somebody's word; a pause before another attempt ends. False where that is not possible now. */
  restart(cause: string): boolean {
    if (this.phase === 'backoff' && this.#nextAt !== undefined) {
      this.#record.want('up', openJob('restart', cause));
      // Where the last attempt is still being taken down, there will be no pause after that.
      this.#nextAt = AT_ONCE;
      this.#recovery?.wake();
      return true;
    }
    if (this.phase === 'failed') {
      this.#retries = undefined;
      this.#reason = null;
      this.#machine.send('restart');
      this.#record.want('up', openJob('restart', cause));
      if (this.#keeper.mayStart(this)) this.begin();
      return true;
    }
    if (this.phase !== 'running') return false;
    void this.recycle(cause);
    return true;
  }

  /**
   * (any) → stopped. Calls `stop()` if and only if `start()` was entered; what was skipped or failed stays as it is, so that
   * a look at a failed boot still tells them apart. Never throws; returns what went wrong.
   */
  takeDown(withinMs: number, reason: string): Promise<Outcome> {
    const { candidate } = this.identity;
    const stopping = this.#takeDown(withinMs, reason);
    // It has stopped by then, or hangs; a store that does not answer must not cost the others more than this.
    return candidate === undefined
      ? stopping
      : yieldLead(candidate, stopping, Math.min(withinMs, YIELD_MS)).finally(() => candidate.close());
  }

  async #takeDown(withinMs: number, reason: string): Promise<Outcome> {
    this.#record.desired = 'down';
    if (this.#recycling !== undefined) {
      const outcome = await this.#within(this.#recycling, withinMs);
      if (outcome.hung || this.phase === 'stopped') return outcome;
    }
    if (!this.#machine.can('stop')) {
      const isOpen = this.#leaving !== undefined || (this.phase === 'failed' && this.#entered);
      const outcome = isOpen ? await this.#callStop(withinMs, reason) : CLEAN;
      this.#entered = false;
      return outcome;
    }
    const before = this.#entered;
    this.#record.want('down', openJob('stop', reason));
    this.#machine.send('stop');
    this.#reason = null;
    this.#keeper.changed(this);
    this.#abort('stop', reason);
    this.#recovery?.wake();
    const outcome = before || this.#leaving !== undefined ? await this.#callStop(withinMs, reason) : CLEAN;
    this.#entered = false;
    this.#machine.send('done');
    this.#record.close(outcome.hung ? 'timeout' : outcome.error === undefined ? 'done' : 'failed');
    return outcome;
  }

  /** Lets the service finish what is under way. Never throws; returns what went wrong. */
  async drain(withinMs: number, reason: string): Promise<unknown> {
    const { id } = this;
    const { instance } = this.identity;
    if (this.phase !== 'running' || instance.drain === undefined) return undefined;
    return (await farewell({ id, instance, body: undefined }, 'drain', this.#around.clock, withinMs, reason)).error;
  }

  /**
   * One health check of a running service; thresholds decide what it changes.
   *
   * @param isInconclusive asked of a check that timed out: whether the loop stood still meanwhile.
   */
  async probe(isInconclusive: () => boolean): Promise<void> {
    if (this.phase !== 'running') return;
    const generation = this.#generation;
    const { instance, settings } = this.identity;
    const answer = await probe(instance, this.#around.clock, settings.healthTimeoutMs);
    if (generation !== this.#generation || !this.#is('running')) return;
    this.#learn(generation, () =>
      answer.timedOut && isInconclusive() ? this.#health.miss() : this.#health.note(answer.health, this.#now()),
    );
  }

  /** The verdict of a deep check of this generation. */
  probed(generation: number, verdict: DeepVerdict): void {
    if (generation === this.#generation && this.phase === 'running')
      this.#learn(generation, () => this.#health.noteDeep(verdict));
  }

  /** A check was due and none was made. */
  missProbe(): void {
    if (this.phase === 'running') this.#learn(this.#generation, () => this.#health.miss());
  }

  #now(): number {
    return this.#around.clock.monotonic();
  }

  #ageOf(moment: number): number {
    return Math.max(0, Math.round(this.#now() - moment));
  }

  /** Asked as a function, because the phase moves between two looks in one body. */
  #is(phase: ServicePhase): boolean {
    return this.phase === phase;
  }

  /** Ends what is under way; the reason is made only where somebody may look at it. */
  #abort(why: 'stop' | 'crash', text: string): void {
    const attempt = this.#bringUp?.attempt;
    if (this.#body === undefined && attempt?.isOver !== false) return;
    const reason = abandoned(this.id, why, text);
    attempt?.giveUp(reason);
    this.#body?.abort.abort(reason);
  }

  /** The next generation; returns nothing when it came up synchronously. */
  #try(): Promise<void> | undefined {
    this.#generation += 1;
    this.#entered = true;
    this.#reason = null;
    this.#hasReported = false;
    this.#afterwards = undefined;
    this.#health.forget();
    this.#bringUp = new BringUp(this.identity, this.#generation, this.#around, this.#health, this);
    return this.#bringUp.run();
  }

  /** What succeeds after it was given up is stopped again, unless a newer attempt owns the service by now. */
  cameLate(generation: number): void {
    if (generation !== this.#generation || this.isStarted) return;
    const { stopTimeoutMs } = this.identity.settings;
    // A stop that is under way began before this success and may have missed it.
    const before = this.#leaving ?? Promise.resolve(CLEAN);
    this.#cleaning = before
      .then(() => this.#callStop(stopTimeoutMs, 'it started too late'))
      .then(() => {
        this.#cleaning = undefined;
      });
  }

  async #conclude(trying: Promise<void>): Promise<void> {
    try {
      await trying;
    } catch (error) {
      await this.#recover(error, 'fail');
      return;
    }
    if (this.#is('starting')) this.#goUp();
  }

  #goUp(): void {
    const generation = this.#generation;
    this.#settled = true;
    this.#isCovered = true;
    this.#reason = null;
    this.#wasUp = true;
    this.#machine.send(this.place.isTask ? 'end' : 'ok');
    const isBoot = this.#keeper.boot !== undefined;
    if (this.#bringUp !== undefined) this.#record.up(this.#bringUp, this.#movedAt as number, isBoot);
    this.#bringUp = undefined;
    this.#record.close('done');
    this.#tellStanding();
    this.#runBody(generation);
    const afterwards = this.#afterwards;
    this.#afterwards = undefined;
    afterwards?.();
  }

  #runBody(generation: number): void {
    if (this.identity.instance.run === undefined || generation !== this.#generation || !this.#is('running')) return;
    const abort = new AbortController();
    const ctx: RunContext = {
      signal: abort.signal,
      clock: this.#around.clock,
      fail: (error) => this.failed(generation, error),
      report: (health) => this.reported(generation, health),
      ...tenureOf(this.identity.candidate?.lease),
    };
    const body = (async () => this.identity.instance.run?.(ctx))();
    this.#body = { abort, ended: body.catch((error: unknown) => this.failed(generation, error)) };
  }

  #tellStanding(): void {
    this.#retries?.stands(this.isUp, this.#now());
    this.#keeper.changed(this);
  }

  /** It has died, by its own word: at once and for everybody to see. */
  failed(generation: number, error: unknown): void {
    if (generation !== this.#generation) return;
    if (this.phase === 'starting') {
      const details = { service: this.id, attempt: generation, reason: withoutDot(reasonOf(error)) };
      if (this.#bringUp?.attempt.isOver === true) this.#afterwards = () => this.failed(generation, error);
      else this.#bringUp?.attempt.giveUp(coreError('START_FAILED', details, error));
    } else if (this.phase === 'running') {
      void this.#recover(error, 'crash');
    }
  }

  /** What it says of itself acts at once. */
  reported(generation: number, said: Health): void {
    if (generation !== this.#generation) return;
    this.#hasReported = true;
    if (this.phase === 'starting' && this.#bringUp !== undefined) {
      this.#bringUp.reported = judge(said);
      if (this.#bringUp.attempt.isOver) this.#afterwards ??= () => this.reported(generation, said);
    }
    if (this.phase !== 'running') return;
    const health = judge(said);
    this.#learn(generation, () => this.#health.set(health, this.#now()));
  }

  /** Takes a verdict in and tells of what it changed. */
  #learn(generation: number, take: () => boolean): void {
    const from = this.#health.status;
    const hasChanged = take();
    const { status: to, reason } = this.#health;
    if (hasChanged) {
      const { clock, events } = this.#around;
      events.emit({ type: 'health-changed', service: this.id, from, to, reason, at: clock.now() });
    }
    this.#tellStanding();
    if (hasChanged && to === 'unhealthy' && this.identity.settings.restartWhen === 'unhealthy') {
      this.failed(generation, new Error(reason ?? 'it is unhealthy'));
    }
  }

  #beginAgain(): void {
    if ((this.phase === 'waiting' || this.phase === 'skipped') && this.#keeper.mayStart(this)) this.begin();
  }

  /** backoff → running again, by as many attempts as it takes. Ends without a word when the service is taken down. */
  async #recover(error: unknown, move: 'fail' | 'crash'): Promise<void> {
    const pause = new Pause();
    this.#recovery = pause;
    try {
      await this.#afterFailure(error, move, pause);
      await pRetry(() => this.#tryAgain(pause), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        maxTimeout: 0,
        onFailedAttempt: ({ error: failed }) => this.#afterFailure(failed, 'fail', pause),
      });
    } catch (reason) {
      // Given up or taken down: whoever decided that has told of it. Anything else is a fault of the engine.
      if (!(reason instanceof Retired)) this.#fault(reason);
    }
    this.#recovery = undefined;
    if (this.#is('starting')) this.#goUp();
    // Somebody wanted it again while this was ending.
    else this.#beginAgain();
  }

  /** backoff → starting, by way of waiting where something it needs is not there. */
  async #tryAgain(pause: Pause): Promise<void> {
    if (this.identity.candidate !== undefined) {
      // It has given the lead back, and stands for it again like everybody else.
      if (this.#is('backoff')) this.#machine.send('wait');
      throw new Retired();
    }
    while (this.#cleaning !== undefined || !this.#keeper.mayStart(this)) {
      if (this.#cleaning !== undefined) await this.#cleaning;
      else {
        if (this.#is('backoff')) this.#machine.send('wait');
        if (!this.#is('waiting')) throw new Retired();
        await pause.wait();
      }
    }
    if (!this.#is('waiting') && !this.#is('backoff')) throw new Retired();
    this.#machine.send(this.#is('waiting') ? 'satisfied' : 'timer');
    await this.#try();
  }

  /** (starting or running) → backoff and a pause; throws where no further attempt is made. */
  async #afterFailure(error: unknown, move: 'fail' | 'crash', pause: Pause): Promise<void> {
    // Taken down meanwhile: the stop owns the service now.
    if (error instanceof Retired || !this.#machine.can(move)) throw new Retired();
    this.#machine.send(move);
    this.#settled = true;
    this.#health.forget();
    this.#reason = reasonOf(error);
    this.#abort('crash', this.#reason);
    this.#retries ??= new RetryPlan(this.identity, this.#around.random);
    const pauseMs = this.#retries.next(error, this.#now(), this.#wasUp ? undefined : this.#keeper.boot);
    this.#nextAt = pauseMs === null ? undefined : this.#now() + pauseMs;
    this.#tellFailure(error, move, pauseMs);
    this.#tellStanding();
    const followers = move === 'crash' ? this.#keeper.wentDown(this, `${this.id} crashed`) : undefined;
    if (followers !== undefined) await followers;
    // The next start() must find nothing of this one.
    if (this.#entered) await this.#stepDown('the attempt failed');
    if (!this.#is('backoff')) throw new Retired();
    this.#entered = false;
    this.#body = undefined;
    if (pauseMs === null) {
      this.#machine.send('limit');
      this.#record.close('failed');
      this.#keeper.gaveUp(this, this.#lastWord(error));
      throw new Retired();
    }
    if (this.#nextAt !== AT_ONCE) {
      this.#nextAt = this.#now() + pauseMs;
      await pause.sleep(this.#around.clock, pauseMs);
    }
    this.#nextAt = undefined;
    if (!this.#is('backoff')) throw new Retired();
  }

  #fault(error: unknown): void {
    const { clock, events } = this.#around;
    events.emit({ type: 'fault', component: `engine, ${this.id}`, correlation: null, error, at: clock.now() });
  }

  #tellFailure(error: unknown, move: 'fail' | 'crash', pauseMs: number | null): void {
    const { clock, events } = this.#around;
    const at = clock.now();
    if (this.#wasUp) {
      const failures = this.#retries?.failures ?? 0;
      events.emit({ type: 'crashed', service: this.id, error, failures, restartInMs: pauseMs, at });
    } else {
      const attempt = this.#generation;
      events.emit({
        type: 'attempt-failed',
        service: this.id,
        attempt,
        error: error as MusterError,
        retryInMs: pauseMs,
        at,
      });
    }
    if (move === 'crash') this.#record.want('up', openJob('restart', 'crash'));
    const { boot } = this.#keeper;
    if (boot !== undefined) this.#record.failed(this.id, this.#now() - boot.startedAt, `${move}ed`, error);
  }

  /** What the boot fails of: with the budget, where that is what ended the attempts. */
  #lastWord(error: unknown): unknown {
    const { boot } = this.#keeper;
    if (boot === undefined || this.#wasUp || isFatal(error)) return error;
    const reason = withoutDot(reasonOf(error));
    const details = { service: this.id, budgetMs: boot.budgetMs, attempts: this.#generation, reason };
    return coreError('BOOT_BUDGET_SPENT', details, error);
  }

  async #recycle(cause: string): Promise<Outcome> {
    this.#record.want('up', openJob('restart', cause));
    this.#machine.send('stop');
    this.#abort('stop', cause);
    this.#tellStanding();
    await this.#keeper.wentDown(this, cause);
    const outcome = await this.#stepDown(cause);
    this.#entered = false;
    this.#body = undefined;
    if (this.#record.desired === 'down') {
      this.#machine.send('done');
      this.#record.close('canceled');
    } else {
      this.#health.forget();
      this.#machine.send('again');
    }
    return outcome;
  }

  /** Calls `stop()`, and lets others lead what has stopped here. */
  #stepDown(reason: string): Promise<Outcome> {
    const { candidate, settings } = this.identity;
    const stopping = this.#callStop(settings.stopTimeoutMs, reason);
    return candidate === undefined ? stopping : yieldLead(candidate, stopping, settings.stopTimeoutMs);
  }

  /** What was begun by another; hung when it does not end in so many milliseconds. */
  async #within(work: Promise<Outcome>, withinMs: number): Promise<Outcome> {
    const pause = new Pause();
    const late = pause.sleep(this.#around.clock, withinMs).then((): Outcome => {
      const timeoutMs = Math.round(withinMs);
      return { hung: true, error: coreError('STOP_TIMEOUT', { service: this.id, method: 'stop', timeoutMs }) };
    });
    const outcome = await Promise.race([work, late]);
    pause.wake();
    return outcome;
  }

  /** Calls `stop()`, or joins a call that is under way: it is never called while it runs. Tells of what went wrong. */
  async #callStop(withinMs: number, reason: string): Promise<Outcome> {
    if (this.#leaving !== undefined) return this.#within(this.#leaving, withinMs);
    const { id } = this;
    const { instance } = this.identity;
    if (instance.stop === undefined && this.#body === undefined) return CLEAN;
    const { clock, events } = this.#around;
    this.#leaving = farewell({ id, instance, body: this.#body }, 'stop', clock, withinMs, reason);
    const outcome = await this.#leaving;
    this.#leaving = undefined;
    const { error } = outcome;
    if (error !== undefined) events.emit({ type: 'stop-failed', service: id, error, at: clock.now() });
    return outcome;
  }
}

/** Only what has stopped gives the lead back: of what hangs the lease runs out. */
async function yieldLead(candidate: Candidate, stopping: Promise<Outcome>, withinMs: number): Promise<Outcome> {
  const outcome = await stopping;
  if (outcome.hung) candidate.forsake();
  else await candidate.abdicate(withinMs);
  return outcome;
}

/** Ends a recovery that has become pointless. */
class Retired extends Error {}
