/**
 * Events as an async iterable: in order, none twice, ended or failed once.
 *
 * Nobody has to read it. It keeps a bounded number of events, then lets go of its stream, and comes back for the rest
 * when what it keeps has been read. To leave a loop ends nothing: the next one goes on where it stopped.
 */
import type { AgentEvent, MusterError, Position } from '@muster/contracts';
import type { Reader } from './reader.ts';
import type { Stream } from './stream.ts';

/** Events that are kept for a reader that does not come. */
export const MAX_KEPT = 1_000;

type Next = IteratorResult<AgentEvent, undefined>;

export class EventFeed implements Reader, AsyncIterable<AgentEvent> {
  position: Position | undefined;
  readonly #accepts: (event: AgentEvent) => boolean;
  readonly #isLast: (event: AgentEvent) => boolean;
  #stream: Stream | undefined;
  #kept: AgentEvent[] = [];
  #takers: { resolve: (next: Next) => void; reject: (error: unknown) => void }[] = [];
  /** True when the stream offers nothing until the feed comes back to it. */
  #isAway = false;
  #end: { readonly error: unknown } | undefined;

  constructor(accepts: (event: AgentEvent) => boolean, isLast: (event: AgentEvent) => boolean) {
    this.#accepts = accepts;
    this.#isLast = isLast;
  }

  /** Reads the stream from `position` on; from where it stands now when there is none. */
  readFrom(stream: Stream, position: Position | undefined): void {
    this.#stream = stream;
    this.position = position;
    stream.attach(this);
  }

  take(event: AgentEvent): boolean {
    if (!this.#accepts(event)) return true;
    const taker = this.#takers.shift();
    if (taker === undefined && this.#kept.length >= MAX_KEPT) {
      this.#isAway = true;
      return false;
    }
    if (taker) taker.resolve({ value: event, done: false });
    else this.#kept.push(event);
    if (this.#isLast(event)) this.#finish({ error: undefined });
    return true;
  }

  /** Fails the iteration after what is kept. */
  lost(error: unknown): void {
    this.#finish({ error });
  }

  [Symbol.asyncIterator](): AsyncIterator<AgentEvent, undefined> {
    return { next: () => this.#next() };
  }

  #next(): Promise<Next> {
    const value = this.#kept.shift();
    if (this.#isAway && this.#kept.length === 0) {
      this.#isAway = false;
      this.#stream?.attach(this);
    }
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#end?.error !== undefined) return Promise.reject(this.#end.error);
    if (this.#end) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  #finish(end: { readonly error: unknown }): void {
    if (this.#end) return;
    this.#end = end;
    this.#stream?.detach(this);
    for (const { resolve, reject } of this.#takers.splice(0)) {
      if (end.error === undefined) resolve({ value: undefined, done: true });
      else reject(end.error as MusterError);
    }
  }
}
