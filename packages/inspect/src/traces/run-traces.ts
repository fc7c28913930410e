/**
 * Runs as spans: from their beginning to their end, and below each the append of its terminal and its delivery to the first
 * client that has processed it.
 *
 * A busy app begins and ends runs amid all else that it does, so what happens is written down then, and told to the tracer when
 * many have ended or some time has passed, or as soon as something below a run needs its span.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { RuntimeEvent } from '@muster/core';
import { context, ROOT_CONTEXT, type Span, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import { LateSpan } from './late-span.ts';

/** How long a delivery is waited for, in milliseconds; what has taken longer is told as not delivered. */
const DELIVERY_MS = 60_000;
/** Deliveries that are waited for at the same time. */
const DELIVERIES = 10_000;
/** How long an end waits to be told, in milliseconds, where there are few. */
const LOOK_MS = 3_000;
/**
 * So many runs are told at a time. They have more spans than a processor of spans collects by default before it exports them,
 * so that these do not grow old in memory, and less than it can keep.
 */
const BATCH = 256;
/** Pause between two batches where more runs have ended, in milliseconds. */
const BATCH_MS = 10;

type Begun = Extract<RuntimeEvent, { type: 'run-begun' }>;
type Ended = Extract<RuntimeEvent, { type: 'run-ended' }>;
type Left = Extract<RuntimeEvent, { type: 'run-left' }>;

/** Where the delivery of a terminal stands; `none` before there is one, and where nobody waits for it. */
type Delivery = 'none' | 'awaited' | 'delivered' | 'given up';

interface Run {
  readonly span: LateSpan;
  readonly stream: string;
  ended: Ended | undefined;
  /** When it ended, on the scale of `clock.monotonic()`. */
  since: number;
  /** That it has ended, and the append of its terminal. */
  isTold: boolean;
  delivery: Delivery;
  /** When its delivery was over, in milliseconds since 1970. */
  until: number;
}

export class RunTraces {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  /** Those that have no terminal yet. */
  readonly #runs = new Map<string, Run>();
  /** Those that have no terminal yet, or of which the delivery is awaited. */
  readonly #ofStream = new Map<string, Set<Run>>();
  /** Those of which something is still to be told, in the order in which they ended. */
  #ended: Run[] = [];
  /** Of those, how many can be told now: an end, or a delivery that is over. */
  #due = 0;
  #awaited = 0;
  #timer: Timer | undefined;
  #isHurried = false;
  #isClosed = false;

  /** @param failed told of what the tracer throws. */
  constructor(tracer: Tracer, clock: Clock, failed: (error: unknown) => void) {
    this.#tracer = tracer;
    this.#clock = clock;
    this.#failed = failed;
  }

  /** Of a run that has no terminal yet. */
  spanOf(run: string): LateSpan | undefined {
    return this.#runs.get(run)?.span;
  }

  /** It is told of in the midst of its request, or of the run that asked for it: that is its parent. */
  begun(event: Begun): void {
    const around = context.active();
    const { stream } = event;
    // Its engine of before may not have said yet that it has lost it.
    this.left(event);
    const span = new LateSpan(() => this.#start(event, around));
    const run: Run = { span, stream, ended: undefined, since: 0, isTold: false, delivery: 'none', until: 0 };
    this.#runs.set(event.run, run);
    const ofStream = this.#ofStream.get(stream);
    if (ofStream === undefined) this.#ofStream.set(stream, new Set([run]));
    else ofStream.add(run);
  }

  ended(ended: Ended): void {
    const run = this.#runs.get(ended.run);
    if (run === undefined) return;
    this.#runs.delete(ended.run);
    run.ended = ended;
    run.since = this.#clock.monotonic();
    if (this.#awaited < DELIVERIES) {
      this.#awaited += 1;
      run.delivery = 'awaited';
    } else this.#forget(run);
    this.#ended.push(run);
    this.#due += 1;
    if (this.#isClosed) this.close();
    else if (this.#due >= BATCH) this.#hurry();
    else this.#wake(LOOK_MS);
  }

  /** The run is carried elsewhere, if at all. */
  left({ run: id, at }: Pick<Left, 'run' | 'at'>): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    this.#runs.delete(id);
    this.#forget(run);
    run.span.setAttribute('muster.run.status', 'left').end(at);
  }

  /** Everything in a stream up to an offset has been processed by a client. */
  acknowledged(stream: string, offset: number): void {
    const runs = this.#ofStream.get(stream);
    if (runs === undefined) return;
    for (const run of runs) if (run.ended !== undefined && run.ended.offset <= offset) this.#over(run, 'delivered');
  }

  /** Waits no longer, and tells what there is to tell; what comes after that is told at once. */
  close(): void {
    this.#isClosed = true;
    for (const run of this.#ended) this.#over(run, 'given up');
    while (this.#ended.length > 0) this.#tell();
    for (const { span } of this.#runs.values()) span.end();
    this.#runs.clear();
    this.#ofStream.clear();
    this.#timer?.cancel();
  }

  #start({ run, agent, thread, parent, isResumed, at }: Begun, around: ReturnType<typeof context.active>): Span {
    const attributes = {
      'gen_ai.agent.name': agent,
      'gen_ai.conversation.id': thread,
      'muster.run': run,
      'muster.run.resumed': isResumed,
      ...(parent === null ? {} : { 'muster.run.parent': parent }),
    };
    return this.#tracer.startSpan(`run ${agent}`, { attributes, startTime: at }, around);
  }

  #wake(ms: number): void {
    this.#timer ??= this.#clock.schedule(ms, () => this.#look());
  }

  /** There are many by now. */
  #hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake(BATCH_MS);
  }

  #look(): void {
    this.#timer = undefined;
    this.#isHurried = false;
    const before = this.#clock.monotonic() - DELIVERY_MS;
    for (const run of this.#ended) {
      if (run.since > before) break;
      this.#over(run, 'given up');
    }
    this.#tell();
    if (this.#due > 0) this.#hurry();
    else if (this.#ended.length > 0) this.#wake(LOOK_MS);
  }

  #over(run: Run, delivery: 'delivered' | 'given up'): void {
    if (run.delivery !== 'awaited') return;
    this.#awaited -= 1;
    run.delivery = delivery;
    run.until = this.#clock.now();
    if (run.isTold) this.#due += 1;
    this.#forget(run);
  }

  /** Nothing of it is awaited in its stream any more. */
  #forget(run: Run): void {
    const ofStream = this.#ofStream.get(run.stream);
    ofStream?.delete(run);
    if (ofStream?.size === 0) this.#ofStream.delete(run.stream);
  }

  /** Tells of a batch. */
  #tell(): void {
    let told = 0;
    const runs = this.#ended;
    this.#ended = [];
    const kept = runs.filter((run) => {
      if (told >= BATCH || (run.isTold && run.delivery === 'awaited')) return true;
      told += 1;
      this.#due -= 1;
      try {
        return this.#tellOf(run, run.ended as Ended);
      } catch (error) {
        this.#stopAwaiting(run);
        this.#failed(error);
        return false;
      }
    });
    this.#ended = [...kept, ...this.#ended];
  }

  /** Nobody wants to know of its delivery. */
  #stopAwaiting(run: Run): void {
    if (run.delivery === 'awaited') this.#awaited -= 1;
    run.delivery = 'none';
    this.#forget(run);
  }

  /** Tells what is known of a run that has ended; false where that is all. */
  #tellOf(run: Run, ended: Ended): boolean {
    const { span, isTold, delivery, until } = run;
    run.isTold = true;
    if (!isSampled(span)) {
      this.#stopAwaiting(run);
      span.end(ended.at);
      return false;
    }
    const below = trace.setSpan(ROOT_CONTEXT, span.made);
    if (!isTold) {
      this.#tracer.startSpan('append', { startTime: ended.at - ended.appendMs }, below).end(ended.at);
      end(span, ended);
    }
    if (delivery === 'awaited') return true;
    if (delivery === 'none') return false;
    const attributes = { 'muster.delivered': delivery === 'delivered' };
    this.#tracer.startSpan('deliver', { startTime: ended.at, attributes }, below).end(until);
    return false;
  }
}

function isSampled(span: Span): boolean {
  return (span.spanContext().traceFlags & 1) === 1;
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
