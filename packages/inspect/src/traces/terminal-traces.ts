/**
 * What became of the terminals of runs: the ends of their spans, and below each its append and its delivery to the first client
 * that has processed it.
 *
 * A busy app ends runs amid all else that it does, so what happens is written down then, and told to the tracer once a second.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { RuntimeEvent } from '@muster/core';
import { type Context, ROOT_CONTEXT, type Span, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';

/** How long a delivery is waited for, in milliseconds; what has taken longer is told as not delivered. */
const DELIVERY_MS = 60_000;
/** Deliveries that are waited for at the same time. */
const DELIVERIES = 10_000;
/** Pause between two looks at what can be told, in milliseconds. */
const LOOK_MS = 1_000;

type Ended = Extract<RuntimeEvent, { type: 'run-ended' }>;

interface Terminal {
  /** Of its run, which is sampled. */
  readonly span: Span;
  readonly stream: string;
  readonly ended: Ended;
}

interface Delivery extends Terminal {
  /** When it was over, in milliseconds since 1970. */
  readonly until: number;
  readonly isDelivered: boolean;
}

export class TerminalTraces {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  /** In the order in which they came, each with the time of that on the scale of `clock.monotonic()`. */
  readonly #waiting = new Map<Terminal, number>();
  /** The same by stream. */
  readonly #ofStream = new Map<string, Set<Terminal>>();
  /** What was not told yet. */
  #terminals: Terminal[] = [];
  #deliveries: Delivery[] = [];
  #timer: Timer | undefined;

  constructor(tracer: Tracer, clock: Clock) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  /** The terminal of a sampled run was appended to a stream; its delivery is waited for, for as long as that may take. */
  appended(span: Span, stream: string, ended: Ended): void {
    this.#timer ??= this.#clock.schedule(LOOK_MS, () => this.#look());
    const terminal = { span, stream, ended };
    this.#terminals.push(terminal);
    if (this.#waiting.size >= DELIVERIES) return;
    const ofStream = this.#ofStream.get(stream) ?? new Set();
    this.#ofStream.set(stream, ofStream.add(terminal));
    this.#waiting.set(terminal, this.#clock.monotonic());
  }

  /** Everything in a stream up to an offset has been processed by a client. */
  acknowledged(stream: string, offset: number): void {
    const ofStream = this.#ofStream.get(stream);
    if (ofStream === undefined) return;
    for (const terminal of ofStream) if (terminal.ended.offset <= offset) this.#over(terminal, true);
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
    const { stream } = terminal;
    const ofStream = this.#ofStream.get(stream);
    ofStream?.delete(terminal);
    if (ofStream?.size === 0) this.#ofStream.delete(stream);
    this.#waiting.delete(terminal);
    this.#deliveries.push({ ...terminal, until: this.#clock.now(), isDelivered });
  }

  #tell(): void {
    const [terminals, deliveries] = [this.#terminals, this.#deliveries];
    this.#terminals = [];
    this.#deliveries = [];
    for (const { span, ended } of terminals) {
      const { at, appendMs } = ended;
      this.#tracer.startSpan('append', { startTime: at - appendMs }, below(span)).end(at);
      end(span, ended);
    }
    for (const { span, ended, until, isDelivered } of deliveries) {
      const attributes = { 'muster.delivered': isDelivered };
      this.#tracer.startSpan('deliver', { startTime: ended.at, attributes }, below(span)).end(until);
    }
  }
}

function below(span: Span): Context {
  return trace.setSpan(ROOT_CONTEXT, span);
}

function end(span: Span, { status, code, events, at }: Ended): void {
  span.setAttributes({
    'muster.run.status': status,
    'muster.run.events': events,
    ...(code === null ? {} : { 'muster.run.code': code }),
  });
  if (status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: code ?? status });
  span.end(at);
}
