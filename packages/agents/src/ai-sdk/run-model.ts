/**
 * Drives a run with a model of the AI SDK: its texts become streamed output, its reasoning thoughts, its tool calls those
 * of the run, and its usage that of the terminal.
 */
import type { ThreadMessage } from '@muster/contracts';
import { jsonSchema, type LanguageModel, type ModelMessage, stepCountIs, streamText, tool as modelTool } from 'ai';
import type { AgentContext, RunInput, RunResult } from '../agents/agent.ts';
import type { Tool } from '../tools/define-tool.ts';
import { aiSdkError } from './errors.ts';

export interface ModelOptions {
  /** A model of any provider of the AI SDK. */
  readonly model: LanguageModel;
  /** What the model is told before the conversation. */
  readonly system?: string;
  /** What it may call; each needs a JSON Schema of its input. */
  readonly tools?: readonly Tool[];
  /** Most calls of the model in one run: each answer to tool calls is one more. @default 8 */
  readonly maxSteps?: number;
  /** How often a call that failed is tried again by the SDK before anything came of it. @default 2 */
  readonly maxRetries?: number;
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
}

export const MODEL_DEFAULTS = { maxSteps: 8, maxRetries: 2 } as const;

/** Between what a model says before a tool call and what it says after it. */
const PAUSE = '\n\n';

/**
 * For `run()` of an agent: `return runModel(input, ctx, { model, tools: [search] })`.
 *
 * @throws MusterError `MODEL_FAILED` with the cause, `MODEL_REFUSED`, or `MODEL_OUT_OF_STEPS`.
 */
export async function runModel(input: RunInput, ctx: AgentContext, options: ModelOptions): Promise<RunResult> {
  const { model, system, tools = [], temperature, maxOutputTokens } = options;
  const { maxSteps, maxRetries } = { ...MODEL_DEFAULTS, ...options };
  const name = typeof model === 'string' ? model : model.modelId;
  const turns = new Turns(ctx.signal);
  const stream = streamText({
    model,
    messages: messagesOf(input),
    tools: Object.fromEntries(tools.map((tool) => [tool.name, toolFor(tool, ctx, turns)])),
    stopWhen: stepCountIs(maxSteps),
    maxRetries,
    abortSignal: ctx.signal,
    // It comes in the stream as well; by itself the SDK would write it to the console.
    onError: () => {},
    ...(system === undefined ? {} : { system }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  });
  const spoken = new Spoken(ctx);
  for await (const part of stream.fullStream) {
    switch (part.type) {
      case 'start-step':
        spoken.step();
        break;
      case 'text-delta':
        spoken.text(part.text);
        break;
      case 'tool-call':
        turns.come(part.toolCallId);
        break;
      case 'reasoning-delta':
        spoken.reasoning(part.id, part.text);
        break;
      case 'reasoning-end':
        spoken.reasoned(part.id);
        break;
      case 'error':
        ctx.signal.throwIfAborted();
        throw aiSdkError('MODEL_FAILED', { model: name }, part.error);
      case 'finish': {
        const { finishReason, totalUsage } = part;
        if (finishReason === 'tool-calls') throw aiSdkError('MODEL_OUT_OF_STEPS', { model: name, steps: maxSteps });
        if (finishReason === 'content-filter') throw aiSdkError('MODEL_REFUSED', { model: name, reason: finishReason });
        if (finishReason === 'error') throw aiSdkError('MODEL_FAILED', { model: name });
        const { inputTokens = 0, outputTokens = 0, totalTokens = inputTokens + outputTokens } = totalUsage;
        return {
          finalResponse: spoken.whole,
          result: { model: name, finishReason },
          usage: { inputTokens, outputTokens, totalTokens },
        };
      }
      default:
    }
  }
  // The SDK ends its stream where the run was told to end.
  ctx.signal.throwIfAborted();
  throw aiSdkError('MODEL_FAILED', { model: name });
}

/** What the model says, as it goes out and as a whole: both are the same text. */
class Spoken {
  readonly #ctx: AgentContext;
  readonly #reasoning = new Map<string, string>();
  #whole = '';
  #isPausing = false;

  constructor(ctx: AgentContext) {
    this.#ctx = ctx;
  }

  get whole(): string {
    return this.#whole;
  }

  step(): void {
    this.#isPausing = this.#whole !== '';
  }

  text(delta: string): void {
    if (delta === '') return;
    const said = this.#isPausing ? `${PAUSE}${delta}` : delta;
    this.#isPausing = false;
    this.#whole += said;
    this.#ctx.output(said);
  }

  reasoning(id: string, delta: string): void {
    this.#reasoning.set(id, (this.#reasoning.get(id) ?? '') + delta);
  }

  reasoned(id: string): void {
    const thought = this.#reasoning.get(id) ?? '';
    this.#reasoning.delete(id);
    if (thought.trim() !== '') void this.#ctx.think(thought);
  }
}

/**
 * The SDK calls a tool while what the model said before it may still be on its way to us: a call waits until its own part
 * of the stream has come, so that its events stand where the model has made it.
 */
class Turns {
  readonly #signal: AbortSignal;
  readonly #come = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  come(call: string): void {
    this.#come.add(call);
    this.#waiting.get(call)?.();
  }

  async of(call: string): Promise<void> {
    if (this.#come.has(call)) return;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(this.#signal.reason as Error);
      this.#waiting.set(call, () => {
        this.#signal.removeEventListener('abort', abort);
        resolve();
      });
      if (this.#signal.aborted) abort();
      else this.#signal.addEventListener('abort', abort, { once: true });
    });
  }
}

/** What was asked and answered before, as far as it ended well, and the question. */
function messagesOf({ history, text }: RunInput): ModelMessage[] {
  const told = history
    .filter(({ status }) => status === 'success')
    .map(({ role, content }: ThreadMessage): ModelMessage => ({ role, content }));
  return [...told, { role: 'user', content: text }];
}

/** A call goes through the run, so its events, its time limit and its checks are those of every tool. */
function toolFor(tool: Tool, ctx: AgentContext, turns: Turns) {
  return modelTool({
    description: tool.description,
    inputSchema: jsonSchema(tool.inputSchema),
    // What it throws is shown to the model in the words of our catalogue, which say nothing secret.
    execute: async (given: unknown, { toolCallId }) => {
      await turns.of(toolCallId);
      return (await ctx.tool(tool, given)) ?? null;
    },
  });
}
