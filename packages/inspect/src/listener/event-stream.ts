/** Server-sent events on one response; what a slow reader has not taken is bounded by what its caller holds back. */
import type { ServerResponse } from 'node:http';
import { begin } from './answers.ts';

/** What may wait in a response before it counts as slow, in bytes. */
const BACKLOG = 4 * 2 ** 20;

export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    begin(response, 200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    // Proxies and browsers show that it is there only with its first byte.
    response.write(':\n\n');
  }

  /** False when the reader does not keep up: it had better begin anew. */
  get keepsUp(): boolean {
    return this.#response.writableLength < BACKLOG;
  }

  /** @param json of one line */
  send(event: string, json: string): void {
    this.#response.write(`event: ${event}\ndata: ${json}\n\n`);
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  end(): void {
    this.#response.end();
  }
}
