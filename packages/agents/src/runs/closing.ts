/**
 * The events that make a run whole of which its owner has gone: an end for each tool call that is open, then what comes next.
 */
import type { AgentEvent } from '@muster/contracts';
import { agentError } from '../errors.ts';
import type { RunRecord } from './run-records.ts';

type Envelope = Pick<AgentEvent, 'id' | 'run' | 'n' | 'agent' | 'at'>;

/** Ends all open calls as abandoned, then the run as interrupted by the reaper. */
export function closingOf(events: readonly AgentEvent[], record: RunRecord, now: number): AgentEvent[] {
  const { abandoned, next } = abandonedOf(events, record, now);
  const { code, message } = agentError('RUN_INTERRUPTED', {});
  const envelope = next();
  const data = {
    status: 'interrupted' as const,
    by: 'reaper' as const,
    code,
    retryable: true,
    error: { code, message },
    count: envelope.n,
    durationMs: Math.max(0, now - record.at),
  };
  return [...abandoned, { ...envelope, event: 'agent_completed', data }];
}

/** Ends all open calls as abandoned, and says that the agent begins anew. */
export function resumingOf(events: readonly AgentEvent[], record: RunRecord, now: number): AgentEvent[] {
  const { abandoned, next } = abandonedOf(events, record, now);
  const data = { reasoning: `${record.agent} begins again, because the process that carried the run has gone` };
  return [...abandoned, { ...next(), event: 'agent_thinking', data }];
}

function abandonedOf(
  events: readonly AgentEvent[],
  { run, agent }: RunRecord,
  now: number,
): { readonly abandoned: AgentEvent[]; readonly next: () => Envelope } {
  const open = new Map<string, { toolName: string; at: number }>();
  for (const { event, data, at } of events) {
    if (event === 'tool_executing') open.set(data.callId, { toolName: data.toolName, at });
    if (event === 'tool_completed') open.delete(data.callId);
  }
  let n = events.at(-1)?.n ?? 0;
  const next = (): Envelope => {
    n += 1;
    return { id: `${run}:${n}`, run, n, agent, at: now };
  };
  const abandoned = [...open].map(([callId, { toolName, at }]): AgentEvent => {
    const data = { callId, toolName, status: 'abandoned' as const, durationMs: Math.max(0, now - at) };
    return { ...next(), event: 'tool_completed', data };
  });
  return { abandoned, next };
}
