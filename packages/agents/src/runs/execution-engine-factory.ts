/**
 * Makes one isolated engine per run: its own agent, emitter and recorder. Takes a permit, so none exists before the gate opens.
 */
import {
  Clock,
  EventLog,
  optional,
  type Permit,
  type Principal,
  Random,
  type Ref,
  RuntimeEvents,
  service,
} from '@muster/core';
import type { RegisteredAgent } from '../agents/agent-registry.ts';
import type { RunInput } from '../agents/agent.ts';
import { Content } from '../content/content.ts';
import { ContentPolicy } from '../content/content-policy.ts';
import { ExecutionEngine, type RunParts } from './execution-engine.ts';
import { RunRecorder } from './run-recorder.ts';
import { UserEmitter } from './user-emitter.ts';

/** Time for one run, in milliseconds. */
export const RUN_TIMEOUT_MS = 600_000;

@service({ dependsOn: [EventLog, Clock, Random, RuntimeEvents, optional(ContentPolicy)] })
export class ExecutionEngineFactory {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #events: RuntimeEvents;
  readonly #policy: Ref<ContentPolicy>;
  #content: Content | undefined;

  constructor(log: EventLog, clock: Clock, random: Random, events: RuntimeEvents, policy: Ref<ContentPolicy>) {
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
    this.#policy = policy;
  }

  /** @throws MusterError `PERMIT_DEAD` when the gate has closed since the permit was issued. */
  create(
    permit: Permit,
    run: string,
    registered: RegisteredAgent,
    principal: Principal,
    input: RunInput,
    delegate: RunParts['delegate'],
  ): { readonly engine: ExecutionEngine; readonly recorder: RunRecorder } {
    const emitter = new UserEmitter(principal, input.thread, this.#log);
    const recorder = new RunRecorder(run, registered.agent, emitter, {
      clock: this.#clock,
      events: this.#events,
      content: (this.#content ??= new Content(this.#policy.current)),
    });
    const engine = new ExecutionEngine({
      agent: registered.make(permit),
      input,
      recorder,
      user: principal.user,
      clock: this.#clock,
      random: this.#random,
      events: this.#events,
      timeoutMs: RUN_TIMEOUT_MS,
      delegate,
    });
    return { engine, recorder };
  }
}
