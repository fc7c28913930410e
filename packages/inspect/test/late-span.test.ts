/** A span that is made when somebody needs it is none other than one that was made at once. */
import { expect, it } from '@jest/globals';
import { context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { LateSpan } from '../src/traces/late-span.ts';

const exporter = new InMemorySpanExporter();
const tracer = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('test');
const other = tracer.startSpan('other').spanContext();

/** In milliseconds since 1970; smaller numbers would be taken for those of a process's own clock. */
const AT = 1_700_000_000_000;

/** Everything that can be said of a span. */
function tell(span: Span): void {
  span
    .setAttribute('a', 1)
    .setAttributes({ b: 'two', c: true })
    .updateName('renamed')
    .setStatus({ code: SpanStatusCode.ERROR, message: 'went wrong' })
    .addEvent('happened', { d: 4 }, AT + 7)
    .addLink({ context: other })
    .addLinks([{ context: other, attributes: { e: 5 } }]);
  span.recordException(new Error('thrown'), AT + 8);
  expect([span.isRecording(), span.spanContext().traceId]).toEqual([true, expect.stringMatching(/^[0-9a-f]{32}$/)]);
  span.end(AT + 9);
  expect(span.isRecording()).toBe(false);
}

it('says what is said of it to the one span that it makes', () => {
  const start = (): Span => tracer.startSpan('named', { startTime: AT + 5 });
  let made = 0;
  const late = new LateSpan(() => {
    made += 1;
    return start();
  });
  expect(made).toBe(0);
  tell(late);
  expect(made).toBe(1);
  tell(start());
  const shape = exporter.getFinishedSpans().map((span) => {
    const { name, attributes, status, startTime, endTime, ended } = span;
    const events = span.events.map((event) => ({ ...event, attributes: Object.keys(event.attributes ?? {}) }));
    return { name, attributes, status, startTime, endTime, ended, events, links: span.links };
  });
  expect(shape).toHaveLength(2);
  expect(shape[0]).toEqual(shape[1]);
});

it('is the parent of what is begun below it', () => {
  exporter.reset();
  const late = new LateSpan(() => tracer.startSpan('parent'));
  tracer.startSpan('child', {}, trace.setSpan(context.active(), late)).end();
  const [child] = exporter.getFinishedSpans();
  expect(child?.parentSpanContext?.spanId).toBe(late.made.spanContext().spanId);
});
