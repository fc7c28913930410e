/**
 * The events of one run as those of AG-UI: whole messages and paired tool calls, from the first event or from the middle.
 */
import type { AgentEvent, EventData } from '@muster/contracts';
import type { AgUiEvent, AgUiUsage } from './ag-ui-event.ts';

/**
 * The events of one run, which may stand among those of others; ends after the run's terminal.
 *
 * @param thread of the run.
 * @param run its id. @default that of the first event
 */
export async function* toAgUi(
  thread: string,
  events: AsyncIterable<AgentEvent>,
  run?: string,
): AsyncGenerator<AgUiEvent, void> {
  let bridge: AgUiRun | undefined;
  for await (const event of events) {
    bridge ??= new AgUiRun(thread, run ?? event.run);
    yield* bridge.next(event);
    if (bridge.isOver) return;
  }
}

export class AgUiRun {
  readonly #thread: string;
  readonly #run: string;
  /** Tool calls that have been shown and have no result. */
  readonly #calls = new Set<string>();
  #state: 'new' | 'running' | 'over' = 'new';
  /** The text message that is open. */
  #message: string | undefined;
  #hasText = false;

  constructor(thread: string, run: string) {
    this.#thread = thread;
    this.#run = run;
  }

  /** True when the terminal has come: nothing follows. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** What an event becomes; nothing for one of another run, or after the end. */
  next(event: AgentEvent): readonly AgUiEvent[] {
    if (event.run !== this.#run || this.isOver) return [];
    const timestamp = event.at;
    const made: AgUiEvent[] = [];
    if (this.#state === 'new') {
      this.#state = 'running';
      const parent = event.event === 'agent_started' ? event.data.parent : undefined;
      made.push({
        type: 'RUN_STARTED',
        threadId: this.#thread,
        runId: this.#run,
        ...(parent === undefined ? {} : { parentRunId: parent }),
        timestamp,
      });
    }
    if (event.event !== 'agent_output') this.#closeText(made, timestamp);
    switch (event.event) {
      case 'agent_started':
        break;
      case 'agent_thinking':
        made.push(...reasoning(event.id, event.data.reasoning, timestamp));
        break;
      case 'agent_output':
        this.#text(made, event.id, event.data.delta, timestamp);
        break;
      case 'tool_executing':
        this.#call(made, event.data, timestamp);
        break;
      case 'tool_completed':
        this.#result(made, event.id, event.data, timestamp);
        break;
      case 'agent_completed':
        this.#end(made, event.id, event.data, timestamp);
    }
    return made;
  }

  #text(made: AgUiEvent[], id: string, delta: string, timestamp: number): void {
    if (delta === '') return;
    this.#hasText = true;
    if (this.#message === undefined) {
      this.#message = id;
      made.push({ type: 'TEXT_MESSAGE_START', messageId: id, role: 'assistant', timestamp });
    }
    made.push({ type: 'TEXT_MESSAGE_CONTENT', messageId: this.#message, delta, timestamp });
  }

  #closeText(made: AgUiEvent[], timestamp: number): void {
    if (this.#message === undefined) return;
    made.push({ type: 'TEXT_MESSAGE_END', messageId: this.#message, timestamp });
    this.#message = undefined;
  }

  #call(made: AgUiEvent[], { callId, toolName, parameters }: EventData<'tool_executing'>, timestamp: number): void {
    this.#calls.add(callId);
    made.push(
      { type: 'TOOL_CALL_START', toolCallId: callId, toolCallName: toolName, timestamp },
      { type: 'TOOL_CALL_ARGS', toolCallId: callId, delta: JSON.stringify(parameters ?? {}), timestamp },
      { type: 'TOOL_CALL_END', toolCallId: callId, timestamp },
    );
  }

  #result(made: AgUiEvent[], id: string, data: EventData<'tool_completed'>, timestamp: number): void {
    const { callId, toolName } = data;
    // Who came in the middle has not seen it begin.
    if (!this.#calls.has(callId)) this.#call(made, { callId, toolName, parameters: {} }, timestamp);
    this.#calls.delete(callId);
    made.push({
      type: 'TOOL_CALL_RESULT',
      toolCallId: callId,
      messageId: id,
      content: contentOf(data),
      role: 'tool',
      timestamp,
    });
  }

  #end(made: AgUiEvent[], id: string, data: EventData<'agent_completed'>, timestamp: number): void {
    const { status, finalResponse, result, error, code, usage } = data;
    // An agent that did not stream says everything here.
    if (!this.#hasText && finalResponse !== undefined) {
      this.#text(made, id, finalResponse, timestamp);
      this.#closeText(made, timestamp);
    }
    this.#state = 'over';
    if (status === 'failed' || status === 'interrupted') {
      const message = error?.message ?? status;
      made.push({ type: 'RUN_ERROR', message, ...(code === undefined ? {} : { code }), timestamp });
      return;
    }
    made.push({
      type: 'RUN_FINISHED',
      threadId: this.#thread,
      runId: this.#run,
      outcome: { type: status },
      ...(result === undefined ? {} : { result }),
      ...(usage === undefined ? {} : { usage: [usageOf(usage)] }),
      timestamp,
    });
  }
}

function reasoning(messageId: string, delta: string, timestamp: number): AgUiEvent[] {
  if (delta === '') return [];
  return [
    { type: 'REASONING_START', messageId, timestamp },
    { type: 'REASONING_MESSAGE_START', messageId, role: 'reasoning', timestamp },
    { type: 'REASONING_MESSAGE_CONTENT', messageId, delta, timestamp },
    { type: 'REASONING_MESSAGE_END', messageId, timestamp },
    { type: 'REASONING_END', messageId, timestamp },
  ];
}

function contentOf({ status, result, error }: EventData<'tool_completed'>): string {
  if (status !== 'ok') return error?.message ?? status;
  return typeof result === 'string' ? result : JSON.stringify(result ?? null);
}

/** The counts that AG-UI knows, where they are counts. */
function usageOf(usage: Readonly<Record<string, unknown>>): AgUiUsage {
  const known = ['inputTokens', 'outputTokens', 'totalTokens'].filter(
    (name) => Number.isSafeInteger(usage[name]) && (usage[name] as number) >= 0,
  );
  return Object.fromEntries(known.map((name) => [name, usage[name]]));
}
