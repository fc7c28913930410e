/**
 * Carries one run: calls the agent, emits what must be emitted around it, and ends it with exactly one terminal.
 *
 * A throw, a hang, a cancel and a forgotten await all end here; nothing of one run is shared with another.
 */
import { type Clock, MusterError, type Random } from '@muster/contracts';
import { bounded, type Interceptor, type Lease, type RuntimeEvents, type Scope, sleep } from '@muster/core';
import type { Agent, AgentContext, RunInput, RunResult } from '../agents/agent.ts';
import { agentError } from '../errors.ts';
import { isTool, type Tool } from '../tools/define-tool.ts';
import type { Ending, RunRecorder } from './run-recorder.ts';

/** How long the scope of a run that has ended waits for what ignores its signal, in milliseconds. */
const SCOPE_GRACE_MS = 5_000;

/** Everything that one run has for itself. */
export interface RunParts {
  readonly agent: Agent;
  /** What the agent was made in. */
  readonly scope: Scope;
  /** Ends the run; its signal is also the scope's. */
  readonly abort: AbortController;
  readonly input: RunInput;
  readonly recorder: RunRecorder;
  readonly user: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: RuntimeEvents;
  /** Time for the whole run from its turn on, in milliseconds. */
  readonly timeoutMs: number;
  /** Who stands around the agent and its tools, where the app has one. */
  readonly interceptor: Interceptor | undefined;
  /** Has another agent help, until `signal` says that nobody waits for it any more. */
  delegate(agent: string, text: string, signal: AbortSignal): Promise<RunResult>;
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
  readonly #abort: AbortController;
  /** What the run has begun and what has not come back, its agent included. */
  readonly #pending = new Set<Promise<unknown>>();
  /** Ends the time that what ignores its signal has. */
  #grace: AbortController | undefined;
  #isRecorded = false;
  #isFenced = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#abort = parts.abort;
    parts.recorder.onBreach((error) => this.#breached(error));
  }

  get run(): string {
    return this.#parts.recorder.run;
  }

  get thread(): string {
    return this.#parts.input.thread;
  }

  get user(): string {
    return this.#parts.user;
  }

  /** True once its terminal is in the log. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /** True when the run is another process's: nothing of it may be stored here any more. */
  get isFenced(): boolean {
    return this.#isFenced;
  }

  /** Has it go on only as long as its record is this process's. */
  under(lease: Lease): void {
    const { fence } = this.#parts.recorder;
    fence.guard(
      () => lease.isHeld,
      (error) => this.#fenced(error),
    );
    const { signal } = lease;
    const lost = (): void => void fence.close();
    if (signal.aborted) lost();
    else signal.addEventListener('abort', lost, { once: true });
  }

  /** True while something that the run has begun goes on, whether it ends when it should or not. */
  get isBusy(): boolean {
    return this.#pending.size > 0;
  }

  /** Resolves when nothing of what the run has begun goes on any more. */
  async settled(): Promise<void> {
    while (this.isBusy) await Promise.allSettled(this.#pending);
  }

  /**
   * Closes the run's scope once nothing of the run goes on any more, and at the latest some seconds after its end: what
   * ignores its signal loses what it uses. Never rejects.
   */
  async closeScope(): Promise<void> {
    if (this.isBusy) {
      this.#grace = new AbortController();
      const late = sleep(this.#parts.clock, SCOPE_GRACE_MS, this.#grace.signal).catch(() => {});
      await Promise.race([this.settled(), late]);
      this.endGrace();
    }
    await this.#parts.scope.close();
  }

  /** Has `closeScope()` wait no longer for what ignores its signal. */
  endGrace(): void {
    this.#grace?.abort();
  }

  /** The user wants no more of it. Harmless when the run has ended, like the other two. */
  cancel(reason: string | null): void {
    this.#end('cancelled', 'user', agentError('RUN_CANCELLED', { reason }));
  }

  /** The process shuts down. */
  interrupt(): void {
    this.#end('interrupted', 'supervisor', agentError('RUN_INTERRUPTED', {}));
  }

  /** Nobody waits for it any more. */
  abandon(reason: string): void {
    this.#end('cancelled', 'supervisor', agentError('RUN_CANCELLED', { reason }));
  }

  /** The agent has emitted what it may not: it cannot be trusted with the run, also if it goes on as if nothing were. */
  #breached(error: MusterError): void {
    this.#fault('agent', error);
    this.#end('failed', 'supervisor', error);
  }

  /** Somebody else carries the run to its terminal. */
  #fenced(error: MusterError): void {
    this.#isFenced = true;
    this.#fault('run recorder', error);
    this.#end('interrupted', 'supervisor', error);
  }

  /** What was cancelled is not asked again unasked. */
  #end(status: 'cancelled' | 'interrupted' | 'failed', by: Ending['by'], error: MusterError): void {
    const retryable = status !== 'cancelled' && !error.fatal;
    this.#abort.abort(new RunAbort({ status, by, code: error.code, error: shown(error), retryable }));
  }

  /**
   * Runs the agent to its terminal; resolves to it. Never rejects.
   *
   * @param turn when the agent may begin. A run that is told to end before that ends without it.
   */
  async execute(turn: Promise<void>): Promise<Ending> {
    const own = await this.#run(turn);
    const { signal } = this.#abort;
    // An agent that takes no notice of its signal does not decide how the run ended.
    const ending = signal.reason instanceof RunAbort ? signal.reason.ending : own;
    this.#abort.abort(new RunAbort(ending));
    try {
      await this.#parts.recorder.finish(ending);
      this.#isRecorded = true;
    } catch (error) {
      this.#parts.recorder.news.left();
      // Of a run that is another's by now that has been told.
      if (!this.#isFenced) this.#fault('run recorder', error);
    }
    return ending;
  }

  async #run(turn: Promise<void>): Promise<Ending> {
    const { agent, input, clock, timeoutMs } = this.#parts;
    const onTimeout = (): Error => agentError('RUN_TIMEOUT', { timeoutMs });
    const { signal } = this.#abort;
    try {
      await Promise.race([turn, abortedBy(signal)]);
      const result = await bounded({ clock, timeoutMs, onTimeout, signal }, async () => {
        const context = this.#context();
        const { interceptor } = this.#parts;
        const work = async (): Promise<RunResult> => await agent.run(input, context);
        const made = await this.#awaited(
          interceptor === undefined ? work : () => interceptor.aroundRun(this.run, work),
        );
        await context.drain();
        return made as RunResult | undefined;
      });
      return { status: 'success', by: 'agent', ...chosen(result) };
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): Ending {
    if (error instanceof RunAbort) return error.ending;
    const known = error instanceof MusterError ? error : agentError('RUN_FAILED', {}, error);
    if (this.#isFenced) return { status: 'interrupted', by: 'supervisor', code: known.code, retryable: true };
    if (!(error instanceof MusterError) || error.cause !== undefined) this.#fault('agent', error);
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
      delegate: (agent, text) => forgettable(this.#delegate(agent, text, signal)),
      tool: (tool, input) => forgettable(this.#callTool(tool, input, signal)),
    };
  }

  async #delegate(agent: string, text: string, signal: AbortSignal): Promise<RunResult> {
    const { recorder } = this.#parts;
    if (recorder.hasEnded) return recorder.refuse('agent_started', 'the run that asks for help is completed');
    return this.#parts.delegate(agent, text, signal);
  }

  async #callTool<I, R>(tool: Tool<I, R>, input: I, outer: AbortSignal): Promise<R> {
    const { recorder, clock, random, user } = this.#parts;
    if (!isTool(tool)) return recorder.refuse('tool_executing', 'the tool was not made by defineTool()');
    const callId = random.uuid();
    const { timeoutMs } = tool;
    await recorder.toolExecuting(callId, tool.name, input);
    try {
      const onTimeout = (): Error => agentError('TOOL_TIMEOUT', { tool: tool.name, timeoutMs });
      // Around the time that it is given: whoever stands there hears of a tool that nobody waits for any more.
      const result = await this.#aroundTool(callId, tool, () =>
        bounded({ clock, timeoutMs, onTimeout, signal: outer }, (signal) =>
          this.#awaited(() => tool.call(input, { signal, run: this.run, user })),
        ),
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

  #aroundTool<R>(callId: string, { name }: Tool, work: () => Promise<R>): Promise<R> {
    const { interceptor } = this.#parts;
    return interceptor === undefined ? work() : interceptor.aroundTool({ run: this.run, callId, tool: name }, work);
  }

  /** Keeps in mind what was begun: it may go on when nobody waits for it any more. */
  async #awaited<T>(work: () => Promise<T>): Promise<T> {
    const going = work();
    this.#pending.add(going);
    try {
      return await going;
    } finally {
      this.#pending.delete(going);
    }
  }

  #fault(component: string, error: unknown): void {
    const { run } = this;
    const { events, clock } = this.#parts;
    events.emit({ type: 'fault', component, correlation: run, run, error, at: clock.now() });
  }
}

/** What the agent forgets to await must not bring the process down; its events stand in the log all the same. */
function forgettable<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Rejects with the reason when the signal is aborted. */
function abortedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
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
