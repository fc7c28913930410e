/**
 * Agent events in the envelopes of the legacy protocol: snake_case, at the top level and once more in `payload`.
 */
import type { AgentEvent } from '@muster/contracts';

/** An event of a stream, as old front-ends read it; nothing for what they have no envelope for. */
export function legacyEvent(event: AgentEvent, user: string, thread: string): object | undefined {
  const told = fieldsOf(event);
  if (told === undefined) return undefined;
  const { type, ...own } = told;
  const fields = {
    user_id: user,
    thread_id: thread,
    run_id: event.run,
    agent_name: event.agent,
    event_id: event.id,
    timestamp: event.at,
    ...own,
  };
  return { type, ...fields, payload: fields };
}

function fieldsOf(event: AgentEvent): ({ readonly type: string } & Record<string, unknown>) | undefined {
  switch (event.event) {
    case 'agent_started':
      return { type: 'agent_started', message: event.data.message, status: 'started' };
    case 'agent_thinking': {
      const { reasoning } = event.data;
      return { type: 'agent_thinking', reasoning, thought: reasoning, status: 'thinking' };
    }
    case 'tool_executing':
      return {
        type: 'tool_executing',
        tool_name: event.data.toolName,
        parameters: event.data.parameters,
        status: 'executing',
      };
    case 'tool_completed': {
      const { toolName, status, result, error, durationMs } = event.data;
      const shared = { tool_name: toolName, result, results: result, duration_ms: durationMs, status };
      return { type: 'tool_completed', ...shared, success: status === 'ok', error: error?.message };
    }
    case 'agent_completed':
      return terminal(event.data);
    case 'agent_output':
      // The old protocol has no streamed answers: the whole stands in `final_response`.
      return undefined;
  }
}

function terminal(
  data: Extract<AgentEvent, { event: 'agent_completed' }>['data'],
): { readonly type: string } & Record<string, unknown> {
  const { status, finalResponse, result, durationMs, error, code, retryable } = data;
  if (status === 'success') {
    const shared = { final_response: finalResponse, result, results: result, duration_ms: durationMs };
    return { type: 'agent_completed', ...shared, status: 'completed', success: true };
  }
  return {
    type: 'agent_error',
    error_message: error?.message ?? `The run was ${status}.`,
    error_code: code ?? status.toUpperCase(),
    recoverable: retryable ?? false,
    error: error?.message ?? status,
    duration_ms: durationMs,
    status,
    success: false,
  };
}
