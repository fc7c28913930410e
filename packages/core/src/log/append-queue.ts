/**
 * What waits to be written into a log: appends and drops in the order of their calls, bounded in all.
 *
 * Events become bytes here: in the call, so that what the caller changes afterwards changes nothing in the log, or, where
 * they are still being gathered, when they are taken.
 */
import type { AgentEvent } from '@muster/contracts';
import { coreError } from '../errors.ts';
import type { Appended, EventsJson, Gathering } from './event-log.ts';

export interface QueueLimits {
  /** How much may wait in all, in bytes of JSON, what is being written included. @default 67_108_864 */
  readonly maxWaitingBytes?: number;
  /** How large the events of one append may be, in bytes of JSON. @default 8_388_608 */
  readonly maxAppendBytes?: number;
}

export const QUEUE_DEFAULTS = { maxWaitingBytes: 64 * 2 ** 20, maxAppendBytes: 8 * 2 ** 20 } as const;

/** How much one flush takes, in bytes; what is beyond joins the next, so that nobody waits for a giant. */
const FLUSH_BYTES = 4 * 2 ** 20;
/** What an operation counts as beside its text. */
const OVERHEAD = 64;

/** One append or drop that is to be written. */
export type Operation =
  | (EventsJson & {
      readonly kind: 'append';
      readonly stream: string;
      readonly bytes: number;
      readonly expectedTop: number | undefined;
      readonly resolve: (appended: Appended) => void;
      readonly reject: (error: unknown) => void;
    })
  | {
      readonly kind: 'drop';
      readonly stream: string;
      readonly bytes: number;
      readonly resolve: () => void;
      readonly reject: (error: unknown) => void;
    };

/** An append whose events have not been asked for. */
type Unasked = Omit<Extract<Operation, { kind: 'append' }>, keyof EventsJson> & { readonly gather: Gathering };

export class AppendQueue {
  readonly #limits: Required<QueueLimits>;
  readonly #wake: () => void;
  #waiting: (Operation | Unasked)[] = [];
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

  append(
    stream: string,
    events: readonly AgentEvent[] | Gathering,
    expectedTop: number | undefined,
  ): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const ending = { kind: 'append', stream, expectedTop, resolve, reject } as const;
      const waits =
        typeof events === 'function'
          ? { ...ending, gather: events, bytes: OVERHEAD }
          : { ...ending, ...this.#checked(stream, jsonOf(events)) };
      this.#admit(waits.bytes);
      this.#join(waits);
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
    const taken: Operation[] = [];
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (taken.length > 0 && bytes + waiting.bytes > FLUSH_BYTES) break;
      count += 1;
      this.#bytes -= waiting.bytes;
      const asked = 'gather' in waiting ? this.#asked(waiting) : waiting;
      if (asked === undefined) continue;
      taken.push(asked);
      bytes += asked.bytes;
    }
    this.#waiting = this.#waiting.slice(count);
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

  /** Asks for the events of an append, which ends here when there is something wrong with them. */
  #asked({ gather, ...append }: Unasked): Operation | undefined {
    try {
      return { ...append, ...this.#checked(append.stream, gather()) };
    } catch (error) {
      append.reject(error);
      return undefined;
    }
  }

  #checked(stream: string, { json, count }: EventsJson): EventsJson & { readonly bytes: number } {
    const limit = this.#limits.maxAppendBytes;
    if (json.length > limit) throw coreError('APPEND_TOO_LARGE', { stream, bytes: json.length, limit });
    return { json, count, bytes: json.length + OVERHEAD };
  }

  #admit(bytes: number): void {
    const waitingBytes = this.#bytes + this.#inFlight;
    const limit = this.#limits.maxWaitingBytes;
    if (waitingBytes + bytes > limit) throw coreError('LOG_BUSY', { waitingBytes, limit });
  }

  #join(operation: Operation | Unasked): void {
    this.#waiting.push(operation);
    this.#bytes += operation.bytes;
    this.#wake();
  }
}

function jsonOf(events: readonly AgentEvent[]): EventsJson {
  return { json: Buffer.from(JSON.stringify(events)), count: events.length };
}
