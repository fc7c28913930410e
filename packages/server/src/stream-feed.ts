/**
 * Sends one stream to one client: first what is in the log above the cursor, then what is appended.
 *
 * It owns a position and nothing else. A client that reads too slowly loses its place in the live flow, not its events:
 * the feed goes back to the log and reads on as the socket drains.
 */
import type { AgentEvent, Position, ServerFrame, StreamInfo } from '@muster/contracts';
import type { Batch, EventLog, Subscription } from '@muster/core';

/** Where a feed writes. */
export interface FrameSink {
  send(frame: ServerFrame): void;
  /** Resolves when there is room again; at once while there is. */
  roomy(): Promise<void>;
  readonly isRoomy: boolean;
}

export class StreamFeed {
  readonly #log: EventLog;
  readonly #key: string;
  /** The thread, as the client knows the stream. */
  readonly #name: string;
  readonly #sink: FrameSink;
  readonly #failed: (error: unknown) => void;
  #subscription: Subscription | undefined;
  #epoch = '';
  #sent = 0;
  /** The highest offset that an append has announced, also while the feed was not live. */
  #announced = 0;
  #live = false;
  #pumping = false;
  #closed = false;
  #holds = 0;
  /** True from `replay()` until the client was told that it is over. */
  #owesLive = false;

  constructor(log: EventLog, key: string, name: string, sink: FrameSink, failed: (error: unknown) => void) {
    this.#log = log;
    this.#key = key;
    this.#name = name;
    this.#sink = sink;
    this.#failed = failed;
  }

  /** True when the last thing in the log has been handed to the socket, as far as is known. */
  get isLive(): boolean {
    return this.#live;
  }

  /**
   * Subscribes first and then looks where the stream stands, so nothing can fall between.
   *
   * @param cursor where the client stands; `top` for only what is new, undefined for all that the log has.
   * @returns where the stream stands, and whether the cursor could be continued.
   */
  async open(cursor: Position | 'top' | undefined): Promise<{ info: StreamInfo; reset: string | undefined }> {
    this.#subscription = this.#log.subscribe(this.#key, (batch) => this.#appended(batch));
    const info = await this.#log.info(this.#key);
    this.#epoch = info.epoch;
    let reset: string | undefined;
    if (cursor === 'top') this.#sent = info.top;
    else if (cursor === undefined) this.#sent = info.floor;
    else if (cursor.epoch !== info.epoch) reset = 'the stream has begun anew under another epoch';
    else if (cursor.offset > info.top) reset = 'the cursor lies beyond the end of the stream';
    else if (cursor.offset < info.floor) reset = 'events after the cursor are no longer kept';
    else this.#sent = cursor.offset;
    if (reset !== undefined) this.#sent = info.floor;
    return { info, reset };
  }

  /** Sends what the log has above the position, says `live`, and follows from then on. */
  async replay(): Promise<void> {
    this.#owesLive = true;
    await this.#pump();
  }

  /** Sends nothing until the returned function is called: an answer goes out before the events that it caused. */
  hold(): () => void {
    this.#holds += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#holds -= 1;
      if (this.#holds === 0 && (!this.#live || this.#announced > this.#sent)) {
        this.#live = false;
        this.#pump().catch(this.#failed);
      }
    };
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.close();
  }

  #appended(batch: Batch): void {
    this.#announced = batch.offset + batch.count - 1;
    if (!this.#live || this.#holds > 0) return;
    if (batch.epoch === this.#epoch && batch.offset === this.#sent + 1 && this.#sink.isRoomy) {
      this.#send(batch);
      return;
    }
    this.#live = false;
    this.#pump().catch(this.#failed);
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#closed) {
        await this.#sink.roomy();
        const { epoch, floor, batches } = await this.#log.read(this.#key, { after: this.#sent });
        if (this.#closed) return;
        if (epoch !== this.#epoch) {
          await this.#beginAnew();
          continue;
        }
        if (floor > this.#sent) this.#reset(floor, 'events were no longer kept when their turn came');
        if (batches.length === 0) {
          // What was appended while the log was read is announced by now, and is read in the next round.
          if (this.#announced > this.#sent) continue;
          this.#goLive();
          return;
        }
        // Held since this was read: it is read again when the hold is over.
        if (this.#holds > 0) return;
        for (const batch of batches) this.#send(batch);
      }
    } finally {
      this.#pumping = false;
    }
  }

  #goLive(): void {
    this.#live = true;
    if (!this.#owesLive) return;
    this.#owesLive = false;
    this.#sink.send({ type: 'live', stream: this.#name, epoch: this.#epoch, offset: this.#sent });
  }

  /** The stream was dropped and has returned: what was sent or announced of it counts no more. */
  async #beginAnew(): Promise<void> {
    const { epoch, floor } = await this.#log.info(this.#key);
    this.#epoch = epoch;
    this.#announced = floor;
    if (!this.#closed) this.#reset(floor, 'the stream has begun anew');
  }

  #reset(floor: number, why: string): void {
    this.#sent = floor;
    this.#sink.send({ type: 'reset', stream: this.#name, epoch: this.#epoch, floor, why });
  }

  /** Sends what the client has not got yet: a record may begin below its cursor. */
  #send({ epoch, offset, count, json }: Batch): void {
    const events = JSON.parse(json.toString()) as AgentEvent[];
    const from = this.#sent + 1;
    this.#sent = offset + count - 1;
    this.#sink.send({
      type: 'events',
      stream: this.#name,
      epoch,
      offset: Math.max(offset, from),
      events: events.slice(Math.max(0, from - offset)),
    });
  }
}
