/** One trace per boot: the boot, and below it for each service what it waited for and what it worked at. */
import type { DumpNode, GraphDump } from '@muster/contracts';
import { context, type Span, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';

/** Tells of a boot that is over; `endedAt` is in milliseconds since 1970. */
export function traceBoot(tracer: Tracer, graph: GraphDump, endedAt: number, failure: Error | undefined): void {
  const startedAt = endedAt - (graph.wallMs ?? 0);
  const attributes = {
    'muster.boot.services': graph.nodes.filter(({ waitMs }) => waitMs !== null).length,
    'muster.boot.critical_path': [...graph.criticalPath.nodes],
    'muster.boot.ideal_ms': graph.idealMs,
  };
  const boot = tracer.startSpan('boot', { startTime: startedAt, attributes, root: true });
  const inBoot = trace.setSpan(context.active(), boot);
  for (const node of graph.nodes) traceNode(tracer, inBoot, node, startedAt, endedAt);
  if (failure !== undefined) failed(boot, failure);
  boot.end(endedAt);
}

function traceNode(
  tracer: Tracer,
  inBoot: ReturnType<typeof context.active>,
  node: DumpNode,
  from: number,
  end: number,
): void {
  const { id, waitMs, startMs, checkMs, hookMs, phase, reason } = node;
  if (waitMs === null) return;
  const attributes = {
    'muster.service': id,
    'muster.attempts': node.attempts,
    'muster.on_critical_path': node.onCriticalPath,
    ...(node.slackMs === null ? {} : { 'muster.slack_ms': node.slackMs }),
  };
  const piece = (name: string, startTime: number, ms: number): Span => {
    const span = tracer.startSpan(`${name} ${id}`, { startTime, attributes }, inBoot);
    span.end(startTime + ms);
    return span;
  };
  const startedAt = from + waitMs;
  piece('wait', from, waitMs);
  if (startMs === null) {
    // It did not come up: what it did until the end is all that is known.
    const span = tracer.startSpan(`start ${id}`, { startTime: startedAt, attributes }, inBoot);
    failed(span, new Error(reason ?? phase));
    span.end(end);
    return;
  }
  piece('start', startedAt, startMs);
  if (checkMs !== null && checkMs > 0) piece('check', startedAt + startMs, checkMs);
  if (hookMs !== null && hookMs > 0) piece('hooks', startedAt + startMs + (checkMs ?? 0), hookMs);
}

function failed(span: Span, { message }: Error): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
