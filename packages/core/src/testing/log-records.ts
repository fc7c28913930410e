/** What tests of logs say again and again: an event with a number, and the events of a batch. */
import type { AgentEvent } from '@muster/contracts';
import type { Batch } from '../log/event-log.ts';

/** An event that is told apart by its number. */
export function numberedEvent(n: number, text = `${n}`): AgentEvent {
  return { id: `r:${n}`, event: 'agent_output', run: 'r', n, agent: 'a', at: 0, data: { delta: text } };
}

/** The events of a batch. */
export function eventsIn(batch: Pick<Batch, 'json'>): AgentEvent[] {
  return JSON.parse(batch.json.toString()) as AgentEvent[];
}
