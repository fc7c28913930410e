/**
 * The bytes of an `events` frame: made once for each batch, the same for every socket that gets it.
 */
import type { Batch } from '@muster/core';

const made = new WeakMap<Batch, Buffer>();
const END = Buffer.from('}');

/** @param stream the thread, which is the same for everybody who may see this batch. */
export function eventsFrame(stream: string, batch: Batch): Buffer {
  const known = made.get(batch);
  if (known !== undefined) return known;
  const head = `{"type":"events","stream":${JSON.stringify(stream)},"epoch":"${batch.epoch}","offset":${batch.offset},"events":`;
  const bytes = Buffer.concat([Buffer.from(head), batch.json, END]);
  made.set(batch, bytes);
  return bytes;
}

const TERMINAL = '"event":"agent_completed"';

/** True for a batch with the end of a run; a quotation of one has its quotes escaped and is no match. */
export function hasTerminal(batch: Batch): boolean {
  return batch.json.includes(TERMINAL);
}
