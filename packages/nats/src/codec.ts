/**
 * A record of the event log as one message of JetStream: a batch of events, the beginning of a new epoch, or where a stream
 * stood when everything of it had expired.
 *
 * Sequences of JetStream are shared by all streams, so a record has offsets of its own. It also names the record before it
 * and the attempt that wrote it, so that a writer who never got an answer finds out what became of it.
 */
import { Buffer } from 'node:buffer';
import type { Batch } from '@muster/core';
import { type Entries, joinedSize, joinInto } from '@muster/core/storage';

const KINDS = ['events', 'begin', 'top'] as const;

export interface LogRecord {
  readonly kind: (typeof KINDS)[number];
  readonly epoch: string;
  /** Of the first event; where nothing is in it, the stream's top. */
  readonly offset: number;
  /** 0 where it has no events. */
  readonly count: number;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
  /** Sequence of the record before it, 0 where it is the first. */
  readonly previous: number;
  /** Sequence of the record that began its epoch, 0 for the first epoch. */
  readonly began: number;
  /** Unique for each attempt to write. */
  readonly attempt: string;
  readonly json: Buffer;
}

/** A record and its sequence in JetStream. */
export interface StoredRecord extends LogRecord {
  readonly sequence: number;
}

/** Of the layout. Another one is another contract. */
const FORMAT = 1;

const FIXED = 1 + 1 + 6 + 4 + 6 + 6 + 6 + 1 + 1;
const NOTHING = Buffer.alloc(0);

/** What a record says beside its events. */
export type RecordHead = Omit<LogRecord, 'json'>;

/** @param parts its events, which are copied. @returns the message, and the JSON in it. */
export function encodeRecord(head: RecordHead, parts: readonly Entries[] = []): { bytes: Buffer; json: Buffer } {
  const { kind, epoch, offset, count, at, previous, began, attempt } = head;
  const [epochBytes, attemptBytes] = [Buffer.byteLength(epoch), Buffer.byteLength(attempt)];
  const jsonAt = FIXED + epochBytes + attemptBytes;
  const bytes = Buffer.allocUnsafe(jsonAt + (parts.length === 0 ? 0 : joinedSize(parts)));
  bytes[0] = FORMAT;
  bytes[1] = KINDS.indexOf(kind);
  bytes.writeUIntBE(offset, 2, 6);
  bytes.writeUInt32BE(count, 8);
  bytes.writeUIntBE(at, 12, 6);
  bytes.writeUIntBE(previous, 18, 6);
  bytes.writeUIntBE(began, 24, 6);
  bytes[30] = epochBytes;
  bytes[31] = attemptBytes;
  bytes.write(epoch, FIXED);
  bytes.write(attempt, FIXED + epochBytes);
  if (parts.length > 0) joinInto(bytes, jsonAt, parts);
  return { bytes, json: bytes.subarray(jsonAt) };
}

/** @throws Error when it is none of ours, or of another format. */
export function decodeRecord(data: Uint8Array): LogRecord {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const kind = KINDS[bytes[1] ?? KINDS.length];
  if (bytes.length < FIXED || bytes[0] !== FORMAT || kind === undefined)
    throw new Error(`a message of ${bytes.length} bytes is no record of format ${FORMAT}`);
  const attemptAt = FIXED + (bytes[30] as number);
  const jsonAt = attemptAt + (bytes[31] as number);
  return {
    kind,
    offset: bytes.readUIntBE(2, 6),
    count: bytes.readUInt32BE(8),
    at: bytes.readUIntBE(12, 6),
    previous: bytes.readUIntBE(18, 6),
    began: bytes.readUIntBE(24, 6),
    epoch: bytes.toString('utf8', FIXED, attemptAt),
    attempt: bytes.toString('utf8', attemptAt, jsonAt),
    json: jsonAt === bytes.length ? NOTHING : bytes.subarray(jsonAt),
  };
}

/** The offset of the last event up to and with this record. */
export function topOf({ offset, count }: RecordHead): number {
  return count === 0 ? offset : offset + count - 1;
}

export function batchOf({ epoch, offset, count, json }: LogRecord): Batch {
  return { epoch, offset, count, json };
}
