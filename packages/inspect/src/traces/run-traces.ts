/**
 * Runs as spans: from their beginning to their end, with the append of its terminal as an event, and below each its delivery to
 * the first client that has processed it.
 *
 * A busy app begins and ends runs amid all else that it does, so what happens is written down then. It is looked at, and told to
 * the tracer, when many have ended or some time has passed; what something below a run needs of it, as soon as that asks.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { RuntimeEvent } from '@muster/core';
import { type Context, context, ROOT_CONTEXT, type Span, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import { LateSpan } from './late-span.ts';

/** How long a delivery is waited for, in milliseconds; what has taken longer is told as not delivered. */
const DELIVERY_MS = 60_000;
/** Deliveries that are waited for at the same time. */
const DELIVERIES = 10_000;
/** How long an end waits to be told, in milliseconds, where there are few. */
const LOOK_MS = 3_000;
/**
 * With so many ended runs it is told soon. They have as many spans as a processor of spans collects by default before it exports
 * them, so that few grow old in memory, and less than it can keep.
 */
const BATCH = 256;
/** So many runs are told at a time, or an eighth of those that have ended: whatever else the app does does not wait for more. */
const STEP = 32;
/** So many ends and acknowledgements are written down at the most. */
const HEARD = 4_096;
/** Pause between two steps, in milliseconds. */
const STEP_MS = 10;

type Begun = Extract<RuntimeEvent, { type: 'run-begun' }>;
type Ended = Extract<RuntimeEvent, { type: 'run-ended' }>;
type Left = Extract<RuntimeEvent, { type: 'run-left' }>;

/** Where the delivery of a terminal stands; `none` before there is one, and where nobody waits for it. */
type Delivery = 'none' | 'awaited' | 'delivered' | 'given up';

/** An end; or everything in a stream up to an offset that a client has processed. */
type Heard =
  Ended | { readonly type: 'acknowledged'; readonly stream: string; readonly offset: number; readonly at: number };

interface Run {
  readonly begun: Begun;
  /** What it was told of in the midst of. */
  readonly around: Context;
  /** Undefined while nobody has asked for it. */
  span: LateSpan | undefined;
  ended: Ended | undefined;
  /** When its end was looked at, on the scale of `clock.monotonic()`. */
  since: number;
  /** Whether the tracer was told of its end. */
  isTold: boolean;
  delivery: Delivery;
  /** When its delivery was over, in milliseconds since 1970. */
  until: number;
}

export class RunTraces {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  /** What has come since the last look. */
  #heard: Heard[] = [];
  /** Those that have no terminal yet, or of which it was not looked at. */
  readonly #runs = new Map<string, Run>();
  /** Those of which the delivery is awaited. Nearly every acknowledgement is of a stream that has none. */
  readonly #ofStream = new Map<string, Set<Run>>();
  /** Those of which something is still to be told, in the order in which they ended. */
  #ended: Run[] = [];
  /** How many can be told now, or after the next look: an end, or a delivery that is over. */
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

  /** Of a run that has no terminal yet, or of which the end was not looked at. */
  spanOf(run: string): LateSpan | undefined {
    const known = this.#runs.get(run);
    return known === undefined ? undefined : this.#spanOf(known);
  }

  /** It is told of in the midst of its request, or of the run that asked for it: that is its parent. */
  begun(event: Begun): void {
    // Its engine of before may not have said yet that it has lost it.
    if (event.isResumed) this.left(event);
    this.#runs.set(event.run, {
      begun: event,
      around: context.active(),
      span: undefined,
      ended: undefined,
      since: 0,
      isTold: false,
      delivery: 'none',
      until: 0,
    });
  }

  ended(ended: Ended): void {
    this.#hear(ended);
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
    this.#spanOf(run).setAttribute('muster.run.status', 'left').end(at);
  }

  /** Everything in a stream up to an offset has been processed by a client. */
  acknowledged(stream: string, offset: number): void {
    if (this.#heard.length === 0 && this.#ofStream.size === 0) return;
    this.#hear({ type: 'acknowledged', stream, offset, at: this.#clock.now() });
  }

  /** Waits no longer, and tells what there is to tell; what comes after that is told at once. */
  close(): void {
    this.#isClosed = true;
    this.#listen();
    this.#giveUp(Number.POSITIVE_INFINITY);
    while (this.#ended.length > 0) this.#tell();
    for (const run of this.#runs.values()) this.#spanOf(run).end();
    this.#runs.clear();
    this.#ofStream.clear();
    this.#timer?.cancel();
  }

  #spanOf(run: Run): LateSpan {
    return (run.span ??= new LateSpan(() => this.#start(run)));
  }

  #start({ begun: { run, agent, thread, parent, isResumed, at }, around }: Run): Span {
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
    this.#wake(STEP_MS);
  }

  #look(): void {
    this.#timer = undefined;
    this.#isHurried = false;
    this.#listen();
    this.#giveUp(this.#clock.monotonic() - DELIVERY_MS);
    this.#tell();
    if (this.#due > 0) this.#hurry();
    else if (this.#ended.length > 0) this.#wake(LOOK_MS);
  }

  #hear(heard: Heard): void {
    if (this.#heard.push(heard) >= HEARD) this.#listen();
  }

  /** Looks at what was written down. */
  #listen(): void {
    const heard = this.#heard;
    this.#heard = [];
    const now = this.#clock.monotonic();
    for (const each of heard) {
      if (each.type === 'acknowledged') this.#processed(each.stream, each.offset, each.at);
      else this.#end(each, now);
    }
  }

  #end(ended: Ended, since: number): void {
    const run = this.#runs.get(ended.run);
    if (run === undefined) {
      this.#due -= 1;
      return;
    }
    this.#runs.delete(ended.run);
    run.ended = ended;
    run.since = since;
    if (this.#awaited < DELIVERIES) this.#await(run);
    this.#ended.push(run);
  }

  #processed(stream: string, offset: number, at: number): void {
    const runs = this.#ofStream.get(stream);
    if (runs === undefined) return;
    for (const run of runs) if ((run.ended as Ended).offset <= offset) this.#over(run, 'delivered', at);
  }

  /** Waits no longer for what has ended by then. */
  #giveUp(until: number): void {
    for (const run of this.#ended) {
      if (run.since > until) break;
      this.#over(run, 'given up', this.#clock.now());
    }
  }

  #await(run: Run): void {
    this.#awaited += 1;
    run.delivery = 'awaited';
    const ofStream = this.#ofStream.get(run.begun.stream);
    if (ofStream === undefined) this.#ofStream.set(run.begun.stream, new Set([run]));
    else ofStream.add(run);
  }

  #over(run: Run, delivery: 'delivered' | 'given up', at: number): void {
    if (run.delivery !== 'awaited') return;
    this.#awaited -= 1;
    run.delivery = delivery;
    run.until = at;
    if (run.isTold) this.#due += 1;
    this.#forget(run);
  }

  /** Nothing of it is awaited in its stream any more. */
  #forget(run: Run): void {
    const ofStream = this.#ofStream.get(run.begun.stream);
    ofStream?.delete(run);
    if (ofStream?.size === 0) this.#ofStream.delete(run.begun.stream);
  }

  /** Tells of some. */
  #tell(): void {
    const most = Math.max(STEP, this.#due / 8);
    let told = 0;
    const runs = this.#ended;
    this.#ended = [];
    const kept = runs.filter((run) => {
      if (told >= most || (run.isTold && run.delivery === 'awaited')) return true;
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
    const { isTold, delivery, until } = run;
    const span = this.#spanOf(run);
    run.isTold = true;
    if (!isSampled(span)) {
      this.#stopAwaiting(run);
      span.end(ended.at);
      return false;
    }
    const below = trace.setSpan(ROOT_CONTEXT, span.made);
    if (!isTold) end(span, ended);
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

function end(span: Span, { status, code, events, at, appendMs }: Ended): void {
  span.addEvent('append', { 'muster.append_ms': appendMs }, at - appendMs);
  span.setAttributes({
    'muster.run.status': status,
    'muster.run.events': events,
    ...(code === null ? {} : { 'muster.run.code': code }),
  });
  if (status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: code ?? status });
  span.end(at);
}
