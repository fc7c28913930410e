/**
 * The events that make a run whole of which its owner has gone: its first ones where there are none, an end for each tool
 * call that is open, then what comes next.
 */
import type { AgentEvent } from '@muster/contracts';
import { agentError } from '../errors.ts';
import type { RunRecord } from './run-records.ts';

type Envelope = Pick<AgentEvent, 'id' | 'run' | 'n' | 'agent' | 'at'>;

/** Ends all open calls as abandoned, then the run as interrupted by the reaper; one that has not begun begins before that. */
export function closingOf(events: readonly AgentEvent[], record: RunRecord, now: number): AgentEvent[] {
  const begun = events.length === 0 ? beginningOf(record, now) : [];
  const { abandoned, next } = abandonedOf([...events, ...begun], record, now);
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
  return [...begun, ...abandoned, { ...envelope, event: 'agent_completed', data }];
}

/** The first events of a run, in place of the process that has accepted it and has not come to write them. */
export function beginningOf({ run, agent, text = '', parent }: RunRecord, at: number): AgentEvent[] {
  const envelope = (n: number): Envelope => ({ id: `${run}:${n}`, run, n, agent, at });
  const started = { message: text, ...(parent === null ? {} : { parent }) };
  const reasoning = `${agent} takes up the question, in place of a process that has gone`;
  return [
    { ...envelope(1), event: 'agent_started', data: started },
    { ...envelope(2), event: 'agent_thinking', data: { reasoning } },
  ];
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
