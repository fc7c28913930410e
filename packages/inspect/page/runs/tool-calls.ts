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

/** A call and its end belong together by their id, where data is seen; else the oldest open call of a name ends first. */
export function toolCalls(events: readonly RunEventLine[], tools: readonly ToolLine[]): ToolCall[] {
  const calls: { name: string; id: string | null; from: number; to: number | null; status: string | null }[] = [];
  for (const { event, tool, at, data } of events) {
    if (tool === null) continue;
    const id = callIdOf(data);
    if (event === 'tool_executing') calls.push({ name: tool, id, from: at, to: null, status: null });
    if (event !== 'tool_completed') continue;
    const open = calls.find((call) => call.to === null && call.name === tool && (id === null || call.id === id));
    if (open !== undefined) open.to = at;
  }
  const told = new Map(tools.map((line) => [line.callId, line.status]));
  const inOrder = tools.filter(({ name }) => calls.some((call) => call.name === name));
  for (const call of calls) {
    const at = inOrder.findIndex(({ name, callId }) => name === call.name && (call.id === null || call.id === callId));
    call.status = call.id === null ? (inOrder[at]?.status ?? null) : (told.get(call.id) ?? null);
    if (at >= 0) inOrder.splice(at, 1);
  }
  return calls.map(({ name, from, to, status }) => ({ name, from, to, status }));
}

function callIdOf(data: string | null): string | null {
  if (data === null) return null;
  try {
    const { callId } = JSON.parse(data) as { callId?: unknown };
    return typeof callId === 'string' ? callId : null;
  } catch {
    return null; // cut off
  }
}
