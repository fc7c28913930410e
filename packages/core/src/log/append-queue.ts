/**
 * What waits to be written into a log: appends and drops in the order of their calls, bounded in all.
 *
 * Events become text here, in the call, so that what the caller changes afterwards changes nothing in the log.
 */
import type { AgentEvent } from '@muster/contracts';
import { coreError } from '../errors.ts';
import type { Appended } from './event-log.ts';

export interface QueueLimits {
  /** How much may wait in all, in bytes of text, what is being written included. @default 67_108_864 */
  readonly maxWaitingBytes?: number;
  /** How large the events of one append may be, in bytes of text. @default 8_388_608 */
  readonly maxAppendBytes?: number;
}

export const QUEUE_DEFAULTS = { maxWaitingBytes: 64 * 2 ** 20, maxAppendBytes: 8 * 2 ** 20 } as const;

/** How much one flush takes, in bytes; what is beyond joins the next, so that nobody waits for a giant. */
const FLUSH_BYTES = 4 * 2 ** 20;
/** What an operation counts as beside its text. */
const OVERHEAD = 64;

/** One append or drop that waits. */
export type Operation =
  | {
      readonly kind: 'append';
      readonly stream: string;
      /** The events as JSON, parted by commas, without the brackets of an array. */
      readonly text: string;
      readonly bytes: number;
      readonly count: number;
      readonly expectedTop: number | undefined;
      readonly resolve: (appended: Appended) => void;
      readonly reject: (error: unknown) => void;
    }
  | {
      readonly kind: 'drop';
      readonly stream: string;
      readonly bytes: number;
      readonly resolve: () => void;
      readonly reject: (error: unknown) => void;
    };

export class AppendQueue {
  readonly #limits: Required<QueueLimits>;
  readonly #wake: () => void;
  #waiting: Operation[] = [];
  /** Of what waits. */
  #bytes = 0;
  /** Of what was taken and has not been settled. */
  #inFlight = 0;

  /** @param wake called whenever something has joined. */
  constructor(limits: QueueLimits, wake: () => void) {
    this.#limits = { ...QUEUE_DEFAULTS, ...limits };
    this.#wake = wake;
  }

  /** Bytes that wait for the next flush. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  append(stream: string, events: readonly AgentEvent[], expectedTop: number | undefined): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const text = JSON.stringify(events).slice(1, -1);
      const size = Buffer.byteLength(text);
      const limit = this.#limits.maxAppendBytes;
      if (size > limit) throw coreError('APPEND_TOO_LARGE', { stream, bytes: size, limit });
      const bytes = size + OVERHEAD;
      this.#admit(bytes);
      this.#join({ kind: 'append', stream, text, bytes, count: events.length, expectedTop, resolve, reject });
    });
  }

  drop(stream: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#admit(OVERHEAD);
      this.#join({ kind: 'drop', stream, bytes: OVERHEAD, resolve, reject });
    });
  }

  /** Takes what the next flush writes: the oldest, up to 4 MiB. Give it back with `settled`. */
  take(): readonly Operation[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of this.#waiting) {
      if (count > 0 && bytes + more > FLUSH_BYTES) break;
      bytes += more;
      count += 1;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#bytes -= bytes;
    this.#inFlight += bytes;
    return taken;
  }

  /** Makes room for others: these have been resolved or rejected. */
  settled(taken: readonly Operation[]): void {
    for (const { bytes } of taken) this.#inFlight -= bytes;
  }

  /** Rejects all that waits. */
  refuse(error: unknown): void {
    const refused = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const { reject } of refused) reject(error);
  }

  #admit(bytes: number): void {
    const waitingBytes = this.#bytes + this.#inFlight;
    const limit = this.#limits.maxWaitingBytes;
    if (waitingBytes + bytes > limit) throw coreError('LOG_BUSY', { waitingBytes, limit });
  }

  #join(operation: Operation): void {
    this.#waiting.push(operation);
    this.#bytes += operation.bytes;
    this.#wake();
  }
}
