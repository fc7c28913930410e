/**
 * Accepts requests, starts runs and watches over them until each has its terminal.
 *
 * No lock is shared between users, and no run waits for another.
 */
import type { RunAccepted, RunRequest } from '@muster/contracts';
import {
  Clock,
  EventLog,
  KeyValueStore,
  type Principal,
  Random,
  RuntimeEvents,
  type Service,
  service,
  sleep,
  type StopContext,
  streamOf,
} from '@muster/core';
import { AgentRegistry } from '../agents/agent-registry.ts';
import { agentError } from '../errors.ts';
import { type Conversation, ThreadService } from '../threads/thread-service.ts';
import { ExecutionEngineFactory } from './execution-engine-factory.ts';
import type { ExecutionEngine } from './execution-engine.ts';
import type { Requester } from './requester.ts';
import { type RunRecord, RunRecords } from './run-records.ts';

/** Part of the time for draining after which runs are interrupted, so that their terminals still reach their users. */
const PATIENCE = 0.9;

@service({
  dependsOn: [
    AgentRegistry,
    ExecutionEngineFactory,
    ThreadService,
    KeyValueStore,
    EventLog,
    Random,
    Clock,
    RuntimeEvents,
  ],
})
export class AgentSupervisor implements Service {
  readonly #registry: AgentRegistry;
  readonly #engines: ExecutionEngineFactory;
  readonly #threads: ThreadService;
  readonly #records: RunRecords;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #active = new Map<string, { readonly engine: ExecutionEngine; readonly ended: Promise<void> }>();
  /** Requests whose run has not begun: a stop waits for them too, since the store is still needed. */
  readonly #beingAccepted = new Set<Promise<RunAccepted>>();
  #accepting = false;

  constructor(
    registry: AgentRegistry,
    engines: ExecutionEngineFactory,
    threads: ThreadService,
    store: KeyValueStore,
    log: EventLog,
    random: Random,
    clock: Clock,
    events: RuntimeEvents,
  ) {
    this.#registry = registry;
    this.#engines = engines;
    this.#threads = threads;
    this.#records = new RunRecords(store, log, clock);
    this.#random = random;
    this.#clock = clock;
    this.#events = events;
  }

  /** Runs that a process before this one has left open get their terminal before anybody is served. */
  async start(): Promise<void> {
    await this.#records.interruptAll();
    this.#accepting = true;
  }

  /** How many runs have no terminal yet. */
  get activeRuns(): number {
    return this.#active.size;
  }

  /**
   * Accepts a run. When this resolves, `agent_started` and the first `agent_thinking` are in the log and the user's message is stored.
   *
   * @param id of the request: the same one of the same requester finds the run that came of it, also after a crash.
   * @throws MusterError `AGENT_UNKNOWN`, `THREAD_NOT_FOUND`, `NOT_ACCEPTING`, or `PERMIT_DEAD` when the gate has closed.
   */
  async accept(requester: Requester, request: RunRequest, id?: string): Promise<RunAccepted> {
    if (!this.#accepting) throw agentError('NOT_ACCEPTING', {});
    const accepted = this.#acceptOnce(requester, request, id);
    this.#beingAccepted.add(accepted);
    try {
      return await accepted;
    } finally {
      this.#beingAccepted.delete(accepted);
    }
  }

  async #acceptOnce(requester: Requester, request: RunRequest, id: string | undefined): Promise<RunAccepted> {
    const key = id === undefined || requester.id === undefined ? null : keyOf(requester, requester.id, id);
    const known = key === null ? undefined : await this.#records.find(key);
    if (known === undefined) return this.#accept(requester, request, key);
    const { run, thread, from } = known;
    await requester.follow(thread, from);
    return { run, thread };
  }

  async #accept(requester: Requester, request: RunRequest, key: string | null): Promise<RunAccepted> {
    const { principal } = requester;
    const registered = this.#registry.find(request.agent);
    const run = this.#random.uuid();
    const thread = request.thread ?? this.#random.uuid();
    const conversation = await this.#threads.begin(principal, thread, request.text, run);
    const input = { text: request.text, thread, history: conversation.history };
    let record: RunRecord | undefined;
    try {
      const from = await this.#records.standing(principal, thread);
      const { user } = principal;
      record = { run, user, thread, agent: registered.agent, from, at: this.#clock.now(), request: key };
      await Promise.all([requester.follow(thread), this.#records.open(record)]);
      // Looked at again: the app may have begun to stop while the question was stored.
      if (!this.#accepting) throw agentError('NOT_ACCEPTING', {});
      const { engine, recorder } = this.#engines.create(requester.permit, run, registered, principal, input);
      const accepted = recorder.accept(request.text, `${registered.agent} takes up the question`);
      this.#active.set(run, { engine, ended: this.#watch(engine, accepted, conversation) });
      await accepted;
      return { run, thread };
    } catch (error) {
      // Nothing will ever answer it, and the stores must not say otherwise.
      await this.#stored(run, conversation.abandon());
      if (record !== undefined) await this.#stored(run, this.#records.abandon(record));
      throw error;
    }
  }

  /** Carries a run to its end and stores the answer; never rejects. */
  async #watch(engine: ExecutionEngine, accepted: Promise<void>, conversation: Conversation): Promise<void> {
    try {
      await accepted;
    } catch {
      // Whoever asked is told by accept(); there is no run to watch.
      this.#active.delete(engine.run);
      return;
    }
    const ending = await engine.execute();
    // A run whose terminal could not be written stays open, and gets one when the next process starts.
    if (engine.isRecorded) await this.#stored(engine.run, this.#records.close(engine.run));
    await this.#stored(
      engine.run,
      conversation.end(ending.status, ending.finalResponse ?? ending.error?.message ?? ''),
    );
    this.#active.delete(engine.run);
  }

  /** A store that fails here must not hide how the run or the request ended; never rejects. */
  async #stored(run: string, storing: Promise<void>): Promise<void> {
    try {
      await storing;
    } catch (error) {
      this.#events.emit({ type: 'fault', component: 'thread service', correlation: run, error, at: this.#clock.now() });
    }
  }

  /**
   * Cancels a run of this user; its terminal says so. A run that has ended is left as it is.
   *
   * @throws MusterError `RUN_NOT_FOUND` when the run is somebody else's.
   */
  cancel(principal: Principal, run: string, reason: string | null): void {
    const active = this.#active.get(run);
    if (active === undefined) return;
    if (active.engine.user !== principal.user) throw agentError('RUN_NOT_FOUND', { run });
    active.engine.cancel(reason);
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
  }

  #interruptAll(): void {
    for (const { engine } of this.#active.values()) engine.interrupt();
  }

  async #allEnded(): Promise<void> {
    await Promise.allSettled(this.#beingAccepted);
    while (this.#active.size > 0) await Promise.all([...this.#active.values()].map(({ ended }) => ended));
  }
}

/** Names a request for ever: ids are only unique within a session of a user. */
function keyOf({ principal }: Requester, session: string, id: string): string {
  return streamOf(principal, `${session} ${id}`);
}
