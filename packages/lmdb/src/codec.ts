/**
 * How groups, places and streams lie in LMDB, as bytes.
 *
 * Numbers are big-endian, so that keys sort as their numbers do.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { type Entries, type Head, joinInto } from '@muster/core/storage';

/** Where a stream stands, and where its records lie. */
export interface StoredHead extends Head {
  /** How often the stream was dropped before. */
  readonly generation: number;
  /** Of its places in the index; 0 while it has none there. */
  readonly id: number;
}

/** A record as it stands in a group. */
export interface GroupedRecord {
  readonly stream: string;
  readonly generation: number;
  readonly offset: number;
  readonly count: number;
  /** Where its JSON begins in the group. */
  readonly jsonAt: number;
  readonly json: Buffer;
  /** Wall time at which it was written, in milliseconds since 1970. */
  readonly at: number;
}

/** A record before it is put into a group: its JSON in parts. */
export interface UngroupedRecord extends Omit<GroupedRecord, 'json' | 'jsonAt'> {
  readonly parts: readonly Entries[];
}

/** No offset is as high. */
export const BEYOND = 2 ** 48 - 1;

/** Bytes of a grouped record beside its stream's name and its JSON. */
const FIXED = 2 + 4 + 6 + 4 + 8 + 4;

/** What one record takes in a group at the most. */
export function groupedSize(stream: string, jsonBytes: number): number {
  return FIXED + Buffer.byteLength(stream) + jsonBytes;
}

/**
 * Writes a record into a group from `start` on.
 *
 * @param record its `parts` are joined there.
 * @returns where its JSON begins, and where both end.
 */
export function writeGrouped(group: Buffer, start: number, record: UngroupedRecord): { jsonAt: number; end: number } {
  const { stream, generation, offset, count, at, parts } = record;
  const nameBytes = group.write(stream, start + 2);
  group.writeUInt16BE(nameBytes, start);
  let place = start + 2 + nameBytes;
  place = group.writeUInt32BE(generation, place);
  place = group.writeUIntBE(offset, place, 6);
  place = group.writeUInt32BE(count, place);
  const jsonAt = group.writeDoubleBE(at, place) + 4;
  const end = joinInto(group, jsonAt, parts);
  group.writeUInt32BE(end - jsonAt, jsonAt - 4);
  return { jsonAt, end };
}

/** The records of a group, in order; their JSON is not copied. */
export function decodeGroup(bytes: Buffer): GroupedRecord[] {
  const records: GroupedRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const nameEnd = at + 2 + bytes.readUInt16BE(at);
    const stream = bytes.toString('utf8', at + 2, nameEnd);
    const jsonAt = nameEnd + FIXED - 2;
    const end = jsonAt + bytes.readUInt32BE(jsonAt - 4);
    records.push({
      stream,
      generation: bytes.readUInt32BE(nameEnd),
      offset: bytes.readUIntBE(nameEnd + 4, 6),
      count: bytes.readUInt32BE(nameEnd + 10),
      at: bytes.readDoubleBE(nameEnd + 14),
      jsonAt,
      json: bytes.subarray(jsonAt, end),
    });
    at = end;
  }
  return records;
}

/** Where the JSON of a record lies. */
export interface Place {
  readonly group: number;
  /** Of its first byte in the group. */
  readonly at: number;
  readonly length: number;
  /** Events in it. */
  readonly count: number;
}

/** A record by where it lies; `offset` is that of its first event. */
export interface PlacedRecord extends Place {
  readonly offset: number;
}

const PLACE_BYTES = 6 + 4 + 4 + 4;

/** Places of neighbours in one stream; the offset of the first of them stands in the key. */
export function encodePlaces(places: readonly Place[]): Buffer {
  const bytes = Buffer.allocUnsafe(places.length * PLACE_BYTES);
  let end = 0;
  for (const { group, at, length, count } of places) {
    end = bytes.writeUIntBE(group, end, 6);
    end = bytes.writeUInt32BE(at, end);
    end = bytes.writeUInt32BE(length, end);
    end = bytes.writeUInt32BE(count, end);
  }
  return bytes;
}

export function* decodePlaces(key: Buffer, value: Buffer): Generator<PlacedRecord> {
  let offset = key.readUIntBE(6, 6);
  for (let start = 0; start < value.length; start += PLACE_BYTES) {
    const count = value.readUInt32BE(start + 14);
    yield {
      offset,
      group: value.readUIntBE(start, 6),
      at: value.readUInt32BE(start + 6),
      length: value.readUInt32BE(start + 10),
      count,
    };
    offset += count;
  }
}

/** What was indexed at one time, or a part of it: keys of places, or the groups from one to another. */
export interface Segment {
  /** Wall time at which the newest of it was written, in milliseconds since 1970. */
  readonly newestAt: number;
  readonly keys: readonly Buffer[];
  readonly groups: Groups | null;
}

/** Numbers of groups, both included. */
export interface Groups {
  readonly from: number;
  readonly to: number;
}

const KEY_BYTES = 6 + 6;
const SEGMENT_BYTES = 8 + 6 + 6;

export function encodeSegment({ newestAt, keys, groups }: Segment): Buffer {
  const fixed = Buffer.alloc(SEGMENT_BYTES);
  fixed.writeDoubleBE(newestAt, 0);
  fixed.writeUIntBE(groups?.from ?? 0, 8, 6);
  fixed.writeUIntBE(groups?.to ?? 0, 14, 6);
  return Buffer.concat([fixed, ...keys]);
}

export function decodeSegment(bytes: Buffer): Segment {
  const [from, to] = [bytes.readUIntBE(8, 6), bytes.readUIntBE(14, 6)];
  const keys: Buffer[] = [];
  for (let at = SEGMENT_BYTES; at < bytes.length; at += KEY_BYTES) keys.push(bytes.subarray(at, at + KEY_BYTES));
  return { newestAt: bytes.readDoubleBE(0), keys, groups: from === 0 ? null : { from, to } };
}

/** The key of places; sorts by stream and then by the offset of the first event. */
export function placesKey(id: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(12);
  key.writeUIntBE(id, 0, 6);
  key.writeUIntBE(offset, 6, 6);
  return key;
}

export function numberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  key.writeUIntBE(number, 0, 6);
  return key;
}

export function encodeHead({ epoch, top, generation, id }: StoredHead): Buffer {
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(epoch));
  bytes.writeUIntBE(top, 0, 6);
  bytes.writeUInt32BE(generation, 6);
  bytes.writeUIntBE(id, 10, 6);
  bytes.write(epoch, 16);
  return bytes;
}

export function decodeHead(bytes: Buffer): StoredHead {
  const [top, generation, id] = [bytes.readUIntBE(0, 6), bytes.readUInt32BE(6), bytes.readUIntBE(10, 6)];
  return { epoch: bytes.toString('utf8', 16), top, generation, id };
}

/** LMDB takes keys up to 1 978 bytes: a longer name stands as its hash, with another first byte. */
export function nameKey(name: string): Buffer {
  const bytes = Buffer.from(`=${name}`);
  return bytes.length <= 1_024 ? bytes : Buffer.from(`#${createHash('sha256').update(name).digest('hex')}`);
}
