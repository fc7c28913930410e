/**
 * `traces()`: the app's boots, outages and runs as traces of OpenTelemetry, by its API alone: where they go is the application's choice.
 *
 * A run's trace is that of the request that it came of: request → run → tools, the append of its terminal, and its delivery
 * to the first client that has processed it. What is not sampled costs next to nothing.
 */
import type { MusterError } from '@muster/contracts';
import {
  Clock,
  type InterceptedRequest,
  type InterceptedTool,
  Interceptor,
  provide,
  provideValue,
  redact,
  type Registration,
  Runtime,
  type RuntimeEvent,
  RuntimeEvents,
  service,
  type Service,
  token,
} from '@muster/core';
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { traceBoot } from './boot-trace.ts';
import { OutageTraces } from './outage-trace.ts';
import { RunTraces } from './run-traces.ts';

export interface TracesOptions {
  /** @default the tracer `muster` of the provider that is registered globally */
  readonly tracer?: Tracer;
}
const TracesOptions = token<TracesOptions>('TracesOptions');

/** Services that make traces: `createApp({ services: [...traces(), …] })`. */
export function traces(options: TracesOptions = {}): readonly Registration[] {
  return [provideValue(TracesOptions, options), provide(Interceptor, Tracing)];
}

@service({ dependsOn: [RuntimeEvents, Runtime, Clock, TracesOptions] })
export class Tracing implements Service, Interceptor {
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #tracer: Tracer;
  readonly #runs: RunTraces;
  readonly #outages: OutageTraces;
  readonly #unsubscribe: () => void;

  constructor(events: RuntimeEvents, runtime: Runtime, clock: Clock, { tracer }: TracesOptions) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#tracer = tracer ?? trace.getTracer('muster');
    this.#outages = new OutageTraces(this.#tracer, runtime);
    this.#runs = new RunTraces(this.#tracer, clock, (error) =>
      events.emit({ type: 'fault', component: 'traces', correlation: null, error, at: clock.now() }),
    );
    this.#unsubscribe = events.on((event) => this.#take(event));
  }

  aroundRequest<T extends { readonly error?: MusterError }>(
    { connection, request, method, traceparent }: InterceptedRequest,
    work: () => Promise<T>,
  ): Promise<T> {
    const parent = traceparent === undefined ? ROOT_CONTEXT : contextOf(traceparent);
    const attributes = {
      'rpc.system': 'muster',
      'rpc.method': method,
      'muster.connection': connection,
      'muster.request': request,
    };
    const span = this.#tracer.startSpan(`request ${method}`, { kind: SpanKind.SERVER, attributes }, parent);
    return this.#over(span, parent, work, ({ error }) => error);
  }

  aroundRun<T>(run: string, work: () => Promise<T>): Promise<T> {
    const span = this.#runs.spanOf(run);
    return span === undefined ? work() : context.with(trace.setSpan(ROOT_CONTEXT, span), work);
  }

  aroundTool<T>({ run, callId, tool }: InterceptedTool, work: () => Promise<T>): Promise<T> {
    const parent = trace.setSpan(ROOT_CONTEXT, this.#runs.spanOf(run)?.made ?? trace.wrapSpanContext(NO_SPAN));
    const attributes = { 'gen_ai.tool.name': tool, 'gen_ai.tool.call.id': callId, 'muster.run': run };
    const span = this.#tracer.startSpan(`tool ${tool}`, { attributes }, parent);
    return this.#over(span, parent, work, () => undefined);
  }

  traceparent(): string | undefined {
    const carrier: { traceparent?: string } = {};
    propagation.inject(context.active(), carrier);
    return carrier.traceparent;
  }

  within<T>(traceparent: string, work: () => T): T {
    return context.with(contextOf(traceparent), work);
  }

  acknowledged(stream: string, offset: number): void {
    this.#runs.acknowledged(stream, offset);
  }

  stop(): void {
    // What a boot has started is stopped before it is told that it has failed, which ends its trace.
    if (this.#runtime.state !== 'starting') this.#unsubscribe();
    this.#runs.close();
    this.#outages.close();
  }

  /** Does the work under a span, which ends with it; what `failure` finds in the outcome is how it went. */
  async #over<T>(
    span: Span,
    parent: Context,
    work: () => Promise<T>,
    failure: (outcome: T) => Error | undefined,
  ): Promise<T> {
    try {
      const outcome = await context.with(trace.setSpan(parent, span), work);
      const error = failure(outcome);
      if (error !== undefined) failed(span, error);
      return outcome;
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  #take(event: RuntimeEvent): void {
    switch (event.type) {
      case 'run-begun':
        this.#runs.begun(event);
        return;
      case 'run-ended':
        this.#runs.ended(event);
        return;
      case 'run-left':
        this.#runs.left(event);
        return;
      case 'gate-closed':
        this.#outages.closed(event);
        return;
      case 'health-changed':
        if (event.to !== 'unhealthy') this.#outages.recovered(event.service, event.at);
        return;
      case 'moved':
        if (event.machine === 'gate' && event.to === 'open') this.#outages.opened(event.subject, event.at);
        return;
      case 'boot-completed':
        // Whoever waits for the boot does not wait for its trace.
        this.#clock.schedule(0, () => traceBoot(this.#tracer, this.#runtime.graph().toJSON(), event.at, undefined));
        return;
      case 'boot-failed':
        // The process may end at once.
        traceBoot(this.#tracer, this.#runtime.graph().toJSON(), event.at, event.error);
        this.#unsubscribe();
        return;
      default:
      // Nothing else concerns it.
    }
  }
}

/** For a tool of a run that nobody has told of. */
const NO_SPAN = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };

function contextOf(traceparent: string): Context {
  return propagation.extract(ROOT_CONTEXT, { traceparent });
}

function failed(span: Span, error: unknown): void {
  const message = redact(error instanceof Error ? error.message : String(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
