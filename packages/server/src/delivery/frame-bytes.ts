/**
 * The bytes of an `events` frame: made once for each batch, the same for every socket that gets it.
 */
import { Buffer } from 'node:buffer';
import type { Batch } from '@muster/core';

/** Digits of the largest offset, and what stands between it and the events. */
const OFFSET_BYTES = 16 + ',"events":'.length;
/** `}` */
const END = 0x7d;

/** A batch is shown to all sockets of a user in one go, so it is enough to remember the latest. */
let latest: { readonly batch: Batch; readonly frame: Buffer } | undefined;

/** @param head of the batch's stream and epoch, as `frameHead` has made it. */
export function eventsFrame(head: Buffer, batch: Batch): Buffer {
  if (latest?.batch === batch) return latest.frame;
  const { offset, json } = batch;
  const frame = Buffer.allocUnsafe(head.length + OFFSET_BYTES + json.length + 1);
  let end = head.copy(frame);
  end += frame.write(`${offset},"events":`, end, 'latin1');
  end += json.copy(frame, end);
  frame[end] = END;
  latest = { batch, frame: frame.subarray(0, end + 1) };
  return latest.frame;
}

/** The beginning of all `events` frames of one stream and epoch. */
export function frameHead(stream: string, epoch: string): Buffer {
  return Buffer.from(`{"type":"events","stream":${JSON.stringify(stream)},"epoch":${JSON.stringify(epoch)},"offset":`);
}
