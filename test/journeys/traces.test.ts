/** Boots and runs as traces, by a real SDK with its in-memory exporter, from the client's own span to the delivery. */
import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { agent, type Agent, type AgentContext, defineTool, type RunInput } from '@muster/agents';
import { createApp, LEASE, type Service, service } from '@muster/core';
import { traces } from '@muster/inspect';
import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import * as v from 'valibot';
import { cluster, instanceOn } from '../../packages/agents/test/cluster.ts';
import { wholeApp } from './whole-app.ts';

jest.setTimeout(30_000);

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
afterAll(() => provider.shutdown());
beforeEach(() => exporter.reset());

const tracer = trace.getTracer('application');

const search = defineTool({
  name: 'search',
  description: 'Asks a database, as any tool would.',
  input: v.string(),
  run: async (text) => {
    if (text === 'break') throw new Error('postgres://ann:correct-horse@db is gone');
    return tracer.startActiveSpan('query', async (span) => {
      span.end();
      return text;
    });
  },
});

const stuck = defineTool({
  name: 'stuck',
  description: 'Ends when nobody waits for it any more, or never.',
  input: v.string(),
  timeoutMs: 20,
  run: () => new Promise<never>(() => {}),
});

@agent({ name: 'helper', description: 'Searches' })
class Helper implements Agent {
  async run({ text }: RunInput, context: AgentContext) {
    if (text === 'wait') await context.tool(stuck, text).catch(() => {});
    if (text === 'together') return context.delegate('other', 'one');
    await context.tool(search, text);
    return { finalResponse: text };
  }
}

@agent({ name: 'other', description: 'Helps' })
class Other extends Helper {}

/** Hangs until its process is gone, and is begun again elsewhere. */
@agent({ name: 'patient', description: 'Goes on elsewhere', onTakeover: 'restart' })
class Patient implements Agent {
  static attempts = 0;
  async run({ text }: RunInput, context: AgentContext) {
    Patient.attempts += 1;
    if (Patient.attempts === 1) await new Promise<never>(() => {});
    await context.tool(search, text);
    return { finalResponse: text };
  }
}

/** Hangs, and nobody may begin it again. */
@agent({ name: 'lost', description: 'Is ended elsewhere' })
class Lost implements Agent {
  run() {
    return new Promise<never>(() => {});
  }
}

@service()
class Database {}

@service({ dependsOn: [Database] })
class Orders {
  constructor(readonly database: Database) {}
}

const named = (name: string): ReadableSpan => {
  const found = exporter.getFinishedSpans().filter((span) => span.name === name);
  expect({ name, spans: found.length }).toEqual({ name, spans: 1 });
  return found[0] as ReadableSpan;
};
const parentOf = (name: string): string | undefined => {
  const id = named(name).parentSpanContext?.spanId;
  return exporter.getFinishedSpans().find((span) => span.spanContext().spanId === id)?.name;
};

/** A client whose requests are made under a span of its own. */
async function traced() {
  const app = await wholeApp({ services: [...traces(), Helper, Other, Orders, Database] });
  const span = tracer.startSpan('click');
  const headers: { traceparent?: string } = {};
  propagation.inject(trace.setSpan(context.active(), span), headers);
  const client = await app.client('ann', { traceparent: () => headers.traceparent });
  return {
    client,
    /** Stops the app, which tells what there is to tell. */
    end: async () => {
      span.end();
      await app[Symbol.asyncDispose]();
    },
    traceId: span.spanContext().traceId,
  };
}

describe('a boot', () => {
  it('is one trace with what each service waited for and worked at', async () => {
    const { end } = await traced();
    await end();
    expect(named('boot').parentSpanContext).toBeUndefined();
    expect(named('boot').attributes).toMatchObject({ 'muster.boot.critical_path': expect.any(Array) });
    for (const name of ['wait Orders', 'start Orders', 'wait Database', 'start Database'])
      expect(parentOf(name)).toBe('boot');
    expect(named('start Orders').attributes).toMatchObject({ 'muster.service': 'Orders', 'muster.attempts': 1 });
    const boot = named('boot');
    for (const span of exporter.getFinishedSpans().filter(({ name }) => /^(wait|start|check|hooks) /.test(name)))
      expect(span.spanContext().traceId).toBe(boot.spanContext().traceId);
  });
});

describe('a boot that fails', () => {
  it('is one trace as well, which says what failed, without what was secret in it', async () => {
    @service()
    class Broken implements Service {
      start(): void {
        throw Object.assign(new Error('postgres://ann:correct-horse@db is gone'), { fatal: true });
      }
    }
    const app = createApp({ services: [...traces(), Orders, Database, Broken] });
    await expect(app.start()).rejects.toMatchObject({ code: 'BOOT_FAILED' });
    const boot = named('boot');
    expect(boot.status).toMatchObject({
      code: SpanStatusCode.ERROR,
      message: expect.stringContaining('ann:[redacted]@db is gone'),
    });
    expect(named('start Broken').status).toMatchObject({ code: SpanStatusCode.ERROR });
    expect([parentOf('start Broken'), parentOf('start Database')]).toEqual(['boot', 'boot']);
    expect(JSON.stringify(exporter.getFinishedSpans().map(({ status }) => status))).not.toContain('correct-horse');
  });
});

describe('a run', () => {
  it('is part of the trace of its client: request, run, tools and what they do, delivery', async () => {
    const { client, end, traceId } = await traced();
    await client.run({ text: 'one', agent: 'helper' }).result;
    await end();
    expect([
      parentOf('request run'),
      parentOf('run helper'),
      parentOf('tool search'),
      parentOf('query'),
      parentOf('deliver'),
    ]).toEqual(['click', 'request run', 'run helper', 'tool search', 'run helper']);
    const all = exporter.getFinishedSpans().filter(({ name }) => !/^(boot|wait|start|check|hooks)/.test(name));
    expect(new Set(all.map((each) => each.spanContext().traceId))).toEqual(new Set([traceId]));
    expect(named('deliver').attributes).toEqual({ 'muster.delivered': true });
    expect(named('run helper').events).toMatchObject([{ name: 'append' }]);
    expect(named('run helper').attributes).toMatchObject({ 'muster.run.status': 'success', 'muster.run.events': 5 });
    expect(JSON.stringify(all.map(({ attributes, events }) => [attributes, events]))).not.toContain('"one"');
  });

  it('that helps another is below that one', async () => {
    const { client, end } = await traced();
    await client.run({ text: 'together', agent: 'helper' }).result;
    await end();
    expect([parentOf('run helper'), parentOf('run other')]).toEqual(['request run', 'run helper']);
    expect(parentOf('tool search')).toBe('run other');
  });

  it('that fails says so, without what was secret in it', async () => {
    const { client, end } = await traced();
    await client.run({ text: 'break', agent: 'helper' }).result;
    await end();
    expect(named('tool search').status).toEqual({
      code: SpanStatusCode.ERROR,
      message: 'postgres://ann:[redacted]@db is gone',
    });
    expect(named('run helper').status).toEqual({ code: SpanStatusCode.ERROR, message: 'TOOL_FAILED' });
    expect(named('request run').status.code).toBe(SpanStatusCode.UNSET);
  });

  it('whose tool does not end in its time has a span that does, and says why', async () => {
    const { client, end } = await traced();
    await client.run({ text: 'wait', agent: 'helper' }).result;
    await end();
    expect(named('tool stuck').status).toEqual({
      code: SpanStatusCode.ERROR,
      message: expect.stringContaining('20 ms'),
    });
    expect(parentOf('tool stuck')).toBe('run helper');
  });

  it.each([
    ['goes on', 'patient', 'success'],
    ['is only ended', 'lost', 'interrupted'],
  ])('that %s in another process stays in the trace of its request', async (_, agent, status) => {
    const shared = cluster();
    const services = [...traces(), Patient, Lost];
    const [first, second] = [await instanceOn(shared, services), await instanceOn(shared, services)];
    const span = tracer.startSpan('request');
    const { run } = await context.with(trace.setSpan(ROOT_CONTEXT, span), () => first.ask('on', { agent }));
    await shared.clock.settle();
    first.kill();
    await shared.clock.advance(LEASE.leaseMs + LEASE.marginMs + 10_000);
    span.end();
    await second.stop();
    const attributes = { 'muster.run': run, 'muster.run.resumed': true, 'muster.run.status': status };
    expect(named(`run ${agent}`).attributes).toMatchObject(attributes);
    expect(parentOf(`run ${agent}`)).toBe('request');
    if (agent === 'patient') expect(parentOf('tool search')).toBe('run patient');
  });

  it('whose request is refused ends with the request', async () => {
    const { client, end } = await traced();
    await client.run({ text: 'one', agent: 'nobody' }).result.catch(() => {});
    await end();
    expect(named('request run').status).toMatchObject({ code: SpanStatusCode.ERROR });
    expect(exporter.getFinishedSpans().some(({ name }) => name.startsWith('run '))).toBe(false);
  });
});
