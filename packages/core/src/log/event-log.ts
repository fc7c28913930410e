/**
 * The event log as a port: append, then show.
 *
 * Entries of a stream have contiguous offsets from 1 within an epoch. What `append` resolved for can be read.
 */
import type { AgentEvent, StreamInfo } from '@muster/contracts';
import { token } from '../declare/dependency.ts';

/** How an append ended. `top` is the offset of the stream's last entry. */
export type Appended =
  | { readonly ok: true; readonly epoch: string; readonly top: number }
  | { readonly ok: false; readonly why: 'conflict'; readonly top: number };

/** Consecutive entries of one stream; `offset` is the first one's. */
export interface Batch {
  readonly epoch: string;
  readonly offset: number;
  readonly count: number;
  readonly json: Buffer;
}

export interface ReadResult extends StreamInfo {
  readonly batches: readonly Batch[];
}

/** Ends what it was returned for. */
export interface Subscription {
  close(): void;
}

/** All implementations pass one conformance suite. */
export interface EventLog {
  /** What an append that resolved has survived. */
  readonly durability: 'memory' | 'fsync' | 'quorum';
  /**
   * Appends all of `events` or none.
   *
   * @param expectedTop the offset that must be the last one; another is a conflict and nothing is written.
   * @throws MusterError `STREAM_FULL` when the batch is larger than the log keeps.
   */
  append(
    stream: string,
    events: readonly AgentEvent[],
    expected?: { readonly expectedTop?: number },
  ): Promise<Appended>;
  /** Up to `limit` entries above `after`; a batch without events when there are none. */
  read(stream: string, range: { readonly after: number; readonly maxBytes?: number }): Promise<ReadResult>;
  /** Calls `sink` with every batch appended from now on, in order; a sink that throws ends nothing. */
  subscribe(stream: string, sink: (batch: Batch) => void): Subscription;
  info(stream: string): Promise<StreamInfo>;
  /** Forgets the stream; it returns under a new epoch. */
  drop(stream: string): Promise<void>;
}
export const EventLog = token<EventLog>('EventLog');
