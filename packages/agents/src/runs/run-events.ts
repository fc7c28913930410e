/**
 * Reads what the log has of one run, and nothing of the others in its stream.
 */
import type { AgentEvent, Position } from '@muster/contracts';
import type { EventLog } from '@muster/core';

/** What the log has of a run, and where its stream stood at that moment. */
export interface RunEvents {
  readonly events: AgentEvent[];
  readonly epoch: string;
  readonly top: number;
  /** True when something may have been there that is no longer kept. */
  readonly isCut: boolean;
}

/**
 * @param from where the stream stood before the run's first event.
 * @param enough so many events of it are all that is wanted. @default all
 */
export async function eventsOf(
  log: EventLog,
  stream: string,
  from: Position,
  run: string,
  enough = Number.POSITIVE_INFINITY,
): Promise<RunEvents> {
  const events: AgentEvent[] = [];
  for (let after = from.offset; ;) {
    const { epoch, floor, top, batches } = await log.read(stream, { after });
    for (const batch of batches) {
      const all = JSON.parse(batch.json.toString('utf8')) as AgentEvent[];
      events.push(...all.slice(Math.max(0, after + 1 - batch.offset)).filter((event) => event.run === run));
      after = batch.offset + batch.count - 1;
    }
    if (batches.length === 0 || events.length >= enough)
      return { events, epoch, top: Math.max(top, floor), isCut: floor > from.offset };
  }
}
