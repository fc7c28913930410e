import type { Batch } from '@muster/core';
import { RECORD } from '@muster/core/storage';

/** Neighbours as one record, its JSON in parts. */
export interface MergedRecord {
  readonly offset: number;
  readonly count: number;
  readonly parts: readonly Buffer[];
}

/** Records of one stream, one behind the other, as few and as large as records may be. */
export function* mergedNeighbours(
  records: Iterable<Pick<Batch, 'offset' | 'count' | 'json'>>,
): Generator<MergedRecord> {
  let last: { offset: number; count: number; parts: Buffer[] } | undefined;
  let bytes = 0;
  for (const { offset, count, json } of records) {
    if (last !== undefined && (last.count + count > RECORD.events || bytes + json.length > RECORD.bytes)) {
      yield last;
      last = undefined;
    }
    if (last === undefined) {
      last = { offset, count: 0, parts: [] };
      bytes = 0;
    }
    last.count += count;
    last.parts.push(json);
    bytes += json.length;
  }
  if (last !== undefined) yield last;
}
