/** From places of records to what a read gives: small neighbours together, whole records alone, and no more than was asked for. */
import type { Batch } from '@muster/core';
import { joinedJson, RECORD } from '@muster/core/storage';
import type { Place, PlacedRecord } from './codec.ts';

/** How a read ends: above which event it begins, and how many bytes it may have. */
interface ReadLimits {
  readonly after: number;
  readonly maxBytes: number;
}

/**
 * Reads records of one stream, one behind the other, as many as fit, and at least one if there is one. Small neighbours come
 * as one: a replay is then few frames.
 *
 * @param jsonAt gives the JSON that lies at a place.
 */
export function readRecords(
  records: Iterable<PlacedRecord>,
  epoch: string,
  { after, maxBytes }: ReadLimits,
  jsonAt: (place: Place) => Buffer,
): Batch[] {
  const batches: Batch[] = [];
  let open: { offset: number; count: number; bytes: number; parts: Buffer[] } | undefined;
  let bytes = 0;
  const close = (): void => {
    if (open === undefined) return;
    const { offset, count, parts } = open;
    batches.push({ epoch, offset, count, json: parts.length === 1 ? (parts[0] as Buffer) : joinedJson(parts) });
  };
  for (const record of records) {
    const { offset, count, length } = record;
    if (offset + count - 1 <= after) continue;
    if (bytes > 0 && bytes + length > maxBytes) break;
    bytes += length;
    if (open === undefined || open.count + count > RECORD.events || open.bytes + length > RECORD.bytes) {
      close();
      open = { offset, count: 0, bytes: 0, parts: [] };
    }
    open.count += count;
    open.bytes += length;
    open.parts.push(jsonAt(record));
  }
  close();
  return batches;
}
