/**
 * The runs that other processes carry or have carried: what they have left gets its end here, and what they carry is
 * reached through its record.
 */
import type { Clock, EventData } from '@muster/contracts';
import {
  type Gated,
  type KeyValueStore,
  type Leases,
  type Principal,
  principalOf,
  type Runtime,
  type RuntimeEvents,
} from '@muster/core';
import type { AgentRegistry } from '../agents/agent-registry.ts';
import type { ThreadService } from '../threads/thread-service.ts';
import type { ExecutionEngine } from './execution-engine.ts';
import type { ExecutionEngineFactory } from './execution-engine-factory.ts';
import type { LeftRuns } from './left-runs.ts';
import { Restarts } from './restarts.ts';
import type { RunQueue } from './run-queue.ts';
import { type Elsewhere, RunReaper } from './run-reaper.ts';
import { askedIn, type RunRecord, type RunRecords } from './run-records.ts';
import type { RunWatch } from './run-watch.ts';
import type { Going, SubAgents } from './sub-agents.ts';

/** What the supervisor shares. */
interface Shared {
  readonly registry: AgentRegistry;
  readonly engines: Gated<ExecutionEngineFactory>;
  readonly threads: ThreadService;
  readonly store: KeyValueStore;
  readonly leases: Leases;
  readonly records: RunRecords;
  readonly left: LeftRuns;
  readonly clock: Clock;
  readonly events: RuntimeEvents;
  readonly runtime: Runtime;
  readonly watch: RunWatch;
  readonly helpers: SubAgents;
  readonly active: Map<string, Going>;
  queue(): RunQueue;
  isAccepting(): boolean;
  guard(engine: ExecutionEngine): void;
}

export class RunsElsewhere {
  readonly #parts: Shared;
  readonly #reaper: RunReaper;
  readonly #restarts: Restarts;

  constructor(parts: Shared) {
    this.#parts = parts;
    const { active, helpers } = parts;
    this.#reaper = new RunReaper({
      ...parts,
      takenOver: (record) => this.#takenOver(record),
      wished: (run, reason) => active.get(run)?.engine.cancel(reason),
      counted: (user) => parts.queue().look(user),
    });
    this.#restarts = new Restarts({
      ...parts,
      delegate: (family, run, agent, text, until) => helpers.delegate(family, run, 1, agent, text, until),
    });
  }

  /** Ends what a process before this one has left open; where others may carry it, its lease is waited for instead. */
  async settle(): Promise<void> {
    const { store, records, left } = this.#parts;
    if (store.isShared === true) await records.sweep();
    else await left.interruptAll((record, terminal) => this.#recover(record, terminal));
  }

  open(): void {
    this.#reaper.open();
  }

  close(): Promise<void> {
    return this.#reaper.close();
  }

  /** How many runs of a user others carry, as far as is known here. */
  of(user: string): Readonly<Elsewhere> {
    return this.#reaper.elsewhere(user);
  }

  /**
   * Has whoever carries a run cancel it; `undefined` where nobody else can.
   *
   * @throws MusterError `RUN_NOT_FOUND` when the run is somebody else's.
   */
  cancel(principal: Principal, run: string, reason: string | null): Promise<void> | undefined {
    const { store, records } = this.#parts;
    return store.isShared === true ? records.wish(principal, run, reason) : undefined;
  }

  /** Has all runs of a user in a thread cancelled that others carry; resolves when they have ended. */
  async endThread(principal: Principal, thread: string, reason: string): Promise<void> {
    const { records } = this.#parts;
    const runs = this.#reaper.inThread(principal.user, thread);
    await Promise.all(runs.map((run) => records.wish(principal, run, reason)));
    await Promise.all(runs.map((run) => records.gone(run)));
  }

  /** Ends a run whose owner has gone, or begins it again. */
  async #takenOver(record: RunRecord): Promise<void> {
    const { left, watch } = this.#parts;
    try {
      if (await this.#restarts.restart(record)) return;
    } catch (error) {
      await watch.stored(record.run, Promise.reject(error));
    }
    await left.interrupt(record, (ended, terminal) => this.#recover(ended, terminal));
  }

  /** Stores how a run of another process ended; of one that has helped another nothing is stored. */
  async #recover(record: RunRecord, terminal: EventData<'agent_completed'> | undefined): Promise<void> {
    const { threads } = this.#parts;
    const { run, user, thread, parent } = record;
    if (parent !== null) return;
    const principal = principalOf(user);
    if (terminal === undefined) return threads.abandoned(principal, thread, run);
    const { status, finalResponse, error } = terminal;
    const answer = finalResponse ?? error?.message ?? '';
    await threads.recover(principal, thread, run, { status, answer }, askedIn(record));
  }
}
