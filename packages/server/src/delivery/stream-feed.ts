/**
 * Sends one stream to one client: first what is in the log above the cursor, then what is appended.
 *
 * It owns a position and nothing else. A client that reads or acknowledges too slowly loses its place in the live flow, not
 * its events: the feed goes back to the log and reads on as there is room. Memory per slow client is one read.
 */
import type { Position, ServerFrame, StreamInfo } from '@muster/contracts';
import type { Batch, EventLog, Subscription } from '@muster/core';
import { type EventsFrameBytes, eventsFrame, frameHead } from './frame-bytes.ts';
import type { StreamAccount } from './ledger.ts';

/** Where a feed writes. */
export interface FrameSink {
  send(frame: ServerFrame): void;
  sendEvents(frame: EventsFrameBytes): void;
  /** Resolves when there is room again; nothing while there is. */
  roomy(): Promise<void> | undefined;
  readonly isRoomy: boolean;
}

/** Told of what a feed has sent. */
export interface FeedObserver {
  /** Events are on their way. */
  sent(): void;
  failed(error: unknown): void;
  /** Calls `work` after a pause; the returned function takes that back. */
  later(work: () => void): () => void;
}

/** The log's side and the wire's side of a stream. */
export interface FeedStream {
  readonly log: EventLog;
  readonly key: string;
  /** The thread, as the client knows the stream. */
  readonly name: string;
  /** Events that may be on their way without an ack. */
  readonly window: number;
  /** What is sent and acknowledged is counted there. */
  readonly account: StreamAccount;
  /** False for a client that cannot: what was written counts as processed then. */
  readonly acknowledges: boolean;
}

export class StreamFeed {
  readonly #stream: FeedStream;
  readonly #sink: FrameSink;
  readonly #observer: FeedObserver;
  #subscription: Subscription | undefined;
  #epoch = '';
  /** The beginning of every `events` frame of this epoch. */
  #head: Buffer | undefined;
  #sent = 0;
  #acked = 0;
  /** The highest offset that an append has announced, also while the feed was not live. */
  #announced = 0;
  #isLive = false;
  #isPumping = false;
  #isClosed = false;
  #holds = 0;
  /** True from a read of the log that failed until one that did not. */
  #hasFailed = false;
  #cancelRetry: (() => void) | undefined;
  /** True from `replay()` until the client was told that it is over. */
  #owesLive = false;
  #toldLive: (() => void) | undefined;

  constructor(stream: FeedStream, sink: FrameSink, observer: FeedObserver) {
    this.#stream = stream;
    this.#sink = sink;
    this.#observer = observer;
  }

  /** True when the last thing in the log has been handed to the socket, as far as is known. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** The last event that was handed to the socket. */
  get position(): Position {
    return { epoch: this.#epoch, offset: this.#sent };
  }

  /** Events on their way, or at the client and not acknowledged. */
  get unacknowledged(): number {
    return this.#sent - this.#acked;
  }

  /**
   * Subscribes first and then looks where the stream stands, so nothing can fall between.
   *
   * @param cursor where the client stands; `top` for only what is new, undefined for all that the log has.
   * @returns where the stream stands, and why the cursor could not be continued, if so.
   */
  async open(cursor: Position | 'top' | undefined): Promise<{ info: StreamInfo; reset: string | undefined }> {
    const { log, key } = this.#stream;
    this.#subscription = log.subscribe(key, (batch) => this.#appended(batch));
    if (this.#isClosed) this.#subscription.close();
    const info = await log.info(key);
    const reset = whyReset(cursor, info);
    this.#begin(info.epoch);
    const processed = typeof cursor === 'object' && reset === undefined ? cursor.offset : undefined;
    this.#goTo(processed ?? (cursor === 'top' ? info.top : info.floor));
    this.#stream.account.stood(info, processed ?? 0);
    return { info, reset };
  }

  /** Sends what the log has above the position, says `live`, and follows from then on. */
  async replay(): Promise<void> {
    this.#owesLive = true;
    await this.#pump();
  }

  /** Resolves when the client was told that it has all, however many acks that takes, or when nothing more is sent. */
  whenLive(): Promise<void> {
    if (!this.#owesLive || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#toldLive = resolve;
    });
  }

  /** Everything up to `offset` is processed. False for more than was ever sent. */
  acknowledge(epoch: string, offset: number): boolean {
    // Of what was before a reset; the client did not know of that yet.
    if (epoch !== this.#epoch) return true;
    if (offset > this.#sent) return false;
    const wasFull = this.#isFull;
    this.#acked = Math.max(this.#acked, offset);
    if (wasFull && !this.#isFull && !this.#isLive) this.#again();
    return true;
  }

  /** Sends everything above `since` once more: the client has missed it. */
  pull(epoch: string, since: number): void {
    if (epoch !== this.#epoch || since > this.#sent) {
      // What the client believes to have is not what it was sent.
      this.#owesLive = true;
      this.#resetTo('the position that was pulled from is not one of this stream').catch((error: unknown) =>
        this.#failed(error),
      );
      return;
    }
    this.#sent = since;
    this.#acked = Math.min(this.#acked, since);
    this.#owesLive = true;
    this.#again();
  }

  /** Sends nothing until the returned function is called: an answer goes out before the events that it caused. */
  hold(): () => void {
    this.#holds += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#holds -= 1;
      if (this.#holds === 0 && (!this.#isLive || this.#announced > this.#sent)) this.#again();
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#subscription?.close();
    this.#toldLive?.();
  }

  get #isFull(): boolean {
    return this.unacknowledged >= this.#stream.window;
  }

  #begin(epoch: string): void {
    this.#epoch = epoch;
    this.#head = undefined;
  }

  #goTo(offset: number): void {
    this.#sent = offset;
    this.#acked = offset;
  }

  #again(): void {
    this.#isLive = false;
    this.#cancelRetry?.();
    this.#pump().then(
      () => {
        this.#hasFailed = false;
      },
      (error: unknown) => this.#failed(error),
    );
  }

  /** A log that cannot be read now can be read later: the client is told once, and gets what it is owed. */
  #failed(error: unknown): void {
    if (this.#isClosed) return;
    if (!this.#hasFailed) this.#observer.failed(error);
    this.#hasFailed = true;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#observer.later(() => this.#again());
  }

  #appended(batch: Batch): void {
    this.#announced = batch.offset + batch.count - 1;
    this.#stream.account.appended(batch.epoch, this.#announced);
    if (!this.#isLive || this.#holds > 0) return;
    const isNext = batch.epoch === this.#epoch && batch.offset === this.#sent + 1;
    if (isNext && this.#sink.isRoomy && !this.#isFull) this.#send(batch);
    else this.#again();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (!this.#isClosed && (await this.#sendSome())) continue;
    } finally {
      this.#isPumping = false;
    }
  }

  /** One read's worth; false when there is nothing to do until somebody says so. */
  async #sendSome(): Promise<boolean> {
    const { log, key } = this.#stream;
    await this.#sink.roomy();
    // An ack, or the end of the hold, begins again.
    if (this.#isFull || this.#holds > 0 || this.#isClosed) return false;
    const { epoch, floor, top, batches } = await log.read(key, { after: this.#sent });
    if (this.#isClosed || this.#holds > 0) return false;
    if (epoch !== this.#epoch) {
      await this.#resetTo('the stream has begun anew');
      return true;
    }
    this.#stream.account.stood({ epoch, floor, top }, 0);
    if (floor > this.#sent) this.#reset(floor, 'events were no longer kept when their turn came');
    if (batches.length === 0) {
      // What was appended while the log was read is announced by now, and is read in the next round.
      if (this.#announced > this.#sent) return true;
      this.#goLive();
      return false;
    }
    for (const batch of batches) {
      if (!this.#sink.isRoomy || this.#isFull) break;
      if (batch.offset + batch.count - 1 > this.#sent) this.#send(batch);
    }
    return true;
  }

  #goLive(): void {
    this.#isLive = true;
    if (!this.#owesLive) return;
    this.#owesLive = false;
    this.#sink.send({ type: 'live', stream: this.#stream.name, ...this.position });
    this.#toldLive?.();
  }

  /** The stream was dropped and has returned, or the client is lost in it: what was sent of it counts no more. */
  async #resetTo(why: string): Promise<void> {
    const { epoch, floor, top } = await this.#stream.log.info(this.#stream.key);
    this.#begin(epoch);
    this.#announced = top;
    if (this.#isClosed) return;
    this.#reset(floor, why);
    if (!this.#isPumping) this.#again();
  }

  #reset(floor: number, why: string): void {
    this.#goTo(floor);
    this.#sink.send({ type: 'reset', stream: this.#stream.name, epoch: this.#epoch, floor, why });
  }

  #send(batch: Batch): void {
    this.#sent = batch.offset + batch.count - 1;
    this.#head ??= frameHead(this.#stream.name, this.#epoch);
    this.#sink.sendEvents(eventsFrame(this.#head, batch));
    const { account, acknowledges } = this.#stream;
    account.sent(batch.offset, this.#sent);
    if (!acknowledges) {
      this.#acked = this.#sent;
      account.acknowledged(this.#epoch, this.#sent);
    }
    this.#observer.sent();
  }
}

function whyReset(cursor: Position | 'top' | undefined, info: StreamInfo): string | undefined {
  if (cursor === 'top' || cursor === undefined) return undefined;
  if (cursor.epoch !== info.epoch) return 'the stream has begun anew under another epoch';
  if (cursor.offset > info.top) return 'the cursor lies beyond the end of the stream';
  return cursor.offset < info.floor ? 'events after the cursor are no longer kept' : undefined;
}
