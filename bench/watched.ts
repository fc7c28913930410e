/** Everything that can watch an app: metrics, a page, and traces that are sampled and thrown away. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { type Class, type Health, healthy, type Registration, service } from '@muster/core';
import { type Inspector, inspector, traces } from '@muster/inspect';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Boot } from './boot/contender.ts';

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

/** Says that it is there, and looks at the page of an inspector that it is told of until it is killed. */
const LOOKER = `
process.stdin.once('data', (url) => require('node:http').get(url + '/api/live', (response) => response.resume()));
console.log('there');
`;

/** Somebody who looks at pages, in a process of its own that stands for another machine. */
export class Looker {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;

  private constructor() {
    this.#child = spawn(process.execPath, ['-e', LOOKER], { stdio: ['pipe', 'pipe', 'ignore'] });
    // And not less: where it never reads, the server piles up what it sends.
    if (this.#child.pid !== undefined) setPriority(this.#child.pid, constants.priority.PRIORITY_LOW);
  }

  /** Resolves when its process has started: another machine would not take time for that from this one. */
  static async begin(): Promise<Looker> {
    const looker = new Looker();
    await Promise.race([
      once(looker.#child.stdout, 'data'),
      once(looker.#child, 'exit').then(([code]) => {
        throw new Error(`who looks at pages ended with ${code as number}`);
      }),
    ]);
    return looker;
  }

  lookAt(url: string): void {
    this.#child.stdin.write(url);
  }

  /** A boot after whose stop nobody looks any more. */
  during(boot: Boot): Boot {
    return async () => {
      const stop = await boot();
      return async () => {
        this.end();
        await stop?.();
      };
    };
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
