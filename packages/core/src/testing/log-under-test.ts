/** A log under test, and what its cases read of it. */
import assert from 'node:assert/strict';
import { type AgentEvent, MusterError } from '@muster/contracts';
import type { QueueLimits } from '../log/append-queue.ts';
import type { Batch, EventLog, EventsJson } from '../log/event-log.ts';
import { caseOn, type ConformanceCase } from './conformance-case.ts';
import { eventsIn } from './log-records.ts';

/** A log that is tested, and its surroundings. */
export interface LogUnderTest {
  readonly log: EventLog;
  /** How long it keeps events, in milliseconds. */
  readonly keepMs: number;
  /** Moves the log's clock; resolves when what falls due is done. */
  readonly advance: (ms: number) => Promise<void>;
  /** Where a log outlives its process: opens it again, as after a crash. */
  readonly reopen?: () => Promise<EventLog>;
  readonly close: () => Promise<void>;
}
export type MakeLog = (limits?: QueueLimits) => Promise<LogUnderTest>;
export type Case = ConformanceCase<MakeLog>;

export const up = (to: number, from = 1): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
export const numbersIn = (batches: readonly Batch[]): number[] => batches.flatMap(eventsIn).map(({ n }) => n);
export const jsonOf = (events: readonly AgentEvent[]): EventsJson => ({
  json: Buffer.from(JSON.stringify(events)),
  count: events.length,
});
export const codeOf = (error: unknown): unknown => (error instanceof MusterError ? error.code : error);

/** The numbers of the events that are kept above `after`, read to the end as a client does that may get what it has. */
export async function readAll(log: EventLog, stream: string, after = 0, maxBytes = 262_144): Promise<number[]> {
  const numbers: number[] = [];
  for (let at = after; ;) {
    const { floor, batches } = await log.read(stream, { after: at, maxBytes });
    if (batches.length === 0) return numbers;
    at = Math.max(at, floor);
    for (const batch of batches) {
      const events = eventsIn(batch);
      assert.equal(events.length, batch.count, 'a batch counts its events');
      assert.ok(batch.offset <= at + 1, `a batch begins at ${batch.offset} after ${at}: there is a gap`);
      numbers.push(...events.slice(at + 1 - batch.offset).map(({ n }) => n));
      assert.ok(batch.offset + batch.count - 1 > at, 'a batch has something new');
      at = batch.offset + batch.count - 1;
    }
  }
}

export const withLog = (name: string, body: (test: LogUnderTest) => Promise<void>, limits?: QueueLimits): Case =>
  caseOn(name, body, limits);
