/**
 * What waits to be written into a log: appends and drops in the order of their calls, bounded in all.
 *
 * Events become bytes here: in the call, so that what the caller changes afterwards changes nothing in the log, or, where
 * they are still being gathered, when they are taken.
 */
import { Buffer } from 'node:buffer';
import type { AgentEvent } from '@muster/contracts';
import { coreError } from '../errors.ts';
import type { Appended, Gathering, Since } from './event-log.ts';
import type { Entries } from './joined-json.ts';
import { JsonTape } from './json-tape.ts';

export interface QueueLimits {
  /** How much may wait in all, in bytes of JSON, what is being written included. @default 67_108_864 */
  readonly maxWaitingBytes?: number;
  /** How large the events of one append may be, in bytes of JSON. @default 8_388_608 */
  readonly maxAppendBytes?: number;
}

export const QUEUE_DEFAULTS = { maxWaitingBytes: 64 * 2 ** 20, maxAppendBytes: 8 * 2 ** 20 } as const;

/** What several queues may hold together. */
export class QueueBudget {
  /** Bytes that wait or are being written. */
  held = 0;
}

/** How much one flush takes, in bytes; what is beyond joins the next, so that nobody waits for a giant. */
const FLUSH_BYTES = 4 * 2 ** 20;
/** What an operation counts as beside its text. */
const OVERHEAD = 64;

/** An append that is to be written; its events lie in the bytes of many. */
export interface Append extends Entries {
  readonly kind: 'append';
  readonly stream: string;
  /** Its place among all that ever joined the queue, from 1. */
  readonly number: number;
  readonly count: number;
  /** What it counts as. */
  readonly bytes: number;
  readonly expectedTop: number | undefined;
  readonly since: Since | undefined;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** A drop that is to be written. */
export interface Drop {
  readonly kind: 'drop';
  readonly stream: string;
  readonly number: number;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export type Operation = Append | Drop;

/** What the own check of an append has thrown. */
export class Refusal {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** Tells whoever has appended how that ended. */
export function conclude(append: Append, ending: Appended | Refusal): void {
  if (ending instanceof Refusal) append.reject(ending.reason);
  else append.resolve(ending);
}

/** An append as it waits: what is gathered is filled in when it is asked for. One shape, since there are very many. */
interface Waiting extends Append {
  source: Buffer;
  from: number;
  to: number;
  count: number;
  bytes: number;
  readonly gather: Gathering | undefined;
}

const NOTHING = Buffer.alloc(0);

export class AppendQueue {
  readonly #limits: Required<QueueLimits>;
  readonly #wake: () => void;
  #waiting: (Waiting | Drop)[] = [];
  readonly #tape = new JsonTape();
  /** Of what waits. */
  #bytes = 0;
  /** How many of those that wait are still being gathered. */
  #gathering = 0;
  /** How many have ever joined. */
  #joined = 0;
  readonly #budget: QueueBudget;

  /**
   * @param wake called whenever something has joined.
   * @param budget shared with other queues where `maxWaitingBytes` is for all of them. @default its own
   */
  constructor(limits: QueueLimits, wake: () => void, budget = new QueueBudget()) {
    this.#limits = { ...QUEUE_DEFAULTS, ...limits };
    this.#wake = wake;
    this.#budget = budget;
  }

  /** Bytes that wait for the next flush. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many appends and drops wait for the next flush. */
  get length(): number {
    return this.#waiting.length;
  }

  /** True while any of them may still become more by waiting. */
  get isGathering(): boolean {
    return this.#gathering > 0;
  }

  /** How many have ever joined, which is the number of the latest. */
  get joined(): number {
    return this.#joined;
  }

  /** Number of the one that has waited longest; infinite when nobody waits. */
  get oldest(): number {
    return this.#waiting[0]?.number ?? Number.POSITIVE_INFINITY;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  append(
    stream: string,
    events: readonly AgentEvent[] | Gathering,
    expectedTop: number | undefined,
    since?: Since,
  ): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const append: Waiting = {
        kind: 'append',
        stream,
        number: this.#joined + 1,
        source: NOTHING,
        from: 0,
        to: 0,
        count: 0,
        bytes: OVERHEAD,
        expectedTop,
        since,
        resolve,
        reject,
        gather: typeof events === 'function' ? events : undefined,
      };
      if (typeof events !== 'function') this.#write(append, events);
      else {
        this.#admit(OVERHEAD);
        this.#gathering += 1;
      }
      this.#join(append);
    });
  }

  #write(append: Waiting, events: readonly AgentEvent[]): void {
    const json = JSON.stringify(events);
    const length = Buffer.byteLength(json);
    this.#check(append.stream, length);
    append.bytes = length + OVERHEAD;
    this.#admit(append.bytes);
    if (events.length === 0) return;
    const tape = this.#tape;
    tape.write(json, length);
    append.source = tape.source;
    append.from = tape.from;
    append.to = tape.to;
    append.count = events.length;
  }

  drop(stream: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#admit(OVERHEAD);
      this.#join({ kind: 'drop', stream, number: this.#joined + 1, bytes: OVERHEAD, resolve, reject });
    });
  }

  /**
   * Takes what the next flush writes: the oldest, up to 4 MiB. Give it back with `settled`.
   *
   * @param upTo number of the last whose turn it is. Appends that were whole when they were made leave with the first of
   * their stream; those that are gathered have it in themselves. @default all that wait
   */
  take(upTo = this.#joined): readonly Operation[] {
    const taken: Operation[] = [];
    const waiting = this.#waiting;
    const streams = upTo < this.#joined && this.#gathering < waiting.length ? new Set<string>() : undefined;
    let bytes = 0;
    const isFull = (next: Operation): boolean => taken.length > 0 && bytes + next.bytes > FLUSH_BYTES;
    let at = 0;
    for (; at < waiting.length; at += 1) {
      const next = waiting[at] as Waiting | Drop;
      if (next.number > upTo || isFull(next)) break;
      streams?.add(next.stream);
      bytes += this.#leave(next, taken);
    }
    this.#waiting = waiting.slice(at);
    // When it is full, nobody overtakes one of its own stream.
    if (streams !== undefined && this.oldest > upTo)
      this.#waiting = this.#waiting.filter((next) => {
        if (!streams.has(next.stream)) return true;
        if (isFull(next)) streams.clear();
        else bytes += this.#leave(next, taken);
        return !streams.has(next.stream);
      });
    this.#budget.held += bytes;
    return taken;
  }

  /** Puts one that has waited to those that are taken; returns how much it is, 0 when it ends here. */
  #leave(one: Waiting | Drop, taken: Operation[]): number {
    this.#bytes -= one.bytes;
    this.#budget.held -= one.bytes;
    if (one.kind === 'append' && one.gather !== undefined) {
      this.#gathering -= 1;
      if (!this.#ask(one, one.gather)) return 0;
    }
    taken.push(one);
    return one.bytes;
  }

  /** Makes room for others: these have been resolved or rejected. */
  settled(taken: readonly Operation[]): void {
    for (const { bytes } of taken) this.#budget.held -= bytes;
  }

  /** Rejects all that waits. */
  refuse(error: unknown): void {
    const refused = this.#waiting;
    this.#waiting = [];
    this.#budget.held -= this.#bytes;
    this.#bytes = 0;
    this.#gathering = 0;
    for (const { reject } of refused) reject(error);
  }

  /** Asks for the events of an append; false when there is something wrong with them, and the append ends here. */
  #ask(append: Waiting, gather: Gathering): boolean {
    try {
      const { json, count } = gather();
      this.#check(append.stream, json.length);
      append.source = json;
      append.from = 1;
      append.to = json.length - 1;
      append.count = count;
      append.bytes = json.length + OVERHEAD;
      return true;
    } catch (error) {
      append.reject(error);
      return false;
    }
  }

  #check(stream: string, bytes: number): void {
    const limit = this.#limits.maxAppendBytes;
    if (bytes > limit) throw coreError('APPEND_TOO_LARGE', { stream, bytes, limit });
  }

  #admit(bytes: number): void {
    const waitingBytes = this.#budget.held;
    const limit = this.#limits.maxWaitingBytes;
    if (waitingBytes + bytes > limit) throw coreError('LOG_BUSY', { waitingBytes, limit });
  }

  #join(operation: Waiting | Drop): void {
    this.#waiting.push(operation);
    this.#joined += 1;
    this.#bytes += operation.bytes;
    this.#budget.held += operation.bytes;
    this.#wake();
  }
}
