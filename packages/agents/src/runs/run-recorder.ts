/**
 * The RUN and TOOL tables in front of the log: no event passes that the contract does not allow, or that does not fit.
 *
 * Numbers and order are given when an event is emitted, so they cannot depend on who awaits what. What is refused is
 * refused at its producer, and told to whoever carries the run: a breach ends it, whatever the producer does.
 */
import { Buffer } from 'node:buffer';
import {
  type AgentEventName,
  type Alteration,
  type Clock,
  type EventData,
  MusterError,
  RUN,
  StateMachine,
  type Timer,
  TOOL,
} from '@muster/contracts';
import type { Content, Kept } from '../content/content.ts';
import { agentError } from '../errors.ts';
import { EventText } from './event-text.ts';
import { Fence } from './fence.ts';
import { isPlain } from './events-writer.ts';
import { Outbox, type Receipt } from './outbox.ts';
import type { RunNews } from './run-news.ts';
import type { UserEmitter } from './user-emitter.ts';

/** How a run ended, but for what the recorder knows itself. */
export type Ending = Omit<EventData<'agent_completed'>, 'count' | 'durationMs' | 'altered'>;
/** How a tool call ended, but for that. */
export type Outcome = Omit<EventData<'tool_completed'>, 'callId' | 'toolName' | 'durationMs' | 'altered'>;

/** Longest time that a streamed piece waits for others, in milliseconds, and the size in characters at which it goes. */
const OUTPUT = { holdMs: 40, characters: 4_096 } as const;
/** A larger piece is parted, since events have a bounded size and nothing of an answer is left out. */
const PIECE_CHARACTERS = 65_536;
/** What one event may have, in bytes: half of what a log takes at once. */
const EVENT_BYTES = 4 * 2 ** 20;
/** A text of fewer characters fits, whatever they are: one is three bytes at the most. */
const CERTAIN_CHARACTERS = Math.floor(EVENT_BYTES / 3);

/** Where a run stands that another process has begun. */
export interface Resumed {
  /** How many events of it are in the log, the first two among them and no tool call open. */
  readonly n: number;
  /** How long ago it was accepted, in milliseconds. */
  readonly elapsedMs: number;
}

/** What a recorder is made of. */
export interface RecorderParts {
  readonly clock: Clock;
  readonly news: RunNews;
  readonly content: Content;
  /** @default the run begins with this recorder */
  readonly resumed?: Resumed | undefined;
}

interface Steps {
  readonly step?: number;
  readonly totalSteps?: number;
}

export class RunRecorder {
  readonly run: string;
  readonly news: RunNews;
  /** Nothing is written once it is closed: what is emitted rejects with `RUN_FENCED`. */
  readonly fence: Fence;
  /** Makes the text of each event. */
  readonly #text: EventText;
  /** True when run and agent have no character above U+007F. */
  readonly #isAscii: boolean;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #content: Content;
  readonly #machine: StateMachine<typeof RUN>;
  /** The event by which the run has stayed in its state: it may come again and again, and most events do. */
  #staying: AgentEventName | undefined;
  readonly #tools = new Map<
    string,
    { readonly name: string; readonly startedAt: number; readonly machine: StateMachine<typeof TOOL> }
  >();
  readonly #startedAt: number;
  #n = 0;
  /** True once the terminal is being made: it passes, and what goes with it, also where nothing else would. */
  #isEnding = false;
  #breached: ((error: MusterError) => void) | undefined;
  /** Why the first event that the log will never have was refused. */
  #refused: MusterError | undefined;
  /** Resolves when the first two events are recorded and that was told; at once where that was before. */
  #accepted: Promise<void> = Promise.resolve();
  #pendingOutput = '';
  #outputTimer: Timer | undefined;

  constructor(run: string, agent: string, emitter: UserEmitter, parts: RecorderParts) {
    const { clock, news, content, resumed } = parts;
    this.run = run;
    this.news = news;
    this.fence = new Fence(run);
    this.#text = new EventText(run, agent);
    this.#isAscii = isPlain(run) && isPlain(agent);
    this.#outbox = new Outbox(emitter, (count, cause) => this.#notAppended(count, cause));
    this.#clock = clock;
    this.#content = content;
    this.#startedAt = clock.monotonic() - (resumed?.elapsedMs ?? 0);
    this.#n = resumed?.n ?? 0;
    const state = resumed === undefined ? 'accepted' : 'running';
    this.#machine = new StateMachine(`run ${run}`, RUN, state, news.moves('run', run));
  }

  get hasEnded(): boolean {
    return this.#machine.state === 'completed';
  }

  /** @param breached told once, of the first event that was refused before the end. */
  onBreach(breached: (error: MusterError) => void): void {
    this.#breached = breached;
  }

  /** The first two events, in one append: a user who is told of a run has something to see. */
  accept(
    message: string,
    reasoning: string,
    about: { readonly queuePosition?: number; readonly parent?: string } = {},
  ): Promise<void> {
    const both = [this.#record('agent_started', { message, ...about }), this.#record('agent_thinking', { reasoning })];
    // That of the second: a receipt tells where an append ends.
    this.#accepted = Promise.all(both).then(([, last]) => this.news.begun((last as Receipt).offset - 1));
    return this.#accepted;
  }

  /**
   * @param step the place among the steps that the agent takes, if it knows; what is no whole number is left out.
   * @throws MusterError `CONTRACT_VIOLATION`, `RUN_OVERFLOW`, `APPEND_FAILED` or `RUN_FENCED`, like everything that is emitted here.
   */
  think(reasoning: string, step?: Steps): Promise<Receipt> {
    this.#flushOutput();
    try {
      const { kept, altered } = this.#content.thought(reasoning);
      const rest =
        step === undefined && altered.length === 0 ? '' : rested({ ...wholeNumbers(step), ...flags(altered) });
      return this.#writeText('agent_thinking', '{"reasoning":', kept, rest);
    } catch (error) {
      return this.refuse('agent_thinking', NO_EVENT, error);
    }
  }

  /**
   * Joins `delta` to what waits; it is recorded after 40 ms, at 4 096 characters, or before any other event. One that is
   * refused is a breach like any other, though nobody waits for it.
   */
  output(delta: string): void {
    if (this.hasEnded) {
      void this.refuse('agent_output', this.#rule);
      return;
    }
    let text: string;
    try {
      text = typeof delta === 'string' ? delta : this.#content.thought(delta).kept;
    } catch (error) {
      void this.refuse('agent_output', NO_EVENT, error);
      return;
    }
    if (text === '') return;
    this.#pendingOutput += text;
    if (this.#pendingOutput.length >= OUTPUT.characters) this.#flushOutput();
    else this.#outputTimer ??= this.#clock.schedule(OUTPUT.holdMs, () => this.#flushOutput());
  }

  toolExecuting(callId: string, toolName: string, parameters: unknown): Promise<Receipt> {
    this.#flushOutput();
    const machine = new StateMachine(`tool call ${callId}`, TOOL, 'requested', this.news.moves('tool', callId));
    const { kept, altered } = this.#content.value(parameters);
    return this.#record('tool_executing', { callId, toolName, parameters: kept, ...flags(altered) }, () => {
      machine.send('tool_executing');
      this.#tools.set(callId, { name: toolName, startedAt: this.#clock.monotonic(), machine });
    });
  }

  /**
   * Harmless when the call was closed already: a run that ended has closed its calls. A call whose end is refused stays
   * open until then.
   */
  async toolCompleted(callId: string, outcome: Outcome): Promise<void> {
    const call = this.#tools.get(callId);
    if (call === undefined) return;
    this.#flushOutput();
    const durationMs = Math.round(this.#clock.monotonic() - call.startedAt);
    const toolName = call.name;
    const data = { callId, toolName, ...outcome, ...this.#result(outcome), durationMs };
    await this.#record('tool_completed', data, () => {
      this.#tools.delete(callId);
      call.machine.send('tool_completed');
    });
    this.news.toolEnded({ callId, tool: toolName, status: outcome.status, durationMs });
  }

  /**
   * The terminal: closes what is open, then says how it ended.
   *
   * @throws MusterError `CONTRACT_VIOLATION` when the run has its terminal already.
   */
  async finish(ending: Ending): Promise<void> {
    this.#isEnding = true;
    this.#flushOutput();
    for (const callId of this.#tools.keys()) this.toolCompleted(callId, { status: 'abandoned' }).catch(() => {});
    const durationMs = Math.round(this.#clock.monotonic() - this.#startedAt);
    const { finalResponse, usage, ...rest } = ending;
    const response = finalResponse === undefined ? undefined : this.#content.response(finalResponse);
    const used = usage === undefined ? undefined : this.#content.value(usage);
    const { altered = [], ...result } = this.#result(ending);
    const whole = {
      ...rest,
      ...result,
      ...(response === undefined ? {} : { finalResponse: response.kept }),
      ...(used === undefined ? {} : { usage: used.kept as Record<string, unknown> }),
      ...flags([...altered, ...(response?.altered ?? []), ...(used?.altered ?? [])]),
      count: this.#n + 1,
      durationMs,
    };
    const data = JSON.stringify(whole);
    const madeAt = this.#clock.monotonic();
    const { offset } = await (isTooLarge(data)
      ? this.#record('agent_completed', { ...rest, ...flags(['cut']), count: whole.count, durationMs })
      : this.#write('agent_completed', data, false));
    const { status, by, code = null } = ending;
    const appendMs = this.#clock.monotonic() - madeAt;
    // Whoever watches hears of its beginning first, also where all of it went into the log at once.
    await this.#accepted;
    this.news.ended({ status, by, code, events: whole.count, offset, durationMs, appendMs });
  }

  #result(given: { readonly result?: unknown }): { result?: unknown; altered?: Alteration[] } {
    if (!('result' in given)) return {};
    const { kept, altered } = this.#content.value(given.result);
    return { result: kept, ...flags(altered) };
  }

  /**
   * Resolves when everything emitted so far is in the log.
   *
   * @throws MusterError `APPEND_FAILED` when some of it is not, or what was told of an event that was refused.
   */
  async drain(): Promise<void> {
    this.#flushOutput();
    const refused = this.#refused;
    await this.#outbox.drain();
    if (refused !== undefined) throw refused;
  }

  /** Rejects with `CONTRACT_VIOLATION`: an event of this name may not be emitted, for the reason that `rule` says. */
  refuse(event: AgentEventName, rule: string, cause?: unknown): Promise<never> {
    return this.#refuse(agentError('CONTRACT_VIOLATION', { event, rule }, cause));
  }

  #flushOutput(): void {
    this.#outputTimer?.cancel();
    this.#outputTimer = undefined;
    const delta = this.#pendingOutput;
    this.#pendingOutput = '';
    // Whoever awaits a later event or drain() learns of a failed append.
    for (let at = 0; at < delta.length; at += PIECE_CHARACTERS)
      this.#writeText('agent_output', '{"delta":', delta.slice(at, at + PIECE_CHARACTERS)).catch(() => {});
  }

  #record<N extends AgentEventName>(name: N, data: EventData<N>, accepted?: () => void): Promise<Receipt> {
    return this.#write(name, JSON.stringify(data), false, accepted);
  }

  /**
   * @param field what stands before the text.
   * @param rest fields behind the text, each with a comma before it.
   */
  #writeText(name: AgentEventName, field: string, text: string, rest = ''): Promise<Receipt> {
    const isAscii = isPlain(text);
    const data = isAscii ? `${field}"${text}"${rest}}` : `${field}${JSON.stringify(text)}${rest}}`;
    return this.#write(name, data, isAscii);
  }

  /**
   * Checks, numbers and writes down one event; resolves when it is in the log.
   *
   * @param isAscii true when `data` certainly has no character above U+007F.
   * @param accepted called when it will be, at once.
   */
  #write(name: AgentEventName, data: string, isAscii: boolean, accepted?: () => void): Promise<Receipt> {
    const fenced = this.fence.error;
    if (fenced !== undefined) return this.#reject(fenced);
    const isMove = name !== this.#staying;
    if (isMove && !this.#machine.can(name)) return this.refuse(name, this.#rule);
    if (isTooLarge(data)) return this.refuse(name, `one event has ${EVENT_BYTES} bytes at the most`);
    if (this.#outbox.isFull && !this.#isEnding) return this.#overflow();
    if (isMove) this.#move(name);
    accepted?.();
    this.#n += 1;
    const json = this.#text.of(name, this.#n, this.#clock.now(), data);
    return this.#outbox.add(json, isAscii && this.#isAscii);
  }

  #move(name: AgentEventName): void {
    const before = this.#machine.state;
    this.#staying = this.#machine.send(name) === before ? name : undefined;
  }

  #overflow(): Promise<never> {
    const { events, bytes } = this.#outbox;
    return this.#refuse(agentError('RUN_OVERFLOW', { run: this.run, events, bytes }));
  }

  #notAppended(count: number, cause: unknown): MusterError {
    const isFenced = cause instanceof MusterError && cause.code === 'RUN_FENCED';
    return isFenced ? this.fence.close() : agentError('APPEND_FAILED', { run: this.run, count }, cause);
  }

  get #rule(): string {
    return `the run is ${this.#machine.state}`;
  }

  #refuse(error: MusterError): Promise<never> {
    this.#tell(error);
    return this.#reject(error);
  }

  #reject(reason: MusterError): Promise<never> {
    this.#refused ??= reason;
    const promise = Promise.reject(reason);
    // A caller that does not await it must not bring the process down.
    promise.catch(() => {});
    return promise;
  }

  /** Tells whoever carries the run; what comes after its end is told to whoever watches the app, once. */
  #tell(error: MusterError): void {
    if (!this.hasEnded) {
      this.#breached?.(error);
      this.#breached = undefined;
    } else this.news.late(error);
  }
}

/** The rule for what JSON cannot be made of, whatever one tries. */
const NO_EVENT = 'no event can be made of what was given';

function isTooLarge(data: string): boolean {
  return data.length > CERTAIN_CHARACTERS && Buffer.byteLength(data) > EVENT_BYTES;
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
