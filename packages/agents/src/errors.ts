/** The error catalogue of `@muster/agents`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const AGENT_ERRORS = {
  AGENT_UNKNOWN: {
    message: (d) => `There is no agent "${d.agent}"; there are: ${d.known.join(', ')}.`,
    hint: 'Name one of the agents listed, or none for the first of them.',
    fatal: true,
  } satisfies ErrorEntry<{ agent: string; known: readonly string[] }>,
  AGENT_DUPLICATE: {
    message: (d) => `Two agents are named "${d.agent}": ${d.classes.join(' and ')}.`,
    hint: 'Give each agent a name of its own in @agent({ name }).',
    fatal: true,
  } satisfies ErrorEntry<{ agent: string; classes: readonly string[] }>,
  AGENT_INCOMPLETE: {
    message: (d) => `The agent ${d.class} has no run() method.`,
    hint: 'Implement Agent: async run(input, ctx).',
    fatal: true,
  } satisfies ErrorEntry<{ class: string }>,
  AGENT_OPTION_INVALID: {
    message: (d) => `The option ${d.option} of the agent ${d.class} is ${d.got}.`,
    hint: 'Give @agent a value that fits; details.expected says which do.',
    fatal: true,
  } satisfies ErrorEntry<{ class: string; option: string; expected: string; got: string }>,
  NO_AGENTS: {
    message: () => 'No agent is registered.',
    hint: 'Add a class with @agent to the services of createApp().',
    fatal: true,
  } satisfies ErrorEntry<Record<never, never>>,
  THREAD_NOT_FOUND: {
    message: (d) => `There is no thread ${d.thread}.`,
    hint: 'List the threads to see which there are.',
    fatal: true,
  } satisfies ErrorEntry<{ thread: string }>,
  RUN_NOT_FOUND: {
    message: (d) => `There is no run ${d.run}.`,
    hint: 'Only a run of your own can be cancelled.',
    fatal: true,
  } satisfies ErrorEntry<{ run: string }>,
  QUEUE_FULL: {
    message: (d) => `${d.waiting} of your runs wait for their turn already.`,
    hint: 'Wait until some of them have ended, and ask again.',
  } satisfies ErrorEntry<{ waiting: number; limit: number; retryAfterMs: number }>,
  SUBAGENT_FAILED: {
    message: (d) => `The agent ${d.agent} that was asked to help ended as ${d.status}.`,
    hint: 'Its own run says why; the agent that asked decides what to do without it.',
  } satisfies ErrorEntry<{ agent: string; run: string; status: string; code: string | null }>,
  AGENTS_TOO_DEEP: {
    message: (d) => `Agents have asked agents for help ${d.depth} times over.`,
    hint: 'Look for two agents that ask each other.',
    fatal: true,
  } satisfies ErrorEntry<{ depth: number; limit: number }>,
  NOT_ACCEPTING: {
    message: () => 'No new runs are accepted: the process is shutting down.',
    hint: 'Send the request again on the next connection.',
  } satisfies ErrorEntry<Record<never, never>>,
  CONTRACT_VIOLATION: {
    message: (d) => `${d.event} is not allowed here: ${d.rule}.`,
    hint: 'Correct the agent: the event was not appended, and it ends the run if that goes on.',
    fatal: true,
  } satisfies ErrorEntry<{ event: string; rule: string }>,
  RUN_OVERFLOW: {
    message: (d) => `${d.events} events with ${d.bytes} bytes of the run wait for the log already.`,
    hint: 'Await ctx.think() and ctx.tool(), and ctx.drain() now and then between ctx.output().',
  } satisfies ErrorEntry<{ run: string; events: number; bytes: number }>,
  APPEND_FAILED: {
    message: (d) => `${d.count} events of run ${d.run} could not be appended.`,
    hint: 'The cause says why; the run cannot go on without its log.',
  } satisfies ErrorEntry<{ run: string; count: number }>,
  RUN_TIMEOUT: {
    message: (d) => `The run did not end within ${d.timeoutMs} ms.`,
    hint: 'Ask for less at once.',
  } satisfies ErrorEntry<{ timeoutMs: number }>,
  RUN_FAILED: {
    message: () => 'The agent failed.',
    hint: 'The cause stands in the log of the server.',
  } satisfies ErrorEntry<Record<never, never>>,
  RUN_CANCELLED: {
    message: (d) => `The run was cancelled${d.reason === null ? '' : `: ${d.reason}`}.`,
    hint: 'Nothing to do.',
  } satisfies ErrorEntry<{ reason: string | null }>,
  RUN_FENCED: {
    message: (d) => `The run ${d.run} is not this process's any more.`,
    hint: 'Nothing to do: whoever has taken it over ends it. Look why this process stood still, or could not reach the store.',
  } satisfies ErrorEntry<{ run: string }>,
  RUN_INTERRUPTED: {
    message: () => 'The run was interrupted, because the process shuts down.',
    hint: 'Ask again.',
  } satisfies ErrorEntry<Record<never, never>>,
  TOOL_INPUT_INVALID: {
    message: (d) => `The input of the tool ${d.tool} does not fit: ${d.problems.join('; ')}.`,
    hint: 'Correct the input that the agent passes to ctx.tool().',
    fatal: true,
  } satisfies ErrorEntry<{ tool: string; problems: readonly string[] }>,
  TOOL_SCHEMA_UNKNOWN: {
    message: (d) => `The schema of the tool ${d.tool}, made with ${d.vendor}, has no JSON Schema.`,
    hint: 'Give defineTool() an inputSchema, or a schema that describes itself: of zod, or of valibot through toStandardJsonSchema().',
    fatal: true,
  } satisfies ErrorEntry<{ tool: string; vendor: string }>,
  TOOL_TIMEOUT: {
    message: (d) => `The tool ${d.tool} did not end within ${d.timeoutMs} ms.`,
    hint: 'Raise timeoutMs of the tool, or make it honour ctx.signal.',
  } satisfies ErrorEntry<{ tool: string; timeoutMs: number }>,
  TOOL_FAILED: {
    message: (d) => `The tool ${d.tool} failed.`,
    hint: 'The cause stands in the log of the server.',
  } satisfies ErrorEntry<{ tool: string }>,
} as const;

/** Makes an error of this catalogue. */
export const agentError = errorsFrom(AGENT_ERRORS);
