/**
 * The event log as a port: append, then show.
 *
 * Events of a stream have contiguous offsets from 1 within an epoch. What `append` resolved for has survived what
 * `durability` names, and nobody was shown it before.
 */
import type { AgentEvent, Durability, StreamInfo } from '@muster/contracts';
import { token } from '../declare/dependency.ts';
import type { Subscription } from '../subscription.ts';

/** Events as the bytes that the log will hold. */
export interface EventsJson {
  /** UTF-8 text of one JSON array of `count` events. */
  readonly json: Buffer;
  readonly count: number;
}

/**
 * Gives events that grow until the log is about to write them: it is asked once, then.
 *
 * The bytes belong to whoever gives them and are used again when the append has ended: a log copies what it keeps.
 */
export type Gathering = () => EventsJson;

/** Has events of other writers looked at before an append is written: what keeps a writer out whose time is over. */
export interface Since {
  /** Offset behind which the writer does not know the stream. */
  readonly after: number;
  /** Called with every record that has events behind that offset, in order. A throw rejects the append with what is thrown. */
  check(batch: Batch): void;
}

/** What must be true for an append to be written. */
export interface Expected {
  /** The offset that must be the last one; another is a conflict and nothing is written. */
  readonly expectedTop?: number;
  /**
   * Events behind this offset are shown to `check` before these are written, and none comes between the last that was shown
   * and these. What is no longer kept is not shown. Logs that are not shared may skip it.
   */
  readonly since?: Since;
}

/** How an append ended. `top` is the offset of the stream's last event. */
export type Appended =
  | { readonly ok: true; readonly epoch: string; readonly top: number }
  | { readonly ok: false; readonly why: 'conflict'; readonly top: number };

/**
 * Consecutive events of one stream as they lie in the log and travel to every socket: made into bytes once.
 *
 * It is shared by all who get it, so nobody writes into `json`.
 */
export interface Batch {
  readonly epoch: string;
  /** Of the first event. */
  readonly offset: number;
  readonly count: number;
  /** UTF-8 text of one JSON array of `count` events. */
  readonly json: Buffer;
}

/** What was read, and where the stream stood at that moment. */
export interface ReadResult extends StreamInfo {
  /** Whole records in order, without a gap between them; the first may begin at or below what was asked for. */
  readonly batches: readonly Batch[];
}

/** How much `read` returns at the most, in bytes, beyond the first record. */
export const READ_BYTES = 262_144;

/** All implementations pass one conformance suite, `eventLogConformance` of `@muster/core/testing`. */
export interface EventLog {
  /** What an append that resolved has survived: nothing, the end of the machine, or that of a minority of machines. */
  readonly durability: Durability;
  /** True where other processes append to it at the same time. Absent: whoever opens it is alone. */
  readonly isShared?: boolean;
  /**
   * Appends all of `events` or none; those of one call are never spread over two batches.
   *
   * Appends to one stream that wait for the same flush may become one batch, in the order of the calls.
   *
   * @param events those, or what gives them when their turn has come; what has not been asked for is bounded by its maker.
   * @param expected what must be true of the stream for anything to be written.
   * @throws MusterError `LOG_BUSY` at once when too much waits to be written; it can be tried again.
   * @throws MusterError `APPEND_TOO_LARGE` when the events of one call are larger than the log takes.
   */
  append(stream: string, events: readonly AgentEvent[] | Gathering, expected?: Expected): Promise<Appended>;
  /**
   * Reads the records that hold events above `after`: as many as fit into `maxBytes`, and at least one if there is one.
   *
   * A cursor may lie inside a record, and neighbours may have grown together since they were first shown: a reader drops
   * the offsets that it has.
   *
   * @param range `maxBytes`: @default 262_144
   */
  read(stream: string, range: { readonly after: number; readonly maxBytes?: number }): Promise<ReadResult>;
  /** Calls `sink` with every batch appended from now on, in order; a sink that throws ends nothing. */
  subscribe(stream: string, sink: (batch: Batch) => void): Subscription;
  /** `floor` is the last offset that is no longer kept, `top` the last that was ever given, also when all has expired. */
  info(stream: string): Promise<StreamInfo>;
  /** Forgets the stream; it returns under a new epoch. */
  drop(stream: string): Promise<void>;
}
export const EventLog = token<EventLog>('EventLog');
