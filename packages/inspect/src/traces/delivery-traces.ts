/**
 * What became of the terminals of runs, as spans below the run's: their append, and their delivery to the first client that has
 * processed them.
 *
 * A busy app ends runs amid all else that it does, so what happens is written down then, and made into spans all at once later.
 */
import type { Clock, Timer } from '@muster/contracts';
import { ROOT_CONTEXT, type Span, trace, type Tracer } from '@opentelemetry/api';

/** How long a delivery is waited for, in milliseconds; what has taken longer is told as not delivered. */
const DELIVERY_MS = 60_000;
/** Deliveries that are waited for at the same time. */
const DELIVERIES = 10_000;
/** Pause between two looks at what can be told, in milliseconds. */
const LOOK_MS = 1_000;

/** A terminal that was appended. */
export interface Terminal {
  /** Of its run. */
  readonly span: Span;
  readonly stream: string;
  readonly offset: number;
  /** When it was appended, in milliseconds since 1970, and how long that took. */
  readonly at: number;
  readonly appendMs: number;
}

interface Told extends Terminal {
  /** When its delivery was over, as far as it was waited for. */
  readonly until: number | undefined;
  readonly isDelivered: boolean;
}

export class DeliveryTraces {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  /** In the order in which they came, each with the time of that on the scale of `clock.monotonic()`. */
  readonly #waiting = new Map<Terminal, number>();
  /** The same by stream. */
  readonly #ofStream = new Map<string, Set<Terminal>>();
  #told: Told[] = [];
  #timer: Timer | undefined;

  constructor(tracer: Tracer, clock: Clock) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  /** Waits until it is delivered, or for as long as it may take. */
  appended(terminal: Terminal): void {
    this.#timer ??= this.#clock.schedule(LOOK_MS, () => this.#look());
    if (this.#waiting.size >= DELIVERIES) {
      this.#told.push({ ...terminal, until: undefined, isDelivered: false });
      return;
    }
    const { stream } = terminal;
    const ofStream = this.#ofStream.get(stream) ?? new Set();
    this.#ofStream.set(stream, ofStream.add(terminal));
    this.#waiting.set(terminal, this.#clock.monotonic());
  }

  /** Everything in a stream up to an offset has been processed by a client. */
  acknowledged(stream: string, offset: number): void {
    const ofStream = this.#ofStream.get(stream);
    if (ofStream === undefined) return;
    for (const terminal of ofStream) if (terminal.offset <= offset) this.#over(terminal, true);
  }

  /** Waits no longer, and tells what there is to tell. */
  close(): void {
    this.#timer?.cancel();
    for (const terminal of this.#waiting.keys()) this.#over(terminal, false);
    this.#tell();
  }

  #look(): void {
    const now = this.#clock.monotonic();
    for (const [terminal, since] of this.#waiting) {
      if (now - since < DELIVERY_MS) break;
      this.#over(terminal, false);
    }
    this.#tell();
    this.#timer = this.#waiting.size > 0 ? this.#clock.schedule(LOOK_MS, () => this.#look()) : undefined;
  }

  #over(terminal: Terminal, isDelivered: boolean): void {
    const ofStream = this.#ofStream.get(terminal.stream);
    ofStream?.delete(terminal);
    if (ofStream?.size === 0) this.#ofStream.delete(terminal.stream);
    this.#waiting.delete(terminal);
    this.#told.push({ ...terminal, until: this.#clock.now(), isDelivered });
  }

  #tell(): void {
    const told = this.#told;
    this.#told = [];
    for (const { span, at, appendMs, until, isDelivered } of told) {
      const inRun = trace.setSpan(ROOT_CONTEXT, span);
      this.#tracer.startSpan('append', { startTime: at - appendMs }, inRun).end(at);
      if (until === undefined) continue;
      const attributes = { 'muster.delivered': isDelivered };
      this.#tracer.startSpan('deliver', { startTime: at, attributes }, inRun).end(until);
    }
  }
}
