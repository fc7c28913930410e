/** Everything that can watch an app: metrics, a page, and traces that are sampled and thrown away. */
import { type Inspector, inspector, traces } from '@muster/inspect';
import type { Registration } from '@muster/core';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { get } from 'node:http';

export function watched(): { readonly inspect: Inspector; readonly services: readonly Registration[] } {
  const exporter = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  };
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  provider.register();
  return { inspect: inspector({ port: 0 }), services: traces() };
}

/** Looks at the page of an inspector until the returned function is called. */
export function lookAt(url: string): () => void {
  const request = get(`${url}/api/live`, (response) => void response.resume());
  request.on('error', () => {});
  return () => request.destroy();
}
