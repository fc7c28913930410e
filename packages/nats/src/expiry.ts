/**
 * Forgets events that are too old, and keeps of each stream where it stood, so that offsets outlive what they counted.
 *
 * Any instance may do it, and several may do it at once: a record that says where a stream stood is written under the
 * condition that nothing was appended meanwhile.
 */
import type { Clock, Timer } from '@muster/contracts';
import { decodeRecord, encodeRecord, topOf } from './codec.ts';
import type { JetStream } from './jetstream.ts';
import type { RecordReader } from './record-reader.ts';

/** Part of `keepMs` by which events may be kept longer, and its bounds as an interval, in milliseconds. */
const GRAIN = 1 / 16;
const SWEEP_MS = { least: 1_000, most: 600_000 } as const;

interface ExpiryParts {
  readonly jetstream: JetStream;
  readonly reader: RecordReader;
  readonly clock: Clock;
  readonly keepMs: number;
  /** Matches all streams. */
  readonly subjects: string;
  attempt(): string;
  failed(error: unknown): void;
}

export class Expiry {
  readonly #parts: ExpiryParts;
  #timer: Timer | undefined;
  #sweeping: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  plan(): void {
    const { clock, keepMs } = this.#parts;
    const everyMs = Math.min(SWEEP_MS.most, Math.max(SWEEP_MS.least, keepMs * GRAIN));
    this.#timer = clock.schedule(everyMs, () => {
      void this.sweep()
        .catch((error: unknown) => this.#parts.failed(error))
        .finally(() => {
          if (!this.#isStopped) this.plan();
        });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#sweeping?.catch(() => {});
  }

  /** Records stand in the order of their times, so it goes on until it meets one that is young enough. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { jetstream, clock, keepMs, subjects } = this.#parts;
    const before = clock.now() - keepMs;
    for (let sequence = 1; !this.#isStopped;) {
      const oldest = await jetstream.next(subjects, sequence);
      if (oldest === undefined || decodeRecord(oldest.data).at >= before) return;
      await this.#forget(oldest.subject, before);
      sequence = oldest.sequence + 1;
    }
  }

  /** Removes what a stream has from its first record on that is too old; the last record is replaced by one that says where it stood. */
  async #forget(subject: string, before: number): Promise<void> {
    const { jetstream, reader, clock } = this.#parts;
    // What is forgotten is forgotten up to a record that counts, so the first does.
    let record = await reader.next(subject, 1);
    let last = record;
    while (record !== undefined && record.at < before) {
      last = record;
      record = await reader.successor(subject, record.sequence);
    }
    if (record !== undefined) return reader.forgetBelow(subject, record.sequence);
    const end = await reader.end(subject);
    // Somebody has written meanwhile: the next sweep looks again.
    if (last === undefined || end.head?.sequence !== last.sequence) return;
    const { epoch, began, sequence, kind } = last;
    const { bytes } = encodeRecord({
      kind: 'top',
      epoch,
      offset: topOf(last),
      count: 0,
      at: clock.now(),
      previous: sequence,
      began: kind === 'begin' ? sequence : began,
      attempt: this.#parts.attempt(),
    });
    const published = await jetstream.publish(subject, bytes, end.last);
    if (!published.ok) return;
    if (await reader.counts(subject, { sequence: published.sequence, previous: sequence }))
      await reader.forgetBelow(subject, published.sequence);
  }
}
