/**
 * What a run has emitted and the log does not have yet: in the order of its emitting, bounded, and none of it is lost.
 *
 * What is added until the log is about to write leaves together. What an append has left out goes first in the next one,
 * so that the numbers of a run have no hole.
 */
import type { EventsJson } from '@muster/core';
import { EventsWriter, giveBack, type LentEvents } from './events-writer.ts';
import type { UserEmitter } from './user-emitter.ts';

/** Proof of an append: the offset of its last event. */
export interface Receipt {
  readonly offset: number;
}

/** How much of one run may wait for the log. An agent that now and then awaits what it emits meets neither. */
export const WAITING = { events: 10_000, bytes: 8 * 2 ** 20 } as const;
/** What leaves together, in bytes; one event more than that leaves alone. Well below what a log takes at once. */
const TOGETHER_BYTES = 2 ** 20;

/** Told of what becomes of the events that leave together. */
interface Gathered {
  /** Resolves when they are in the log. */
  readonly recorded: Promise<Receipt>;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/** Events that leave together; those of an append that failed have nobody left who waits for them. */
interface Parcel {
  readonly events: LentEvents;
  readonly gathered: Gathered | undefined;
}

export class Outbox {
  readonly #emitter: UserEmitter;
  readonly #failure: (count: number, cause: unknown) => Error;
  readonly #writer = new EventsWriter();
  #gathered: Gathered | undefined;
  /** Whole parcels, the oldest first; a burst has some. */
  #whole: Parcel[] = [];
  /** What the append that is under way has taken. */
  #taken: Parcel | undefined;
  /** What appends have left out, the oldest first, and why the last of them has failed. */
  #unwritten: Parcel[] = [];
  #error: unknown;
  #isFlushing = false;
  /** Those who wait until nothing is under way. */
  #draining: (() => void)[] = [];
  #events = 0;
  /** Of all parcels. */
  #bytes = 0;

  /** @param failure makes the error that those are told whose events could not be appended. */
  constructor(emitter: UserEmitter, failure: (count: number, cause: unknown) => Error) {
    this.#emitter = emitter;
    this.#failure = failure;
  }

  /** How many events wait, also those that are being written. */
  get events(): number {
    return this.#events;
  }

  /** How many bytes they have, nearly. */
  get bytes(): number {
    return this.#bytes + this.#writer.bytes;
  }

  /** True while no more should be added, so that a run cannot fill the memory when the log is slow. */
  get isFull(): boolean {
    return this.#events >= WAITING.events || this.bytes >= WAITING.bytes;
  }

  /**
   * Adds one event; resolves when it is in the log.
   *
   * @param json its text, and a comma.
   * @param isAscii true when that certainly has no character above U+007F.
   * @throws the given failure when the append that it was in has failed; the event is kept for the next one all the same.
   */
  add(json: string, isAscii: boolean): Promise<Receipt> {
    if (this.#writer.bytes + json.length > TOGETHER_BYTES && this.#gathered !== undefined)
      this.#whole.push(this.#gather());
    this.#writer.add(json, isAscii);
    this.#events += 1;
    this.#gathered ??= gathering();
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      // What is emitted in this tick leaves together, also where a log asks at once.
      queueMicrotask(this.#flush);
    }
    return this.#gathered.recorded;
  }

  /** Resolves when nothing is under way; rejects with the failure when something was left out. */
  async drain(): Promise<void> {
    if (this.#isFlushing) await new Promise<void>((resolve) => this.#draining.push(resolve));
    if (this.#unwritten.length > 0) throw this.#error;
  }

  /** What has been added since the last whole parcel. */
  #gather(): Parcel {
    const parcel = { events: this.#writer.take(), gathered: this.#gathered };
    this.#bytes += parcel.events.json.length;
    this.#gathered = undefined;
    return parcel;
  }

  // Functions of the outbox, made once and not for every append: a run can have a hundred of them in a second.

  readonly #flush = (): void => {
    if (this.#gathered !== undefined || this.#whole.length > 0) {
      try {
        this.#emitter.append(this.#take).then(this.#appended, this.#failed);
      } catch (error) {
        // A log that throws where it should reject.
        this.#failed(error);
      }
      return;
    }
    this.#isFlushing = false;
    for (const drained of this.#draining.splice(0)) drained();
  };

  readonly #take = (): EventsJson => {
    this.#taken = this.#unwritten[0] ?? this.#whole.shift() ?? this.#gather();
    return this.#taken.events;
  };

  readonly #appended = ({ top }: { readonly top: number }): void => {
    const { events, gathered } = this.#taken as Parcel;
    this.#taken = undefined;
    if (gathered === undefined) this.#unwritten.shift();
    this.#events -= events.count;
    this.#bytes -= events.json.length;
    giveBack(events);
    gathered?.resolve({ offset: top });
    this.#flush();
  };

  /** Each append that fails has somebody who is told, so what waits is not tried again and again. */
  readonly #failed = (cause: unknown): void => {
    // A log that refuses at once has not asked for anything, and what was left out before has nobody who waits.
    const asked = this.#taken?.gathered === undefined ? undefined : this.#taken;
    this.#taken = undefined;
    const { events, gathered } = asked ?? this.#whole.shift() ?? this.#gather();
    this.#unwritten.push({ events, gathered: undefined });
    this.#error = this.#failure(events.count, cause);
    gathered?.reject(this.#error);
    this.#flush();
  };
}

function gathering(): Gathered {
  let resolve!: (receipt: Receipt) => void;
  let reject!: (error: unknown) => void;
  const recorded = new Promise<Receipt>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  // A caller that does not await must not bring the process down.
  recorded.catch(() => {});
  return { recorded, resolve, reject };
}
