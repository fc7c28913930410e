/**
 * Makes one isolated engine per run: its own scope with its agent, its own emitter and recorder. Takes a permit, so none
 * exists before the gate opens.
 */
import { MusterError } from '@muster/contracts';
import {
  Clock,
  EventLog,
  factory,
  type Given,
  Interceptor,
  isProbe,
  optional,
  type Permit,
  type Principal,
  Random,
  type Ref,
  RuntimeEvents,
  type Scope,
  Scopes,
  streamOf,
} from '@muster/core';
import type { RegisteredAgent } from '../agents/agent-registry.ts';
import type { Agent, RunInput } from '../agents/agent.ts';
import { Content } from '../content/content.ts';
import { ContentPolicy } from '../content/content-policy.ts';
import { ExecutionEngine, type RunParts } from './execution-engine.ts';
import { RunNews } from './run-news.ts';
import { type Resumed, RunRecorder } from './run-recorder.ts';
import { UserEmitter } from './user-emitter.ts';

/** Time for one run, in milliseconds. */
export const RUN_TIMEOUT_MS = 600_000;

/** Whom a run is for, and what it is about; the runs that help it have the same. */
export interface Family {
  readonly principal: Principal;
  readonly permit: Permit;
  readonly input: RunInput;
  /** For classes of the run that depend on them. */
  readonly values?: readonly Given<'run'>[] | undefined;
  /** Over which it was asked for. @default none */
  readonly connection?: string | undefined;
  /** The run that asks for help. @default none: a user asks */
  readonly parent?: string;
  /** What a run belongs to that goes on here. @default nothing, or what it is begun in */
  readonly traceparent?: string | undefined;
}

@factory({
  dependsOn: [Scopes, EventLog, Clock, Random, RuntimeEvents, optional(ContentPolicy), optional(Interceptor)],
})
export class ExecutionEngineFactory {
  readonly #scopes: Scopes;
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #events: RuntimeEvents;
  readonly #policy: Ref<ContentPolicy>;
  readonly #interceptor: Ref<Interceptor>;
  #content: Content | undefined;
  /** What is tried for nobody is no news to anybody, but for what goes wrong. */
  readonly #quiet = new RuntimeEvents();

  constructor(
    scopes: Scopes,
    log: EventLog,
    clock: Clock,
    random: Random,
    events: RuntimeEvents,
    policy: Ref<ContentPolicy>,
    interceptor: Ref<Interceptor>,
  ) {
    this.#scopes = scopes;
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
    this.#policy = policy;
    this.#interceptor = interceptor;
    this.#quiet.on((event) => {
      if (event.type === 'fault') events.emit(event);
    });
  }

  /**
   * @param after offset behind which nothing in the log is of the run but what is written here. @default nobody else writes it
   * @param resumed where a run stands that goes on here. @default it begins
   * @throws MusterError `PERMIT_DEAD` when the gate has closed since the permit was issued; `SCOPE_LIMIT` when the user
   * has as many open scopes of runs as the app allows; `SCOPE_VALUE_MISSING` when the agent needs a value that is not given.
   */
  create(
    run: string,
    registered: RegisteredAgent,
    { permit, principal, input, values = [], parent, connection, traceparent }: Family,
    delegate: RunParts['delegate'],
    after?: number,
    resumed?: Resumed,
  ): { readonly engine: ExecutionEngine; readonly recorder: RunRecorder } {
    const events = isProbe(principal) ? this.#quiet : this.#events;
    const { agent } = registered;
    const { user } = principal;
    const { thread } = input;
    const stream = streamOf(principal, thread);
    const about = { run, agent, user, thread, stream, parent: parent ?? null, connection: connection ?? null };
    const emitter = new UserEmitter(principal, thread, this.#log, run, after);
    const recorder = new RunRecorder(run, agent, emitter, {
      clock: this.#clock,
      news: new RunNews(about, events, this.#clock),
      content: (this.#content ??= new Content(this.#policy.current)),
      resumed,
    });
    const interceptor = isProbe(principal) ? undefined : this.#interceptor.current;
    const abort = new AbortController();
    const { signal } = abort;
    const scope = this.#scopes.open('run', { permit, principal, run: { run, thread }, signal, values });
    const engine = new ExecutionEngine({
      agent: agentOf(scope, registered),
      scope,
      abort,
      input,
      recorder,
      user,
      clock: this.#clock,
      random: this.#random,
      events,
      timeoutMs: RUN_TIMEOUT_MS,
      interceptor,
      delegate,
    });
    if (resumed !== undefined) recorder.news.resumed(traceparent, interceptor);
    return { engine, recorder };
  }
}

/** The run's agent; a scope in which none could be made is closed again. */
function agentOf(scope: Scope, registered: RegisteredAgent): Agent {
  try {
    return scope.get(registered.class);
  } catch (error) {
    void scope.close();
    // The text of a foreign error is in it, and what is no error of a catalogue is not shown to users.
    if (error instanceof MusterError && error.code === 'SCOPE_CONSTRUCT_FAILED')
      throw new Error(error.message, { cause: error });
    throw error;
  }
}
