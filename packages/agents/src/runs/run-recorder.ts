/**
 * The RUN and TOOL tables in front of the log: no event passes that the contract does not allow.
 *
 * Numbers and order are given when an event is emitted, so they cannot depend on who awaits what. What is emitted until
 * the log is about to write leaves together.
 */
import {
  type AgentEventName,
  type Alteration,
  type Clock,
  type EventData,
  RUN,
  StateMachine,
  type Timer,
  TOOL,
} from '@muster/contracts';
import type { EventsJson, RuntimeEvents } from '@muster/core';
import type { Content, Kept } from '../content/content.ts';
import { agentError } from '../errors.ts';
import { EventsWriter, joined, quoted } from './events-writer.ts';
import type { UserEmitter } from './user-emitter.ts';

/** Proof of an append: the offset of its last event. */
export interface Receipt {
  readonly offset: number;
}

/** How a run ended, but for what the recorder knows itself. */
export type Ending = Omit<EventData<'agent_completed'>, 'count' | 'durationMs' | 'altered'>;
/** How a tool call ended, but for that. */
export type Outcome = Omit<EventData<'tool_completed'>, 'callId' | 'toolName' | 'durationMs' | 'altered'>;

/** Longest time that a streamed piece waits for others, in milliseconds, and the size in characters at which it goes. */
const OUTPUT = { holdMs: 40, characters: 4_096 } as const;
/** A larger piece is parted, since events have a bounded size and nothing of an answer is left out. */
const PIECE_CHARACTERS = 65_536;

/** Told of what becomes of the events that leave together. */
interface Gathered {
  /** Resolves when they are in the log. */
  readonly recorded: Promise<Receipt>;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/** What all recorders of an app share. */
export interface RecorderParts {
  readonly clock: Clock;
  readonly events: RuntimeEvents;
  readonly content: Content;
}

interface Taken extends Gathered {
  readonly events: EventsJson;
}

interface Steps {
  readonly step?: number;
  readonly totalSteps?: number;
}

export class RunRecorder {
  readonly run: string;
  /** What is the same in every event of the run. */
  readonly #text: { readonly id: string; readonly run: string; readonly agent: string };
  readonly #writer = new EventsWriter();
  readonly #emitter: UserEmitter;
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #content: Content;
  readonly #machine: StateMachine<typeof RUN>;
  readonly #tools = new Map<
    string,
    { readonly name: string; readonly startedAt: number; readonly machine: StateMachine<typeof TOOL> }
  >();
  readonly #startedAt: number;
  #n = 0;
  #gathered: Gathered | undefined;
  /** What an append that is under way has taken. */
  #taken: Taken | undefined;
  #isFlushing = false;
  /** Those who wait until nothing is under way. */
  #draining: (() => void)[] = [];
  /** What an append that failed has left out: it goes first in the next one, so that `n` has no hole. */
  #unwritten: { readonly events: EventsJson; readonly error: unknown } | undefined;
  #pendingOutput = '';
  #outputTimer: Timer | undefined;

  constructor(run: string, agent: string, emitter: UserEmitter, { clock, events, content }: RecorderParts) {
    this.run = run;
    this.#text = {
      id: `{"id":${JSON.stringify(run).slice(0, -1)}:`,
      run: `","run":${JSON.stringify(run)},"n":`,
      agent: `,"agent":${JSON.stringify(agent)},"at":`,
    };
    this.#emitter = emitter;
    this.#clock = clock;
    this.#events = events;
    this.#content = content;
    this.#startedAt = clock.monotonic();
    this.#machine = new StateMachine(`run ${run}`, RUN, 'accepted', this.#moved('run', run));
  }

  get hasEnded(): boolean {
    return this.#machine.state === 'completed';
  }

  /** The first two events, in one append: a user who is told of a run has something to see. */
  async accept(
    message: string,
    reasoning: string,
    about: { readonly queuePosition?: number; readonly parent?: string } = {},
  ): Promise<void> {
    const started = this.#record('agent_started', { message, ...about });
    await Promise.all([started, this.#record('agent_thinking', { reasoning })]);
  }

  /** @param step the place among the steps that the agent takes, if it knows; what is no whole number is left out. */
  think(reasoning: string, step?: Steps): Promise<Receipt> {
    this.#flushOutput();
    const { kept, altered } = this.#content.thought(reasoning);
    const rest = step === undefined && altered.length === 0 ? '' : rested({ ...wholeNumbers(step), ...flags(altered) });
    return this.#write('agent_thinking', `{"reasoning":${quoted(kept)}${rest}}`);
  }

  /** Joins `delta` to what waits; it is recorded after 40 ms, at 4 096 characters, or before any other event. */
  output(delta: string): void {
    const text = typeof delta === 'string' ? delta : this.#content.thought(delta).kept;
    if (text === '' || this.hasEnded) return;
    this.#pendingOutput += text;
    if (this.#pendingOutput.length >= OUTPUT.characters) this.#flushOutput();
    else this.#outputTimer ??= this.#clock.schedule(OUTPUT.holdMs, () => this.#flushOutput());
  }

  toolExecuting(callId: string, toolName: string, parameters: unknown): Promise<Receipt> {
    this.#flushOutput();
    const machine = new StateMachine(`tool call ${callId}`, TOOL, 'requested', this.#moved('tool', callId));
    const { kept, altered } = this.#content.value(parameters);
    const recorded = this.#record('tool_executing', { callId, toolName, parameters: kept, ...flags(altered) });
    if (!this.hasEnded) {
      machine.send('tool_executing');
      this.#tools.set(callId, { name: toolName, startedAt: this.#clock.monotonic(), machine });
    }
    return recorded;
  }

  /** Harmless when the call was closed already: a run that ended has closed its calls. */
  async toolCompleted(callId: string, outcome: Outcome): Promise<void> {
    const call = this.#tools.get(callId);
    if (call === undefined) return;
    this.#flushOutput();
    this.#tools.delete(callId);
    call.machine.send('tool_completed');
    const durationMs = Math.round(this.#clock.monotonic() - call.startedAt);
    const toolName = call.name;
    await this.#record('tool_completed', { callId, toolName, ...outcome, ...this.#result(outcome), durationMs });
  }

  /**
   * The terminal: closes what is open, then says how it ended.
   *
   * @throws MusterError `CONTRACT_VIOLATION` when the run has its terminal already.
   */
  async finish(ending: Ending): Promise<void> {
    this.#flushOutput();
    for (const callId of this.#tools.keys()) this.toolCompleted(callId, { status: 'abandoned' }).catch(() => {});
    const durationMs = Math.round(this.#clock.monotonic() - this.#startedAt);
    const { finalResponse, usage, ...rest } = ending;
    const response = finalResponse === undefined ? undefined : this.#content.response(finalResponse);
    const used = usage === undefined ? undefined : this.#content.value(usage);
    const { altered = [], ...result } = this.#result(ending);
    await this.#record('agent_completed', {
      ...rest,
      ...result,
      ...(response === undefined ? {} : { finalResponse: response.kept }),
      ...(used === undefined ? {} : { usage: used.kept as Record<string, unknown> }),
      ...flags([...altered, ...(response?.altered ?? []), ...(used?.altered ?? [])]),
      count: this.#n + 1,
      durationMs,
    });
  }

  #result(given: { readonly result?: unknown }): { result?: unknown; altered?: Alteration[] } {
    if (!('result' in given)) return {};
    const { kept, altered } = this.#content.value(given.result);
    return { result: kept, ...flags(altered) };
  }

  /**
   * Resolves when everything emitted so far is in the log.
   *
   * @throws MusterError `APPEND_FAILED` when some of it is not.
   */
  async drain(): Promise<void> {
    this.#flushOutput();
    if (this.#isFlushing) await new Promise<void>((resolve) => this.#draining.push(resolve));
    if (this.#unwritten !== undefined) throw this.#unwritten.error;
  }

  #flushOutput(): void {
    this.#outputTimer?.cancel();
    this.#outputTimer = undefined;
    const delta = this.#pendingOutput;
    this.#pendingOutput = '';
    // Whoever awaits a later event or drain() learns of a failed append.
    for (let at = 0; at < delta.length; at += PIECE_CHARACTERS)
      this.#write('agent_output', `{"delta":${quoted(delta.slice(at, at + PIECE_CHARACTERS))}}`).catch(() => {});
  }

  #record<N extends AgentEventName>(name: N, data: EventData<N>): Promise<Receipt> {
    return this.#write(name, JSON.stringify(data));
  }

  /** Checks, numbers and writes down one event; resolves when it is in the log. */
  #write(name: AgentEventName, data: string): Promise<Receipt> {
    if (!this.#machine.can(name)) {
      const rejected = Promise.reject(
        agentError('CONTRACT_VIOLATION', { event: name, rule: `the run is ${this.#machine.state}` }),
      );
      // A caller that does not await must not bring the process down.
      rejected.catch(() => {});
      return rejected;
    }
    this.#machine.send(name);
    this.#n += 1;
    const { id, run, agent } = this.#text;
    const n = this.#n;
    const at = this.#clock.now();
    this.#writer.add(`${id}${n}","event":"${name}${run}${n}${agent}${at},"data":${data}}`);
    this.#gathered ??= gather();
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      // What is emitted in this tick leaves together, also where a log asks at once.
      queueMicrotask(this.#flush);
    }
    return this.#gathered.recorded;
  }

  // Functions of the recorder, made once and not for every append: a run can have a hundred of them in a second.

  readonly #flush = (): void => {
    if (this.#gathered !== undefined) {
      this.#emitter.append(this.#take).then(this.#appended, this.#failed);
      return;
    }
    this.#isFlushing = false;
    for (const drained of this.#draining.splice(0)) drained();
  };

  readonly #take = (): EventsJson => {
    const { recorded, resolve, reject } = this.#gathered as Gathered;
    this.#gathered = undefined;
    const written = this.#writer.take();
    const events = this.#unwritten === undefined ? written : joined(this.#unwritten.events, written);
    this.#taken = { recorded, resolve, reject, events };
    return events;
  };

  readonly #appended = ({ top }: { readonly top: number }): void => {
    const taken = this.#taken;
    this.#taken = undefined;
    this.#unwritten = undefined;
    taken?.resolve({ offset: top });
    this.#flush();
  };

  readonly #failed = (cause: unknown): void => {
    // A log that refuses at once has not asked for anything.
    if (this.#taken === undefined) this.#take();
    const { reject, events } = this.#taken as unknown as Taken;
    this.#taken = undefined;
    const error = agentError('APPEND_FAILED', { run: this.run, count: events.count }, cause);
    this.#unwritten = { events, error };
    reject(error);
    this.#flush();
  };

  #moved(machine: 'run' | 'tool', subject: string) {
    return ({ from, event, to }: { from: string; event: string; to: string }): void => {
      if (from !== to) this.#events.emit({ type: 'moved', machine, subject, from, event, to, at: this.#clock.now() });
    };
  }
}

function gather(): Gathered {
  let resolve!: (receipt: Receipt) => void;
  let reject!: (error: unknown) => void;
  const recorded = new Promise<Receipt>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  // A caller that does not await must not bring the process down.
  recorded.catch(() => {});
  return { recorded, resolve, reject };
}

/** The fields of an object behind others. */
function rested(fields: object): string {
  const text = JSON.stringify(fields).slice(1, -1);
  return text === '' ? '' : `,${text}`;
}

/** Says of what is kept how it differs from what was given, when it does. */
function flags(altered: Kept<unknown>['altered']): { altered?: Alteration[] } {
  return altered.length === 0 ? {} : { altered: [...new Set(altered)].sort() };
}

function wholeNumbers({ step, totalSteps }: Steps = {}): { step?: number; totalSteps?: number } {
  const isWhole = (n: number | undefined): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  return { ...(isWhole(step) ? { step } : {}), ...(isWhole(totalSteps) ? { totalSteps } : {}) };
}
