/**
 * `defineTool()`: something an agent can call, with an input that is validated before the tool sees it.
 */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { agentError } from '../errors.ts';

/** What a tool is told beside its input. It never sees a socket. */
export interface ToolContext {
  /** Aborted when the tool's time is over or the run ends. */
  readonly signal: AbortSignal;
  readonly run: string;
  readonly user: string;
}

/** A JSON Schema of the draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ToolDefinition<S extends StandardSchemaV1, R> {
  /** Shown to users in `tool_executing`. */
  readonly name: string;
  /** What it does, for people and for models. */
  readonly description: string;
  /** Any Standard Schema: valibot, zod, arktype. */
  readonly input: S;
  /** The JSON Schema of the input, for models. @default what the schema says of itself, where it can */
  readonly inputSchema?: JsonSchema;
  /** Time for one call, in milliseconds. @default 30_000 */
  readonly timeoutMs?: number;
  run(input: StandardSchemaV1.InferOutput<S>, ctx: ToolContext): R | Promise<R>;
}

/** A tool that was defined. `I` is what `ctx.tool` takes, `R` what it resolves to. */
export interface Tool<I = any, R = unknown> {
  readonly name: string;
  readonly description: string;
  readonly timeoutMs: number;
  /**
   * The JSON Schema of the input, made when it is first asked for.
   *
   * @throws MusterError `TOOL_SCHEMA_UNKNOWN` when the schema cannot say it and the definition does not.
   */
  readonly inputSchema: JsonSchema;
  /** @throws MusterError `TOOL_INPUT_INVALID` before the tool is called. */
  call(input: I, ctx: ToolContext): Promise<R>;
}

export const TOOL_DEFAULTS = { timeoutMs: 30_000 } as const;

export function defineTool<S extends StandardSchemaV1, R>(
  definition: ToolDefinition<S, R>,
): Tool<StandardSchemaV1.InferInput<S>, R> {
  const { name, description, input: schema, timeoutMs = TOOL_DEFAULTS.timeoutMs } = definition;
  let { inputSchema } = definition;
  const tool: Tool<StandardSchemaV1.InferInput<S>, R> = {
    name,
    description,
    timeoutMs,
    get inputSchema() {
      inputSchema ??= jsonSchemaOf(name, schema);
      return inputSchema;
    },
    async call(input, ctx) {
      const checked = await schema['~standard'].validate(input);
      if (checked.issues) {
        throw agentError('TOOL_INPUT_INVALID', { tool: name, problems: checked.issues.map((issue) => issue.message) });
      }
      return await definition.run(checked.value, ctx);
    },
  };
  defined.add(tool);
  return tool;
}

const defined = new WeakSet<object>();

/** True for what `defineTool()` has made: it has a name, a time limit, and checks its input. */
export function isTool(tool: unknown): tool is Tool {
  return typeof tool === 'object' && tool !== null && defined.has(tool);
}

/** Standard Schema leaves it to the libraries whether they can describe themselves; zod does, and valibot with its helper. */
function jsonSchemaOf(tool: string, schema: StandardSchemaV1): JsonSchema {
  const { jsonSchema, vendor } = schema['~standard'] as StandardSchemaV1.Props &
    Partial<StandardJSONSchemaV1.Props> & { readonly vendor: string };
  try {
    if (jsonSchema !== undefined) return jsonSchema.input({ target: 'draft-2020-12' });
  } catch (error) {
    throw agentError('TOOL_SCHEMA_UNKNOWN', { tool, vendor }, error);
  }
  throw agentError('TOOL_SCHEMA_UNKNOWN', { tool, vendor });
}
