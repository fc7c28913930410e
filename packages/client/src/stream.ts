/**
 * One stream as this client follows it: what comes is offered to every reader, and what a reader misses is asked for again.
 *
 * Each reader has a position of its own, so a duplicate changes nothing and a gap is never stepped over.
 */
import type {
  ClientFrameInput,
  Clock,
  EventsFrame,
  MusterError,
  Position,
  StreamStatus,
  Timer,
} from '@muster/contracts';
import { Delivery, type DeliveryPorts } from './delivery.ts';
import { clientError } from './errors.ts';
import type { Reader } from './reader.ts';

/** How long a stream may be still while something of it is awaited; then it is asked for again. In milliseconds. */
export const PULL_AGAIN_MS = 5_000;

/** Where the stream has begun anew, as the application is told. */
export interface StreamReset extends Position {
  readonly stream: string;
  /** What could not be continued. */
  readonly why: string;
}

export interface StreamPorts extends Omit<DeliveryPorts, 'drained' | 'processed'> {
  readonly clock: Clock;
  /** False when nothing can be sent now. */
  send(frame: ClientFrameInput): boolean;
  /** The handlers have come further, or begin anew. */
  moved(): void;
  reset(reset: StreamReset): void;
}

/** What is on its way from the server. */
interface Awaited {
  /** Where the pull began; `undefined` for a replay, which comes by itself and is over when the server says so. */
  readonly since: number | undefined;
  /** Where the reader that lags most stood when the timer was set. */
  readonly lowest: number;
  readonly timer: Timer;
}

export class Stream {
  readonly name: string;
  /** True when the application asked for it, false when a run brought it. */
  asked: boolean;
  readonly #ports: StreamPorts;
  readonly #delivery: Delivery;
  readonly #readers = new Set<Reader>();
  /** Where this client's knowledge of the epoch begins. */
  #base: Position | undefined;
  /** The highest offset that is known to exist. */
  #top = 0;
  #awaited: Awaited | undefined;
  #ended: MusterError | undefined;

  constructor(name: string, asked: boolean, position: Position | undefined, ports: StreamPorts) {
    this.name = name;
    this.asked = asked;
    this.#ports = ports;
    this.#delivery = new Delivery(name, {
      clock: ports.clock,
      handlers: ports.handlers,
      failed: (error) => ports.failed(error),
      drained: () => this.#catchUp(),
      processed: (at) => {
        ports.send({ type: 'ack', stream: name, ...at });
        ports.moved();
      },
    });
    if (position !== undefined) this.#begin(position);
  }

  /** What every handler is done with; `undefined` until the stream is known. */
  get processed(): Position | undefined {
    return this.#delivery.processed;
  }

  /** True while somebody iterates, or waits for the end of a run. */
  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  /** Where a reader has to begin to miss nothing that came since `earlier`. */
  since(earlier: Position | undefined): Position | undefined {
    return earlier?.epoch === this.#base?.epoch ? earlier : this.#base;
  }

  /** Offers events to the reader from now on: above its position, or above where the handlers stand. */
  attach(reader: Reader): void {
    if (this.#ended) {
      reader.lost(this.#ended);
      return;
    }
    const { position } = this.#delivery;
    reader.position ??= position && { ...position };
    if (reader.position !== undefined && position !== undefined && reader.position.epoch !== position.epoch) {
      reader.lost(this.#lost('the stream has begun anew under another epoch'));
      return;
    }
    this.#readers.add(reader);
    this.#catchUp();
  }

  detach(reader: Reader): void {
    this.#readers.delete(reader);
  }

  /** A connection is there; `status` is what it said of this stream, `undefined` when nothing. */
  connected(status: StreamStatus | undefined): void {
    if (status === undefined) {
      this.subscribe();
      return;
    }
    if (this.#base === undefined) this.#begin({ epoch: status.epoch, offset: status.floor });
    if (this.#base?.epoch === status.epoch) this.#top = Math.max(this.#top, status.top);
    this.#await(undefined);
  }

  disconnected(): void {
    this.#arrived();
  }

  /** Follows the stream on a connection that does not know of it yet. */
  subscribe(): void {
    const cursor = this.processed;
    const sent = this.#ports.send({ type: 'subscribe', stream: this.name, ...(cursor && { cursor }) });
    if (sent) this.#await(undefined);
  }

  receive({ epoch, offset, events }: EventsFrame): void {
    const base = this.#base ?? this.#begin({ epoch, offset: offset - 1 });
    if (epoch !== base.epoch) {
      this.#pull();
      return;
    }
    const end = offset + events.length - 1;
    this.#top = Math.max(this.#top, end);
    for (const reader of [this.#delivery, ...this.#readers]) this.#offer(reader, offset, events);
    if (this.#awaited?.since !== undefined && this.#lowest >= this.#top) this.#arrived();
    this.#catchUp();
  }

  /** A replay is over. */
  live(at: Position): void {
    this.#arrived();
    this.seen(at);
  }

  /** The server says where the stream stands. */
  seen({ epoch, offset }: Position): void {
    if (this.#base === undefined) {
      if (offset > 0 && this.#awaited === undefined) this.subscribe();
      return;
    }
    if (epoch !== this.#base.epoch) {
      this.#pull();
      return;
    }
    this.#top = Math.max(this.#top, offset);
    this.#catchUp();
  }

  /**
   * What lies below `floor`, or in another epoch, is gone. Where only a reader that lags behind the handlers misses it,
   * the handlers go on as if nothing had happened.
   */
  reset(epoch: string, floor: number, why: string): void {
    const at = this.#delivery.position;
    const since = this.#awaited?.since ?? Infinity;
    const onlyLaggards = epoch === at?.epoch && at.offset >= floor && since < floor;
    for (const reader of this.#readers) {
      if (onlyLaggards && (reader.position?.offset ?? 0) >= floor) continue;
      this.#readers.delete(reader);
      reader.lost(this.#lost(why));
    }
    this.#await(undefined);
    if (onlyLaggards) return;
    this.#begin({ epoch, offset: floor });
    this.#ports.reset({ stream: this.name, epoch, offset: floor, why });
    this.#ports.moved();
  }

  /** Says how far the handlers have come. */
  flush(): void {
    this.#delivery.flush();
  }

  /** Follows no more; whoever still reads fails with the error. */
  end(error: MusterError): void {
    this.#ended = error;
    this.#arrived();
    this.#delivery.lost();
    for (const reader of this.#readers) reader.lost(error);
    this.#readers.clear();
  }

  #lost(why: string): MusterError {
    return clientError('EVENTS_LOST', { stream: this.name, why });
  }

  #begin(position: Position): Position {
    this.#base = { ...position };
    this.#top = position.offset;
    this.#delivery.begin(position);
    for (const reader of this.#readers) reader.position ??= { ...position };
    return this.#base;
  }

  /** Gives the reader what of these events comes next for it. One without room is let go; it comes back by `attach()`. */
  #offer(reader: Reader, offset: number, events: EventsFrame['events']): void {
    const { position } = reader;
    if (position === undefined) return;
    for (let at = position.offset + 1 - offset; at >= 0 && at < events.length; at += 1) {
      if (!reader.take(events[at] as EventsFrame['events'][number], offset + at)) {
        this.#readers.delete(reader);
        return;
      }
      position.offset = offset + at;
    }
  }

  /** Asks for what a reader with room misses, unless something is on its way already. */
  #catchUp(): void {
    const lowest = this.#lowest;
    if (lowest < this.#top) this.#pull(lowest);
  }

  /** Where the reader with room stands that lags most; `Infinity` when none has any. */
  get #lowest(): number {
    let lowest = this.#delivery.hasRoom ? (this.#delivery.position?.offset ?? Infinity) : Infinity;
    for (const { position } of this.#readers) lowest = Math.min(lowest, position?.offset ?? Infinity);
    return lowest;
  }

  #pull(since = this.#delivery.position?.offset ?? 0): void {
    if (this.#awaited !== undefined || this.#base === undefined || this.#ended) return;
    const { epoch } = this.#base;
    if (this.#ports.send({ type: 'pull', stream: this.name, epoch, since })) this.#await(since);
  }

  #await(since: number | undefined): void {
    this.#arrived();
    const timer = this.#ports.clock.schedule(PULL_AGAIN_MS, () => this.#stillAwaited());
    this.#awaited = { since, lowest: this.#lowest, timer };
  }

  /** What moves is still coming; what stands still is not, and is asked for again. */
  #stillAwaited(): void {
    const awaited = this.#awaited;
    this.#arrived();
    if (awaited && this.#lowest > awaited.lowest) this.#await(awaited.since);
    else this.#catchUp();
  }

  #arrived(): void {
    this.#awaited?.timer.cancel();
    this.#awaited = undefined;
  }
}
