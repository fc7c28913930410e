/**
 * The bytes of an `events` frame: made once for each batch, the same for every socket that gets it.
 */
import { Buffer } from 'node:buffer';
import type { Batch } from '@muster/core';
import { headerBytes, writeTextHeader } from './text-frame.ts';

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
  const place = `${offset},"events":`;
  const length = head.length + place.length + json.length + 1;
  const jsonAt = headerBytes(length);
  const wire = Buffer.allocUnsafe(jsonAt + length);
  writeTextHeader(wire, length);
  wire.set(head, jsonAt);
  wire.write(place, jsonAt + head.length, 'latin1');
  wire.set(json, wire.length - 1 - json.length);
  wire[wire.length - 1] = END;
  latest = { batch, wire, jsonAt };
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
