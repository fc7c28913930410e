/**
 * Accepts requests, starts runs, and ends them when somebody says so; a `RunWatch` takes each to its terminal.
 *
 * No lock is shared between users. Runs of one user beyond a declared number wait for their turn; nobody else does.
 */
import type { RunAccepted, RunRequest } from '@muster/contracts';
import {
  Clock,
  EventLog,
  gated,
  type Gated,
  Interceptor,
  KeyValueStore,
  Leases,
  optional,
  type Principal,
  Random,
  type Ref,
  Runtime,
  RuntimeEvents,
  type Service,
  service,
  sleep,
  type StopContext,
} from '@muster/core';
import { AgentRegistry, type RegisteredAgent } from '../agents/agent-registry.ts';
import { agentError } from '../errors.ts';
import { ThreadService } from '../threads/thread-service.ts';
import { allEnded } from './all-ended.ts';
import { AskedOnce, fingerprintOf } from './asked-once.ts';
import type { ExecutionEngine } from './execution-engine.ts';
import { ExecutionEngineFactory } from './execution-engine-factory.ts';
import { LeftRuns } from './left-runs.ts';
import type { Requester } from './requester.ts';
import { RUN_LIMITS, RunLimits } from './run-limits.ts';
import { RunNews } from './run-news.ts';
import { RunQueue, type Turn } from './run-queue.ts';
import { aboutOf, type RunRecord, RunRecords } from './run-records.ts';
import { RunWatch } from './run-watch.ts';
import { RunsElsewhere } from './runs-elsewhere.ts';
import { type Going, SubAgents } from './sub-agents.ts';

/** Part of the time for draining after which runs are interrupted, so that their terminals still reach their users. */
const PATIENCE = 0.9;
/** When a user whose queue is full may try again, in milliseconds. */
const QUEUE_RETRY_MS = 5_000;

@service({
  dependsOn: [
    AgentRegistry,
    gated(ExecutionEngineFactory),
    ThreadService,
    KeyValueStore,
    EventLog,
    Random,
    Clock,
    RuntimeEvents,
    optional(RunLimits),
    Runtime,
    optional(Interceptor),
  ],
})
export class AgentSupervisor implements Service {
  readonly #registry: AgentRegistry;
  readonly #engines: Gated<ExecutionEngineFactory>;
  readonly #threads: ThreadService;
  readonly #records: RunRecords;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #limits: Ref<RunLimits>;
  readonly #interceptor: Ref<Interceptor>;
  readonly #helpers: SubAgents;
  readonly #asked: AskedOnce;
  readonly #watch: RunWatch;
  readonly #leases: Leases;
  readonly #elsewhere: RunsElsewhere;
  readonly #isShared: boolean;
  readonly #active = new Map<string, Going>();
  #queue = new RunQueue(RUN_LIMITS);
  #waitingPerUser = RUN_LIMITS.waitingPerUser;
  /** Requests whose run has not begun: a stop waits for them too, since the store is still needed. */
  readonly #beingAccepted = new Set<Promise<RunAccepted>>();
  #accepting = false;

  constructor(
    registry: AgentRegistry,
    engines: Gated<ExecutionEngineFactory>,
    threads: ThreadService,
    store: KeyValueStore,
    log: EventLog,
    random: Random,
    clock: Clock,
    events: RuntimeEvents,
    limits: Ref<RunLimits>,
    runtime: Runtime,
    interceptor: Ref<Interceptor>,
  ) {
    this.#registry = registry;
    this.#engines = engines;
    this.#threads = threads;
    this.#isShared = store.isShared === true;
    this.#leases = new Leases(store, clock, random.uuid());
    this.#records = new RunRecords(store, log, clock, this.#leases);
    this.#random = random;
    this.#clock = clock;
    this.#limits = limits;
    this.#interceptor = interceptor;
    this.#asked = new AskedOnce(this.#records);
    this.#watch = new RunWatch({ records: this.#records, clock, events, active: this.#active });
    this.#helpers = new SubAgents({
      registry,
      engines,
      records: this.#records,
      random,
      clock,
      active: this.#active,
      stored: async (run, storing) => void (await this.#watch.stored(run, storing)),
      closeScope: (engine) => this.#watch.closeScope(engine),
      guard: (engine) => this.#guard(engine),
    });
    this.#elsewhere = new RunsElsewhere({
      registry,
      engines,
      threads,
      store,
      leases: this.#leases,
      records: this.#records,
      left: new LeftRuns(store, log, clock, this.#records, (record, terminal, offset) => {
        const news = new RunNews(aboutOf(record), events, clock);
        news.resumed(record.traceparent, interceptor.current);
        news.closed(terminal, offset);
      }),
      clock,
      events,
      runtime,
      watch: this.#watch,
      helpers: this.#helpers,
      active: this.#active,
      queue: () => this.#queue,
      isAccepting: () => this.#accepting,
      guard: (engine) => this.#guard(engine),
    });
  }

  /**
   * Runs that a process before this one has left open get their terminal before anybody is served; where others may carry
   * them, their leases are waited for.
   */
  async start(): Promise<void> {
    await this.#elsewhere.settle();
    const limits = { ...RUN_LIMITS, ...this.#limits.current };
    this.#queue = new RunQueue(limits, (user) => this.#elsewhere.of(user).running);
    this.#elsewhere.open();
    this.#waitingPerUser = limits.waitingPerUser;
    this.#accepting = true;
  }

  /** How many runs have no terminal yet. */
  get activeRuns(): number {
    return this.#active.size;
  }

  /** How many accepted runs wait for their turn. */
  get waitingRuns(): number {
    return this.#queue.waiting;
  }

  /** How many runs have their terminal while something that ignores its signal goes on; each keeps its turn for so long, and a minute at the most. */
  get abandonedRuns(): number {
    return this.#watch.abandoned;
  }

  /**
   * Accepts a run. When this resolves, `agent_started` and the first `agent_thinking` are in the log and the user's message is stored.
   *
   * @param id of the request: the same one of the same requester finds the run that came of it, also after a crash.
   * @throws MusterError `AGENT_UNKNOWN`, `NOT_ACCEPTING`, `QUEUE_FULL`, `IDEMPOTENCY_MISMATCH`, or `PERMIT_DEAD` when the gate has closed.
   */
  async accept(requester: Requester, request: RunRequest, id?: string): Promise<RunAccepted> {
    if (!this.#accepting) throw agentError('NOT_ACCEPTING', {});
    const accepted = this.#asked.accept(requester, request, id, (key) => this.#accept(requester, request, key));
    this.#beingAccepted.add(accepted);
    try {
      return await accepted;
    } finally {
      this.#beingAccepted.delete(accepted);
    }
  }

  async #accept(requester: Requester, request: RunRequest, key: string | null): Promise<RunAccepted> {
    const { principal } = requester;
    // Looked at again: another run of the request may have been waited for.
    if (!this.#accepting) throw agentError('NOT_ACCEPTING', {});
    const registered = this.#registry.find(request.agent);
    const waiting = this.#queue.waitingOf(principal.user) + this.#elsewhere.of(principal.user).waiting;
    if (waiting >= this.#waitingPerUser)
      throw agentError('QUEUE_FULL', { waiting, limit: this.#waitingPerUser, retryAfterMs: QUEUE_RETRY_MS });
    const turn = this.#queue.enter(principal.user);
    try {
      return await this.#acceptInTurn(requester, request, registered, key, turn);
    } catch (error) {
      turn.leave();
      throw error;
    }
  }

  async #acceptInTurn(
    requester: Requester,
    request: RunRequest,
    registered: RegisteredAgent,
    key: string | null,
    turn: Turn,
  ): Promise<RunAccepted> {
    const { principal, permit } = requester;
    const run = this.#random.uuid();
    const thread = request.thread ?? this.#random.uuid();
    const traceparent = this.#interceptor.current?.traceparent();
    const from = await this.#records.standing(principal, thread);
    const record: RunRecord = {
      run,
      user: principal.user,
      thread,
      agent: registered.agent,
      from,
      at: this.#clock.now(),
      request: key,
      asked: fingerprintOf(request),
      parent: null,
      text: request.text,
      state: turn.position === 0 ? 'running' : 'waiting',
      fence: 0,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    try {
      await allEnded([requester.follow(thread), this.#records.open(record)]);
      const conversation = await this.#threads.begin(principal, thread, request.text, run);
      // Looked at again: the app may have begun to stop while the question was stored.
      if (!this.#accepting) throw agentError('NOT_ACCEPTING', {});
      const input = { text: request.text, thread, history: conversation.history };
      const { values, connection } = requester;
      const family = { principal, permit, input, values, connection };
      const { engine, recorder } = this.#engines
        .get(permit)
        .create(
          run,
          registered,
          family,
          (agent, text, until) => this.#helpers.delegate(family, run, 1, agent, text, until),
          from.offset,
        );
      this.#guard(engine);
      const { position } = turn;
      const accepted = recorder.accept(
        request.text,
        position === 0 ? `${registered.agent} takes up the question` : `The question waits at place ${position}`,
        position === 0 ? {} : { queuePosition: position },
      );
      const { presence } = requester;
      const watched = { engine, accepted, conversation, turn, presence, onDisconnect: registered.onDisconnect };
      this.#active.set(run, { engine, ended: this.#watch.over(watched) });
      await accepted;
      this.#records.shown(run);
      return { run, thread };
    } catch (error) {
      // Nothing will ever answer it, and the stores must not say otherwise.
      const undone = this.#records.giveUp(record, () => this.#threads.abandoned(principal, thread, run));
      await this.#watch.stored(run, undone);
      throw error;
    }
  }

  /** Nothing of a run is written here once its record is somebody else's. */
  #guard(engine: ExecutionEngine): void {
    const lease = this.#records.leaseOf(engine.run);
    if (this.#isShared && lease !== undefined) engine.under(lease);
  }

  /** Cancels all runs of this user in a thread; resolves when they have ended. */
  async endThread(principal: Principal, thread: string, reason: string): Promise<void> {
    const own = [...this.#active.values()].filter(
      ({ engine }) => engine.user === principal.user && engine.thread === thread,
    );
    for (const { engine } of own) engine.cancel(reason);
    await Promise.all([...own.map(({ ended }) => ended), this.#elsewhere.endThread(principal, thread, reason)]);
  }

  /**
   * Cancels a run of this user; its terminal says so. A run that has ended is left as it is.
   *
   * @returns where another process may carry the run, or take it over: resolves when that one can know.
   * @throws MusterError `RUN_NOT_FOUND` when the run is somebody else's; the promise rejects with the same.
   */
  cancel(principal: Principal, run: string, reason: string | null): Promise<void> | undefined {
    const active = this.#active.get(run);
    if (active === undefined) return this.#elsewhere.cancel(principal, run, reason);
    if (active.engine.user !== principal.user) throw agentError('RUN_NOT_FOUND', { run });
    active.engine.cancel(reason);
    // Whoever takes it over before its terminal is in the log has to know as well.
    return this.#elsewhere.cancel(principal, run, reason);
  }

  /** Lets runs finish; what is left near the end of the time is interrupted and gets its terminal. */
  async drain(ctx: StopContext): Promise<void> {
    this.#accepting = false;
    const finished = new AbortController();
    const patience = (ctx.deadline - ctx.clock.monotonic()) * PATIENCE;
    const impatient = sleep(ctx.clock, patience, finished.signal).then(
      () => this.#interruptAll(),
      () => {
        // All runs ended in time.
      },
    );
    await this.#allEnded();
    finished.abort();
    await impatient;
  }

  async stop(): Promise<void> {
    this.#accepting = false;
    this.#interruptAll();
    await this.#allEnded();
    this.#watch.close();
    await this.#records.stop();
    await this.#elsewhere.close();
    this.#leases.close();
  }

  #interruptAll(): void {
    for (const { engine } of this.#active.values()) engine.interrupt();
  }

  async #allEnded(): Promise<void> {
    await Promise.allSettled(this.#beingAccepted);
    while (this.#active.size > 0) await Promise.all([...this.#active.values()].map(({ ended }) => ended));
  }
}
