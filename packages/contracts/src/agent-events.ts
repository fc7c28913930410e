/**
 * What an agent's user sees: the five events that every run is made of, and the streamed output between them.
 *
 * `n` counts the events of a run from 1 without holes; `id` is `<run>:<n>` and so names an event for ever.
 */
import * as v from 'valibot';

/** How a tool call ended. */
export const ToolStatus = v.picklist(['ok', 'error', 'timeout', 'cancelled', 'abandoned']);
export type ToolStatus = v.InferOutput<typeof ToolStatus>;

/** How a run ended. */
export const RunStatus = v.picklist(['success', 'failed', 'cancelled', 'interrupted']);
export type RunStatus = v.InferOutput<typeof RunStatus>;

/** Who ended a run. */
export const EndedBy = v.picklist(['agent', 'user', 'supervisor', 'reaper']);
export type EndedBy = v.InferOutput<typeof EndedBy>;

/** An error as a user may see it: no stack, no path, no secret. */
export const UserError = v.object({ code: v.string(), message: v.string() });
export type UserError = v.InferOutput<typeof UserError>;

/** How what is kept of a value differs from it: no JSON before, beyond a size, or a secret in it. */
export const Alteration = v.picklist(['converted', 'cut', 'redacted']);
export type Alteration = v.InferOutput<typeof Alteration>;

const altered = v.optional(v.array(Alteration));
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

/**
 * The `data` of each event, by its name. `queuePosition` is there when the run has to wait for its turn, `parent` when
 * another run has asked for it. `durationMs` is in milliseconds; `altered` says what differs from what was produced.
 */
export const EVENT_DATA = {
  agent_started: v.object({ message: v.string(), queuePosition: v.optional(whole), parent: v.optional(v.string()) }),
  agent_thinking: v.object({ reasoning: v.string(), step: v.optional(whole), totalSteps: v.optional(whole), altered }),
  agent_output: v.object({ delta: v.string() }),
  tool_executing: v.object({ callId: v.string(), toolName: v.string(), parameters: v.unknown(), altered }),
  tool_completed: v.object({
    callId: v.string(),
    toolName: v.string(),
    status: ToolStatus,
    result: v.optional(v.unknown()),
    error: v.optional(UserError),
    durationMs: v.pipe(v.number(), v.minValue(0)),
    altered,
  }),
  agent_completed: v.object({
    status: RunStatus,
    by: EndedBy,
    count: whole,
    code: v.optional(v.string()),
    retryable: v.optional(v.boolean()),
    finalResponse: v.optional(v.string()),
    result: v.optional(v.unknown()),
    error: v.optional(UserError),
    durationMs: v.pipe(v.number(), v.minValue(0)),
    usage: v.optional(v.record(v.string(), v.unknown())),
    altered,
  }),
} as const;

/** Name of an event. */
export type AgentEventName = keyof typeof EVENT_DATA;

/** The `data` that belongs to an event's name. */
export type EventData<N extends AgentEventName> = v.InferOutput<(typeof EVENT_DATA)[N]>;

const envelope = {
  id: v.string(),
  run: v.string(),
  n: v.pipe(v.number(), v.integer(), v.minValue(1)),
  agent: v.string(),
  at: v.number(),
};

function eventOf<N extends AgentEventName>(event: N) {
  return v.object({ ...envelope, event: v.literal(event), data: EVENT_DATA[event] });
}

/** One event as it stands in the log and travels in an `events` frame. `at` is in milliseconds since 1970. */
export const AgentEvent = v.variant('event', [
  eventOf('agent_started'),
  eventOf('agent_thinking'),
  eventOf('agent_output'),
  eventOf('tool_executing'),
  eventOf('tool_completed'),
  eventOf('agent_completed'),
]);
export type AgentEvent = v.InferOutput<typeof AgentEvent>;
