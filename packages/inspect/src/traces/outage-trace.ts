/** One trace per outage: a gate that was open and has closed, until it opens again, and below it what has closed it. */
import type { Runtime, RuntimeEvent } from '@muster/core';
import { redact } from '@muster/core';
import { context, type Span, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';

interface Outage {
  readonly gate: Span;
  /** By the service that is not ready. */
  readonly causes: ReadonlyMap<string, Span>;
}

export class OutageTraces {
  readonly #tracer: Tracer;
  readonly #runtime: Runtime;
  readonly #outages = new Map<string, Outage>();

  constructor(tracer: Tracer, runtime: Runtime) {
    this.#tracer = tracer;
    this.#runtime = runtime;
  }

  closed({ gate: name, causes, at }: Extract<RuntimeEvent, { type: 'gate-closed' }>): void {
    if (this.#outages.has(name)) return;
    const attributes = { 'muster.gate': name, 'muster.causes': [...causes] };
    const gate = this.#tracer.startSpan('gate closed', { startTime: at, attributes, root: true });
    const inOutage = trace.setSpan(context.active(), gate);
    const { nodes } = this.#runtime.graph().toJSON();
    const spans = causes.map((id) => {
      const reason = nodes.find((node) => node.id === id)?.reason ?? null;
      const span = this.#tracer.startSpan(
        `down ${id}`,
        { startTime: at, attributes: { 'muster.service': id } },
        inOutage,
      );
      span.setStatus({ code: SpanStatusCode.ERROR, ...(reason === null ? {} : { message: redact(reason) }) });
      return [id, span] as const;
    });
    this.#outages.set(name, { gate, causes: new Map(spans) });
  }

  /** A service is well again, or up again. */
  recovered(service: string, at: number): void {
    for (const { causes } of this.#outages.values()) causes.get(service)?.end(at);
  }

  opened(name: string, at: number): void {
    const outage = this.#outages.get(name);
    if (outage === undefined) return;
    this.#outages.delete(name);
    for (const span of outage.causes.values()) if (span.isRecording()) span.end(at);
    outage.gate.end(at);
  }

  /** Nobody will tell of their ends any more. */
  close(): void {
    for (const { gate, causes } of this.#outages.values()) for (const span of [...causes.values(), gate]) span.end();
    this.#outages.clear();
  }
}
