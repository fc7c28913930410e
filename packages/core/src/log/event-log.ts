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

/** Gives events that grow until the log is about to write them: it is asked once, then. */
export type Gathering = () => EventsJson;

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
  /**
   * Appends all of `events` or none; those of one call are never spread over two batches.
   *
   * Appends to one stream that wait for the same flush may become one batch, in the order of the calls.
   *
   * @param events those, or what gives them when their turn has come; what has not been asked for is bounded by its maker.
   * @param expected `expectedTop`: the offset that must be the last one; another is a conflict and nothing is written.
   * @throws MusterError `LOG_BUSY` at once when too much waits to be written; it can be tried again.
   * @throws MusterError `APPEND_TOO_LARGE` when the events of one call are larger than the log takes.
   */
  append(
    stream: string,
    events: readonly AgentEvent[] | Gathering,
    expected?: { readonly expectedTop?: number },
  ): Promise<Appended>;
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
