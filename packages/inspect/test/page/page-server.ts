/**
 * Serves the live page and plays an instance to it: what is sent on `/api/live` and `/api/runs/<run>` is in the hands of a test.
 *
 * With the strictest policy that the page promises to live with.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Change, Overview, RunEvents } from '../../src/live/overview.ts';

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

export class PageServer {
  readonly url: string;
  /** What was asked for beyond what there is. */
  readonly strays: string[] = [];
  #overview: Overview;
  readonly #runs = new Map<string, RunEvents>();
  readonly #listeners = new Set<ServerResponse>();
  readonly #runListeners = new Set<{ readonly run: string; readonly response: ServerResponse }>();
  readonly #server;

  private constructor(server: ReturnType<typeof createServer>, overview: Overview) {
    this.#server = server;
    this.#overview = overview;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  static async listen(assets: Readonly<Record<string, string>>, overview: Overview, port = 0): Promise<PageServer> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    const page = new PageServer(server, overview);
    server.on('request', ({ url = '/' }, response) => {
      const { pathname, searchParams } = new URL(url, page.url);
      const file = pathname === '/' ? 'index.html' : pathname.slice(1);
      if (pathname === '/api/live') page.#stream(response, searchParams.get('instance'));
      else if (pathname.startsWith('/api/runs/')) page.#streamRun(response, decodeURIComponent(pathname.slice(10)));
      else if (assets[file] === undefined) {
        page.strays.push(url);
        response.writeHead(404).end();
      } else {
        response.writeHead(200, {
          'content-type': TYPES[file.split('.').at(-1) as string],
          'content-security-policy': POLICY,
          'x-content-type-options': 'nosniff',
        });
        response.end(assets[file]);
      }
    });
    return page;
  }

  /** What a page that connects is told first; those that are connected are told, too. */
  show(overview: Overview): void {
    this.#overview = overview;
    for (const response of this.#listeners) send(response, 'overview', overview);
  }

  change(change: Change): void {
    for (const response of this.#listeners) send(response, 'change', change);
  }

  tell(events: RunEvents): void {
    this.#runs.set(events.run, events);
    for (const { run, response } of this.#runListeners) if (run === events.run) send(response, 'events', events);
  }

  /** Breaks every connection; the page comes back by itself, when it is let. */
  cut(): void {
    for (const response of this.#listeners) response.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #stream(response: ServerResponse, instance: string | null): void {
    begin(response);
    this.#listeners.add(response);
    response.on('close', () => this.#listeners.delete(response));
    const { head } = this.#overview;
    send(
      response,
      'overview',
      instance === null ? this.#overview : { ...this.#overview, head: { ...head, id: instance } },
    );
  }

  #streamRun(response: ServerResponse, run: string): void {
    begin(response);
    const listener = { run, response };
    this.#runListeners.add(listener);
    response.on('close', () => this.#runListeners.delete(listener));
    const known = this.#runs.get(run);
    if (known !== undefined) send(response, 'events', known);
  }
}

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write('retry: 300\n\n');
}

function send(response: ServerResponse, event: string, data: unknown): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
