/**
 * `defineTool()`: something an agent can call, with an input that is validated before the tool sees it.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { agentError } from '../errors.ts';

/** What a tool is told beside its input. It never sees a socket. */
export interface ToolContext {
  /** Aborted when the tool's time is over or the run ends. */
  readonly signal: AbortSignal;
  readonly run: string;
  readonly user: string;
}

export interface ToolDefinition<S extends StandardSchemaV1, R> {
  /** Shown to users in `tool_executing`. */
  readonly name: string;
  /** What it does, for people and for models. */
  readonly description: string;
  /** Any Standard Schema: valibot, zod, arktype. */
  readonly input: S;
  /** Time for one call, in milliseconds. @default 30_000 */
  readonly timeoutMs?: number;
  run(input: StandardSchemaV1.InferOutput<S>, ctx: ToolContext): R | Promise<R>;
}

/** A tool that was defined. `I` is what `ctx.tool` takes, `R` what it resolves to. */
export interface Tool<I = any, R = unknown> {
  readonly name: string;
  readonly description: string;
  readonly timeoutMs: number;
  /** @throws MusterError `TOOL_INPUT_INVALID` before the tool is called. */
  call(input: I, ctx: ToolContext): Promise<R>;
}

export const TOOL_DEFAULTS = { timeoutMs: 30_000 } as const;

export function defineTool<S extends StandardSchemaV1, R>(
  definition: ToolDefinition<S, R>,
): Tool<StandardSchemaV1.InferInput<S>, R> {
  const { name, description, input: schema, timeoutMs = TOOL_DEFAULTS.timeoutMs } = definition;
  return {
    name,
    description,
    timeoutMs,
    async call(input, ctx) {
      const checked = await schema['~standard'].validate(input);
      if (checked.issues) {
        throw agentError('TOOL_INPUT_INVALID', { tool: name, problems: checked.issues.map((issue) => issue.message) });
      }
      return await definition.run(checked.value, ctx);
    },
  };
}
