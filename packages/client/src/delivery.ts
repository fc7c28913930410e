/**
 * Hands the events of one stream to every handler, one event after the other, and says how far they have come.
 *
 * An event counts as processed, and is acknowledged and remembered, only after every handler is done with it.
 */
import type { AgentEvent, Clock, MusterError, Position, Timer } from '@muster/contracts';
import { clientError } from './errors.ts';
import type { EventHandler } from './options.ts';
import type { Reader } from './reader.ts';

/** An ack goes out after so many events, */
export const ACK_EVENTS = 32;
/** or after so many milliseconds, whichever is first; and at once after a terminal. */
export const ACK_MS = 250;
/** Events that may wait for slow handlers; what comes beyond is asked for again later. */
export const MAX_WAITING = 1_000;
const ATTEMPTS = 3;

export interface DeliveryPorts {
  readonly clock: Clock;
  readonly handlers: ReadonlySet<EventHandler>;
  /** Everything up to the position has been processed. */
  processed(position: Position): void;
  /** There is room again. */
  drained(): void;
  failed(error: MusterError): void;
}

interface Waiting {
  readonly event: AgentEvent;
  readonly offset: number;
}

export class Delivery implements Reader {
  position: Position | undefined;
  readonly #stream: string;
  readonly #ports: DeliveryPorts;
  #processed: Position | undefined;
  #waiting: Waiting[] = [];
  #busy = false;
  #isOver = false;
  /** Counts beginnings; a handler that ends after a reset says nothing about what follows it. */
  #generation = 0;
  #unacked = 0;
  #ackTimer: Timer | undefined;

  constructor(stream: string, ports: DeliveryPorts) {
    this.#stream = stream;
    this.#ports = ports;
  }

  /** The last event that every handler is done with; where a new connection goes on. */
  get processed(): Position | undefined {
    return this.#processed;
  }

  get hasRoom(): boolean {
    return this.#waiting.length < MAX_WAITING;
  }

  /** Stands at `position` from now on; what still waits is forgotten. */
  begin(position: Position): void {
    this.position = { ...position };
    this.#processed = { ...position };
    this.#waiting = [];
    this.#busy = false;
    this.#generation += 1;
    this.#unacked = 0;
  }

  take(event: AgentEvent, offset: number): boolean {
    if (!this.hasRoom || this.#isOver) return false;
    this.#waiting.push({ event, offset });
    this.#work();
    return true;
  }

  lost(): void {
    this.#isOver = true;
    this.#generation += 1;
    this.#waiting = [];
    this.#ackTimer?.cancel();
  }

  /** Says how far the handlers have come, if that is news. */
  flush(): void {
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    if (this.#unacked === 0 || this.#processed === undefined) return;
    this.#unacked = 0;
    this.#ports.processed({ ...this.#processed });
  }

  /** Hands on what waits, in this tick as long as no handler returns a promise. */
  #work(): void {
    const generation = this.#generation;
    while (!this.#busy && this.#waiting.length > 0) {
      const { event, offset } = this.#waiting[0] as Waiting;
      const pending = [...this.#ports.handlers]
        .map((handler) => this.#hand(handler, event, 1))
        .filter((each) => each !== undefined);
      if (generation !== this.#generation) return;
      if (pending.length === 0) {
        this.#done(event, offset);
      } else {
        this.#busy = true;
        void Promise.all(pending).then(() => this.#goOn(generation, event, offset));
      }
    }
  }

  #goOn(generation: number, event: AgentEvent, offset: number): void {
    if (generation !== this.#generation) return;
    this.#busy = false;
    this.#done(event, offset);
    this.#work();
    if (this.#waiting.length === 0) this.#ports.drained();
  }

  /** @returns a promise that never rejects, or nothing when the handler is done already. */
  #hand(handler: EventHandler, event: AgentEvent, attempt: number): PromiseLike<void> | undefined {
    const again = (cause: unknown): PromiseLike<void> | undefined => {
      this.#ports.failed(clientError('HANDLER_FAILED', { stream: this.#stream, event: event.id, attempt }, cause));
      return attempt < ATTEMPTS ? this.#hand(handler, event, attempt + 1) : undefined;
    };
    try {
      const result = handler(event, this.#stream) as PromiseLike<undefined> | undefined;
      // Many a handler returns whatever its last expression is worth.
      return typeof result?.then === 'function' ? result.then(undefined, again) : undefined;
    } catch (cause) {
      return again(cause);
    }
  }

  #done(event: AgentEvent, offset: number): void {
    this.#waiting.shift();
    if (this.#processed) this.#processed.offset = offset;
    this.#unacked += 1;
    if (this.#unacked >= ACK_EVENTS || event.event === 'agent_completed') this.flush();
    else this.#ackTimer ??= this.#ports.clock.schedule(ACK_MS, () => this.flush());
  }
}
