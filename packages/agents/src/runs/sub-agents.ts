/**
 * Agents that help agents: each has a run of its own in the same thread, so its user sees what it does.
 *
 * A helping run has the turn of the run that has asked for it, and ends with that one.
 */
import type { Clock, Random } from '@muster/contracts';
import type { Gated } from '@muster/core';
import type { AgentRegistry } from '../agents/agent-registry.ts';
import type { RunResult } from '../agents/agent.ts';
import { agentError } from '../errors.ts';
import type { ExecutionEngine } from './execution-engine.ts';
import type { ExecutionEngineFactory, Family } from './execution-engine-factory.ts';
import type { Ending } from './run-recorder.ts';
import type { RunRecord, RunRecords } from './run-records.ts';

/** How many agents may ask one another for help, one inside the run of the other. */
const MOST_DEPTH = 8;

/** One run on its way, one that a user has asked for or one that an agent has. */
export interface Going {
  readonly engine: ExecutionEngine;
  readonly ended: Promise<unknown>;
}

/** What the supervisor shares with the runs that help. */
interface Shared {
  readonly registry: AgentRegistry;
  readonly engines: Gated<ExecutionEngineFactory>;
  readonly records: RunRecords;
  readonly random: Random;
  readonly clock: Clock;
  readonly active: Map<string, Going>;
  /** Never rejects. */
  stored(run: string, storing: Promise<void>): Promise<void>;
  /** Undefined where something of the run goes on, which is not waited for. */
  closeScope(engine: ExecutionEngine): Promise<void> | undefined;
  guard(engine: ExecutionEngine): void;
}

export class SubAgents {
  readonly #parts: Shared;

  constructor(parts: Shared) {
    this.#parts = parts;
  }

  /** Has an agent help a run: a run of its own in the same thread, which ends when nobody waits for it any more. */
  async delegate(
    family: Family,
    parent: string,
    depth: number,
    agent: string,
    text: string,
    until: AbortSignal,
  ): Promise<RunResult> {
    if (depth > MOST_DEPTH) throw agentError('AGENTS_TOO_DEEP', { depth, limit: MOST_DEPTH });
    const { principal, permit } = family;
    const registered = this.#parts.registry.find(agent);
    const run = this.#parts.random.uuid();
    const input = { ...family.input, text };
    const from = await this.#parts.records.standing(principal, input.thread);
    const { user } = principal;
    const at = this.#parts.clock.now();
    const record = {
      run,
      user,
      thread: input.thread,
      agent: registered.agent,
      from,
      at,
      request: null,
      asked: '',
      parent,
      text,
      state: 'running' as const,
      fence: 0,
    };
    const { engine, recorder } = await this.#begin(record, () =>
      this.#parts.engines
        .get(permit)
        .create(
          run,
          registered,
          { ...family, input, parent },
          (...asked) => this.delegate(family, run, depth + 1, ...asked),
          from.offset,
        ),
    );
    this.#parts.guard(engine);
    const ended = this.#help(engine, recorder.accept(text, `${registered.agent} helps`, { parent }), record, until);
    this.#parts.active.set(run, { engine, ended: ended.catch(() => {}) });
    const { status, code = null, finalResponse, result, usage } = await ended;
    if (status !== 'success') throw agentError('SUBAGENT_FAILED', { agent: registered.agent, run, status, code });
    return {
      ...(finalResponse === undefined ? {} : { finalResponse }),
      ...(result === undefined ? {} : { result }),
      ...(usage === undefined ? {} : { usage }),
    };
  }

  /** Remembers a run and makes what it needs; when there is none, nothing is remembered. */
  async #begin<T>(record: RunRecord, create: () => T): Promise<T> {
    try {
      await this.#parts.records.open(record);
      return create();
    } catch (error) {
      await this.#parts.stored(record.run, this.#parts.records.giveUp(record));
      throw error;
    }
  }

  /** Carries a helping run to its end. */
  async #help(
    engine: ExecutionEngine,
    accepted: Promise<void>,
    record: RunRecord,
    until: AbortSignal,
  ): Promise<Ending> {
    const abandon = (): void => engine.abandon('the run that has asked for it has ended');
    try {
      await accepted;
      this.#parts.records.shown(engine.run);
      if (until.aborted) abandon();
      else until.addEventListener('abort', abandon, { once: true });
      const ending = await engine.execute(Promise.resolve());
      if (engine.isRecorded) await this.#parts.stored(engine.run, this.#parts.records.close(engine.run));
      else this.#parts.records.leave(engine.run);
      return ending;
    } catch (error) {
      await this.#parts.stored(engine.run, this.#parts.records.giveUp(record));
      throw error;
    } finally {
      until.removeEventListener('abort', abandon);
      await this.#parts.closeScope(engine);
      this.#parts.active.delete(engine.run);
    }
  }
}
