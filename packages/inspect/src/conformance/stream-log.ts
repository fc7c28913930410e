/** What a client has been sent of one stream, checked as it is put together: no hole, no second truth, one epoch. */
import type { AgentEvent, EventsFrame, ServerFrame } from '@muster/contracts';
import { Deviation } from './deviation.ts';

export class StreamLog {
  /** By their offsets. */
  readonly events = new Map<number, AgentEvent>();
  epoch: string | undefined;
  /** The last event that stands in an unbroken row; everything up to it has come, or was had before. */
  top: number;

  /** @param from the offset behind which the row begins. */
  constructor(from = 0) {
    this.top = from;
  }

  /** Of the frames that a connection got. @throws Deviation */
  static of(frames: readonly ServerFrame[], stream: string, from = 0): StreamLog {
    const log = new StreamLog(from);
    for (const frame of frames) if (frame.type === 'events' && frame.stream === stream) log.add(frame);
    return log;
  }

  /** @throws Deviation for a hole, for another event at the same offset, and for another epoch. */
  add({ epoch, offset, events }: EventsFrame): void {
    this.epoch ??= epoch;
    if (epoch !== this.epoch) throw new Deviation(`events of epoch ${this.epoch}`, `some of epoch ${epoch}`);
    if (offset > this.top + 1)
      throw new Deviation(`an events frame from ${this.top + 1} on at most`, `one from ${offset} on`);
    if (offset < 1 || events.length === 0)
      throw new Deviation('events from offset 1 on', `offset ${offset}, ${events.length} events`);
    for (const [index, event] of events.entries()) {
      const known = this.events.get(offset + index);
      if (known !== undefined && known.id !== event.id)
        throw new Deviation(`${known.id} at offset ${offset + index}`, event.id);
      this.events.set(offset + index, event);
    }
    this.top = Math.max(this.top, offset + events.length - 1);
  }

  /** In order. */
  get all(): AgentEvent[] {
    return [...this.events].sort(([a], [b]) => a - b).map(([, event]) => event);
  }

  /** True when every run in it that has begun has ended. */
  hasEnded(runs: number): boolean {
    return this.all.filter(({ event }) => event === 'agent_completed').length >= runs;
  }
}
