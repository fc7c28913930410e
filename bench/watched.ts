/** Everything that can watch an app: metrics, a page, and traces that are sampled and thrown away. */
import { type Inspector, inspector, traces } from '@muster/inspect';
import { type Class, type Health, healthy, type Registration, service } from '@muster/core';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { get } from 'node:http';

/** Well once, and then each of its checks hangs. */
@service({ shared: true, health: { everyMs: 1_000, timeoutMs: 900 } })
class Hanging {
  #asked = 0;

  check(): Health | Promise<Health> {
    this.#asked += 1;
    return this.#asked === 1 ? healthy : new Promise<Health>(() => {});
  }
}

/** @param hangs whether there is a service whose checks hang */
export function watched(hangs = false): {
  readonly inspect: Inspector;
  readonly services: readonly (Class | Registration)[];
} {
  const exporter = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  };
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  provider.register();
  return { inspect: inspector({ port: 0 }), services: [...traces(), ...(hangs ? [Hanging] : [])] };
}

/** Looks at the page of an inspector until the returned function is called. */
export function lookAt(url: string): () => void {
  const request = get(`${url}/api/live`, (response) => void response.resume());
  request.on('error', () => {});
  return () => request.destroy();
}
