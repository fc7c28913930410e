/**
 * `@agent`: the author writes `run(input, ctx)`, and every event that a user must see arises by itself.
 */
import { callSite, type Class, declareClass, type DependencyEntry, type Fits } from '@muster/core';
import type { ThreadMessage } from '@muster/contracts';
import type { Tool } from '../tools/define-tool.ts';

export interface RunInput {
  /** What the user wrote. */
  readonly text: string;
  readonly thread: string;
  /** The thread's messages before this one. */
  readonly history: readonly ThreadMessage[];
}

/** What a run ends with; `finalResponse` is what the user reads. */
export interface RunResult {
  readonly finalResponse?: string;
  readonly result?: unknown;
  readonly usage?: Readonly<Record<string, unknown>>;
}

export interface AgentContext {
  /** Aborted when the run is cancelled, interrupted or out of time. */
  readonly signal: AbortSignal;
  readonly run: string;
  readonly user: string;
  /** Shows a thought; resolves when it is in the log. */
  think(reasoning: string, step?: { readonly step: number; readonly totalSteps?: number }): Promise<void>;
  /**
   * Calls a tool; `tool_executing` and `tool_completed` are emitted around it.
   *
   * @throws MusterError `TOOL_INPUT_INVALID`, `TOOL_TIMEOUT`, or `TOOL_FAILED` with what the tool threw as its cause.
   */
  tool<I, R>(tool: Tool<I, R>, input: I): Promise<R>;
  /**
   * Asks another agent of the app for help: a run of its own in the same thread, whose events the user sees as well. It
   * shares the turn of this run and ends with it.
   *
   * @throws MusterError `AGENT_UNKNOWN`, `AGENTS_TOO_DEEP`, or `SUBAGENT_FAILED` when it did not end well.
   */
  delegate(agent: string, text: string): Promise<RunResult>;
  /** Streams a piece of the answer; pieces are joined for up to 40 ms. */
  output(delta: string): void;
  /**
   * Resolves when everything emitted so far is in the log, whether it was awaited or not.
   *
   * @throws MusterError `APPEND_FAILED` when some of it is not yet, or why something was refused: `CONTRACT_VIOLATION`, `RUN_OVERFLOW`, `RUN_FENCED`.
   */
  drain(): Promise<void>;
}

/** One instance serves one run: the class is scoped to it, and disposed of after its end. */
export interface Agent {
  run(input: RunInput, ctx: AgentContext): RunResult | Promise<RunResult>;
}

/**
 * What becomes of a run whose user has no connection any more: it goes on, or is cancelled when they have not come back
 * for so long, in milliseconds; 0 cancels it at once.
 */
export type OnDisconnect = 'continue' | { readonly cancelAfterMs: number };

/**
 * What becomes of a run whose process has died, where another can take it over: it ends as interrupted, or the agent does it
 * again from the beginning in the same run, behind what the user has seen of it already.
 */
export type OnTakeover = 'interrupt' | 'restart';

/** What `@agent` says of a class. */
export interface AgentTag {
  readonly agent: string;
  readonly description: string;
  readonly tools: readonly Tool[];
  readonly onDisconnect: OnDisconnect;
  readonly onTakeover: OnTakeover;
}

export function agent<const D extends readonly DependencyEntry[] = []>(options: {
  /** By which requests ask for it; unique in the app. */
  readonly name: string;
  readonly description: string;
  readonly dependsOn?: D;
  readonly tools?: readonly Tool[];
  /**
   * For runs that a user has asked for; one that helps another ends with that. Of a requester that does not know who is
   * connected every run goes on.
   *
   * @default 'continue': what it did is there when the user comes back
   */
  readonly onDisconnect?: OnDisconnect;
  /**
   * Say `restart` only of an agent that may do again what it has done: its tools are called anew. It is done three times at
   * the most; a run that helps another, that is to be cancelled, or of an agent that the new process does not have is
   * interrupted all the same.
   *
   * @default 'interrupt'
   */
  readonly onTakeover?: OnTakeover;
}): <C extends Class<Agent>>(target: C, context?: ClassDecoratorContext) => Fits<ConstructorParameters<C>, D> {
  const declaredAt = callSite(agent);
  return (target) => {
    const { name, description, tools = [], onDisconnect = 'continue', onTakeover = 'interrupt' } = options;
    const tag: AgentTag = { agent: name, description, tools, onDisconnect, onTakeover };
    declareClass(target, { kind: 'scoped', scope: 'run', options: {}, tag }, options.dependsOn ?? [], declaredAt);
    return undefined as never;
  };
}
