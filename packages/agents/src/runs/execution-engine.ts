/**
 * Carries one run: calls the agent, emits what must be emitted around it, and ends it with exactly one terminal.
 *
 * A throw, a hang, a cancel and a forgotten await all end here; nothing of one run is shared with another.
 */
import { type Clock, MusterError, type Random } from '@muster/contracts';
import { bounded, type RuntimeEvents } from '@muster/core';
import type { Agent, AgentContext, RunInput, RunResult } from '../agents/agent.ts';
import { agentError } from '../errors.ts';
import type { Tool } from '../tools/define-tool.ts';
import type { Ending, RunRecorder } from './run-recorder.ts';

/** Everything that one run has for itself. */
export interface RunParts {
  readonly agent: Agent;
  readonly input: RunInput;
  readonly recorder: RunRecorder;
  readonly user: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: RuntimeEvents;
  /** Time for the whole run, in milliseconds. */
  readonly timeoutMs: number;
}

/** Why a run was told to end: the reason of its signal. */
export class RunAbort extends Error {
  override readonly name = 'RunAbort';
  readonly ending: Ending;

  constructor(ending: Ending) {
    super(ending.error?.message ?? ending.status);
    this.ending = ending;
  }
}

export class ExecutionEngine {
  readonly #parts: RunParts;
  readonly #abort = new AbortController();
  #isRecorded = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  get run(): string {
    return this.#parts.recorder.run;
  }

  get user(): string {
    return this.#parts.user;
  }

  /** True once its terminal is in the log. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /** The user wants no more of it. Harmless when the run has ended. */
  cancel(reason: string | null): void {
    const error = agentError('RUN_CANCELLED', { reason });
    this.#abort.abort(
      new RunAbort({ status: 'cancelled', by: 'user', code: error.code, error: shown(error), retryable: false }),
    );
  }

  /** The process shuts down. Harmless when the run has ended. */
  interrupt(): void {
    const error = agentError('RUN_INTERRUPTED', {});
    this.#abort.abort(
      new RunAbort({ status: 'interrupted', by: 'supervisor', code: error.code, error: shown(error), retryable: true }),
    );
  }

  /** Runs the agent to its terminal; resolves to it. Never rejects. */
  async execute(): Promise<Ending> {
    const ending = await this.#run();
    this.#abort.abort(new RunAbort(ending));
    try {
      await this.#parts.recorder.finish(ending);
      this.#isRecorded = true;
    } catch (error) {
      this.#fault('run recorder', error);
    }
    return ending;
  }

  async #run(): Promise<Ending> {
    const { agent, input, clock, timeoutMs } = this.#parts;
    const onTimeout = (): Error => agentError('RUN_TIMEOUT', { timeoutMs });
    try {
      const result = await bounded({ clock, timeoutMs, onTimeout, signal: this.#abort.signal }, async () => {
        const context = this.#context();
        const made: RunResult | undefined = await agent.run(input, context);
        await context.drain();
        return made;
      });
      return { status: 'success', by: 'agent', ...chosen(result) };
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): Ending {
    if (error instanceof RunAbort) return error.ending;
    const known = error instanceof MusterError ? error : agentError('RUN_FAILED', {}, error);
    if (!(error instanceof MusterError) || error.cause !== undefined) this.#fault(`agent of run ${this.run}`, error);
    const by = known.code === 'RUN_TIMEOUT' ? 'supervisor' : 'agent';
    return { status: 'failed', by, code: known.code, retryable: !known.fatal, error: shown(known) };
  }

  /** Its signal is the run's own and not that of one wait, so it also ends what the agent forgot to await. */
  #context(): AgentContext {
    const { recorder, user } = this.#parts;
    const { signal } = this.#abort;
    return {
      signal,
      run: this.run,
      user,
      think: (reasoning, step) => forgettable(recorder.think(reasoning, step).then(() => {})),
      output: (delta) => recorder.output(delta),
      drain: () => forgettable(recorder.drain()),
      tool: (tool, input) => forgettable(this.#callTool(tool, input, signal)),
    };
  }

  async #callTool<I, R>(tool: Tool<I, R>, input: I, outer: AbortSignal): Promise<R> {
    const { recorder, clock, random, user } = this.#parts;
    const callId = random.uuid();
    const { timeoutMs } = tool;
    await recorder.toolExecuting(callId, tool.name, input);
    try {
      const onTimeout = (): Error => agentError('TOOL_TIMEOUT', { tool: tool.name, timeoutMs });
      const result = await bounded({ clock, timeoutMs, onTimeout, signal: outer }, (signal) =>
        tool.call(input, { signal, run: this.run, user }),
      );
      await recorder.toolCompleted(callId, { status: 'ok', result });
      return result;
    } catch (error) {
      if (outer.aborted) {
        await recorder.toolCompleted(callId, { status: 'cancelled' });
        throw error;
      }
      const known = error instanceof MusterError ? error : agentError('TOOL_FAILED', { tool: tool.name }, error);
      if (known !== error) this.#fault(`tool ${tool.name}`, error);
      const status = known.code === 'TOOL_TIMEOUT' ? 'timeout' : 'error';
      await recorder.toolCompleted(callId, { status, error: shown(known) });
      throw known;
    }
  }

  #fault(component: string, error: unknown): void {
    const { events, clock } = this.#parts;
    events.emit({ type: 'fault', component, correlation: this.run, error, at: clock.now() });
  }
}

/** What the agent forgets to await must not bring the process down; its events stand in the log all the same. */
function forgettable<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** What a user may see of an error: the catalogue's own words, never a foreign message, stack or path. */
function shown(error: MusterError): { code: string; message: string } {
  return { code: error.code, message: error.message };
}

/** The agent's result without what it left out; an agent that returns nothing has succeeded all the same. */
function chosen(result: RunResult | undefined): Partial<Ending> {
  if (typeof result !== 'object' || result === null) return {};
  const { finalResponse, result: value, usage } = result;
  return {
    ...(typeof finalResponse === 'string' ? { finalResponse } : {}),
    ...(value === undefined ? {} : { result: value }),
    ...(usage === undefined ? {} : { usage: { ...usage } }),
  };
}
