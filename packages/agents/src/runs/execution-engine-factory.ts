/**
 * Makes one isolated engine per run: its own agent, emitter and recorder. Takes a permit, so none exists before the gate opens.
 */
import { Clock, EventLog, type Permit, type Principal, Random, RuntimeEvents, service } from '@muster/core';
import type { RegisteredAgent } from '../agents/agent-registry.ts';
import type { RunInput } from '../agents/agent.ts';
import { ExecutionEngine } from './execution-engine.ts';
import { RunRecorder } from './run-recorder.ts';
import { UserEmitter } from './user-emitter.ts';

/** Time for one run, in milliseconds. */
export const RUN_TIMEOUT_MS = 600_000;

@service({ dependsOn: [EventLog, Clock, Random, RuntimeEvents] })
export class ExecutionEngineFactory {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #events: RuntimeEvents;

  constructor(log: EventLog, clock: Clock, random: Random, events: RuntimeEvents) {
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
  }

  /** @throws MusterError `PERMIT_DEAD` when the gate has closed since the permit was issued. */
  create(
    permit: Permit,
    run: string,
    registered: RegisteredAgent,
    principal: Principal,
    input: RunInput,
  ): { readonly engine: ExecutionEngine; readonly recorder: RunRecorder } {
    const emitter = new UserEmitter(principal, input.thread, this.#log);
    const recorder = new RunRecorder(run, registered.agent, emitter, this.#clock, this.#events);
    const engine = new ExecutionEngine({
      agent: registered.make(permit),
      input,
      recorder,
      user: principal.user,
      clock: this.#clock,
      random: this.#random,
      events: this.#events,
      timeoutMs: RUN_TIMEOUT_MS,
    });
    return { engine, recorder };
  }
}
