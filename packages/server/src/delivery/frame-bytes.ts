/**
 * The bytes of an `events` frame: made once for each batch, the same for every socket that gets it.
 */
import { Buffer } from 'node:buffer';
import type { Batch } from '@muster/core';
import { MAX_HEADER_BYTES, writeTextHeader } from './text-frame.ts';

/** Digits of the largest offset, and what stands between it and the events. */
const OFFSET_BYTES = 16 + ',"events":'.length;
/** `}` */
const END = 0x7d;

/** An `events` frame as it goes over a socket. */
export interface EventsFrameBytes {
  /** The whole WebSocket frame. */
  readonly wire: Buffer;
  /** Where its JSON begins. */
  readonly jsonAt: number;
}

/** A batch is shown to all sockets of a user in one go, so it is enough to remember the latest. */
let latest: (EventsFrameBytes & { readonly batch: Batch }) | undefined;

/** @param head of the batch's stream and epoch, as `frameHead` has made it. */
export function eventsFrame(head: Buffer, batch: Batch): EventsFrameBytes {
  if (latest?.batch === batch) return latest;
  const { offset, json } = batch;
  const bytes = Buffer.allocUnsafe(MAX_HEADER_BYTES + head.length + OFFSET_BYTES + json.length + 1);
  let end = MAX_HEADER_BYTES + head.copy(bytes, MAX_HEADER_BYTES);
  end += bytes.write(`${offset},"events":`, end, 'latin1');
  end += json.copy(bytes, end);
  bytes[end] = END;
  const start = writeTextHeader(bytes, MAX_HEADER_BYTES, end + 1 - MAX_HEADER_BYTES);
  latest = { batch, wire: bytes.subarray(start, end + 1), jsonAt: MAX_HEADER_BYTES - start };
  return latest;
}

/** Its JSON. */
export function textOf({ wire, jsonAt }: EventsFrameBytes): string {
  return wire.toString('utf8', jsonAt);
}

/** The beginning of all `events` frames of one stream and epoch. */
export function frameHead(stream: string, epoch: string): Buffer {
  return Buffer.from(`{"type":"events","stream":${JSON.stringify(stream)},"epoch":${JSON.stringify(epoch)},"offset":`);
}
