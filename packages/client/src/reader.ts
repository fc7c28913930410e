/** Where a consumer of a stream stands. It takes what comes next and nothing else, so it sees every event once and in order. */
import type { AgentEvent, MusterError, Position } from '@muster/contracts';

export interface Reader {
  /** The last event taken; `undefined` until the stream is known. Moved by the stream alone. */
  position: Position | undefined;
  /** Takes the event above its position; false when it has no room, and then the event is offered again later. */
  take(event: AgentEvent, offset: number): boolean;
  /** What it has taken cannot be continued; nothing more is offered. */
  lost(error: MusterError): void;
}
