/** When each tool of a run was at work, read from its events. */
import type { RunEventLine, ToolLine } from '../../src/live/overview.ts';

export interface ToolCall {
  readonly name: string;
  readonly from: number;
  /** `null` while it goes on. */
  readonly to: number | null;
  /** `null` while it goes on, or when nobody told how it ended. */
  readonly status: string | null;
}

/** A call and its end belong together by their id. */
export function toolCalls(events: readonly RunEventLine[], tools: readonly ToolLine[]): ToolCall[] {
  const status = new Map(tools.map((line) => [line.callId, line.status]));
  const calls = new Map<string, ToolCall>();
  for (const { event, tool: name, callId, at } of events) {
    if (name === null || callId === null) continue;
    if (event === 'tool_executing') calls.set(callId, { name, from: at, to: null, status: null });
    const open = calls.get(callId);
    if (event === 'tool_completed' && open !== undefined)
      calls.set(callId, { ...open, to: at, status: status.get(callId) ?? null });
  }
  return [...calls.values()];
}
