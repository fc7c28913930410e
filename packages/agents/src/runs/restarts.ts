/**
 * Runs agents again that say they may be: in the same run, behind what its owner before has left in the log. A run that has
 * not begun begins here, whatever its agent says: nothing was done for it yet.
 *
 * A run is restarted a few times at the most, so that one that brings its process down does not go round all of them.
 */
import type { Clock } from '@muster/contracts';
import { type Gated, type Permit, principalOf, type Runtime } from '@muster/core';
import type { AgentRegistry, RegisteredAgent } from '../agents/agent-registry.ts';
import type { RunResult } from '../agents/agent.ts';
import type { ThreadService } from '../threads/thread-service.ts';
import type { ExecutionEngine } from './execution-engine.ts';
import type { ExecutionEngineFactory, Family } from './execution-engine-factory.ts';
import type { LeftRuns } from './left-runs.ts';
import type { RunQueue, Turn } from './run-queue.ts';
import { askedIn, type RunRecord, type RunRecords } from './run-records.ts';
import type { RunWatch } from './run-watch.ts';
import type { Going } from './sub-agents.ts';

/** How often one run is begun again. */
const MOST_RESTARTS = 3;

/** What the supervisor shares with the runs that it begins again. */
interface Shared {
  readonly registry: AgentRegistry;
  readonly engines: Gated<ExecutionEngineFactory>;
  readonly threads: ThreadService;
  readonly records: RunRecords;
  readonly left: LeftRuns;
  readonly clock: Clock;
  readonly runtime: Runtime;
  readonly watch: RunWatch;
  readonly active: Map<string, Going>;
  queue(): RunQueue;
  isAccepting(): boolean;
  guard(engine: ExecutionEngine): void;
  delegate(family: Family, run: string, agent: string, text: string, until: AbortSignal): Promise<RunResult>;
}

export class Restarts {
  readonly #parts: Shared;

  constructor(parts: Shared) {
    this.#parts = parts;
  }

  /** Begins a run again that was taken over; false when it has to be ended instead. */
  async restart(record: RunRecord): Promise<boolean> {
    const registered = this.#parts.registry.known(record.agent);
    if (registered === undefined || record.parent !== null || record.wish !== undefined) return false;
    if (record.state === 'dropped' || record.fence > MOST_RESTARTS || !this.#parts.isAccepting()) return false;
    if (registered.onTakeover !== 'restart' && (await this.#parts.left.hasBegun(record))) return false;
    const permit = await this.#parts.runtime.gate.enter();
    const turn = this.#parts.queue().enter(record.user);
    try {
      if (await this.#begin(record, registered, permit, turn)) return true;
    } catch (error) {
      turn.leave();
      throw error;
    }
    turn.leave();
    return false;
  }

  async #begin(record: RunRecord, registered: RegisteredAgent, permit: Permit, turn: Turn): Promise<boolean> {
    const { records, left, engines, threads, active, watch } = this.#parts;
    const { run, thread, traceparent } = record;
    const principal = principalOf(record.user);
    const resumed = await left.resume(record, registered.onTakeover === 'restart');
    if (resumed === undefined) return false;
    const conversation = await threads.resume(principal, thread, run, askedIn(record));
    records.shown(run);
    const input = { text: resumed.text, thread, history: conversation.history };
    const family = { principal, permit, input, traceparent };
    const { engine } = engines
      .get(permit)
      .create(
        run,
        registered,
        family,
        (agent, text, until) => this.#parts.delegate(family, run, agent, text, until),
        resumed.after,
        resumed,
      );
    this.#parts.guard(engine);
    const { onDisconnect } = registered;
    const accepted = Promise.resolve();
    const ended = watch.over({ engine, accepted, conversation, turn, presence: undefined, onDisconnect });
    active.set(run, { engine, ended });
    return true;
  }
}
