/**
 * Runs that their owner has left open: each gets its terminal, or is made ready to go on here.
 *
 * Before anything is written of a run it is proven that it is still this process's, after what was read of it and before the
 * append that builds on that: whoever takes it over in between has written behind it, and then the append is a conflict.
 */
import type { Clock, EventData } from '@muster/contracts';
import { type EventLog, type KeyValueStore, principalOf, streamOf } from '@muster/core';
import { beginningOf, closingOf, resumingOf } from './closing.ts';
import { eventsOf } from './run-events.ts';
import { type RunRecord, type RunRecords, RUNS } from './run-records.ts';
import type { Resumed } from './run-recorder.ts';

/** Told of a terminal that was written here, and of its offset. */
type Closed = (record: RunRecord, terminal: EventData<'agent_completed'>, offset: number) => void;

/** Told of a run that was left open and how it ended; without a terminal nothing of it was ever shown. */
type Ended = (record: RunRecord, terminal: EventData<'agent_completed'> | undefined) => Promise<void>;

/** Where a run goes on. */
interface GoingOn extends Resumed {
  /** Offset of its last event. */
  readonly after: number;
  /** What was asked. */
  readonly text: string;
}

export class LeftRuns {
  readonly #store: KeyValueStore;
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #records: RunRecords;
  readonly #closed: Closed;

  constructor(store: KeyValueStore, log: EventLog, clock: Clock, records: RunRecords, closed: Closed) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#records = records;
    this.#closed = closed;
  }

  /**
   * Gives every open run its terminal, `interrupted` by the reaper; for the start, when none can be going on.
   *
   * @param ended told of each run, also of one that had its terminal already; the run stays open until it resolves.
   */
  async interruptAll(ended: Ended): Promise<void> {
    const open = await this.#store.list(RUNS);
    await Promise.all(open.map(({ value }) => this.interrupt(value as unknown as RunRecord, ended)));
    await this.#records.sweep();
  }

  /** Gives one run its terminal, whatever it lacks, and forgets it. */
  async interrupt(record: RunRecord, ended: Ended): Promise<void> {
    const { run, user, thread, from } = record;
    const stream = streamOf(principalOf(user), thread);
    for (;;) {
      const { events, epoch, top, isCut } = await eventsOf(this.#log, stream, from, run);
      // The thread was dropped, and with it all that anybody could wait for.
      if (epoch !== from.epoch) break;
      const last = events.at(-1);
      if (last?.event === 'agent_completed') {
        await ended(record, last.data);
        break;
      }
      if (last === undefined && (isCut || !(await this.#records.mayBegin(record)))) {
        await ended(record, undefined);
        return this.#records.forget(record);
      }
      await this.#records.confirm(run);
      // Another run of the thread may be closed in between; then this one is looked at again, and has its terminal.
      const closing = closingOf(events, record, this.#clock.now());
      const appended = await this.#log.append(stream, closing, { expectedTop: top });
      const terminal = closing.at(-1);
      if (appended.ok && terminal?.event === 'agent_completed') this.#closed(record, terminal.data, appended.top);
    }
    await this.#records.close(run);
  }

  /** Whether the log shows, or has shown, anything of a run. */
  async hasBegun({ run, user, thread, from }: RunRecord): Promise<boolean> {
    const stream = streamOf(principalOf(user), thread);
    const { events, epoch, isCut } = await eventsOf(this.#log, stream, from, run, 1);
    return events.length > 0 || isCut || epoch !== from.epoch;
  }

  /**
   * Makes a run ready to go on here: its open calls are closed, and its owner before can write nothing more. One that has not
   * begun begins.
   *
   * @param mayRepeat whether one that has begun may go on.
   * @returns where it stands and what was asked; `undefined` when it may not, or has ended.
   */
  async resume(record: RunRecord, mayRepeat: boolean): Promise<GoingOn | undefined> {
    const { run, user, thread, from } = record;
    const stream = streamOf(principalOf(user), thread);
    for (;;) {
      const { events, epoch, top, isCut } = await eventsOf(this.#log, stream, from, run);
      if (epoch !== from.epoch || events.at(-1)?.event === 'agent_completed') return undefined;
      const [first] = events;
      const now = this.#clock.now();
      let [text, more] = [record.text ?? '', beginningOf(record, now)];
      if (first === undefined) {
        if (isCut || !(await this.#records.mayBegin(record))) return undefined;
      } else {
        if (first.event !== 'agent_started' || !mayRepeat) return undefined;
        [text, more] = [first.data.message, resumingOf(events, record, now)];
      }
      await this.#records.confirm(run);
      const appended = await this.#log.append(stream, more, { expectedTop: top });
      const elapsedMs = Math.max(0, now - record.at);
      if (appended.ok) return { n: more.at(-1)?.n ?? 0, after: appended.top, elapsedMs, text };
    }
  }
}
