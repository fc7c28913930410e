/** Everything that can watch an app: metrics, a page, and traces that are sampled and thrown away. */
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { type Class, type Health, healthy, type Registration, service } from '@muster/core';
import { type Inspector, inspector, traces } from '@muster/inspect';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

/** Well once, and then each of its checks hangs. */
@service({ shared: true, health: { everyMs: 1_000, timeoutMs: 900 } })
class Hanging {
  #asked = 0;

  check(): Health | Promise<Health> {
    this.#asked += 1;
    return this.#asked === 1 ? healthy : new Promise<Health>(() => {});
  }
}

/** What an application has that makes traces of its own: its context follows every promise, which has a price. */
export function traced(): void {
  const exporter = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  };
  new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).register();
  context.with(ROOT_CONTEXT, () => {});
}

/** @param hangs whether there is a service whose checks hang */
export function watched(hangs = false): {
  readonly inspect: Inspector;
  readonly services: readonly (Class | Registration)[];
} {
  return { inspect: inspector({ port: 0 }), services: [...traces(), ...(hangs ? [Hanging] : [])] };
}

/** Looks at the page of an inspector, from a process of its own that stands for another machine, until the returned function is called. */
export function lookAt(url: string): () => void {
  const program = `require('node:http').get(${JSON.stringify(`${url}/api/live`)}, (response) => response.resume())`;
  const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  return () => child.kill('SIGKILL');
}
