/**
 * One run as its user sees it: an async iterable of its events, and a promise of its end.
 */
import type { AgentEvent, EventData, RunAccepted } from '@muster/contracts';
import { EventQueue } from './event-queue.ts';

/** How a run ended. */
export type RunEnd = EventData<'agent_completed'>;

export interface Run extends AsyncIterable<AgentEvent> {
  /** Resolves when the server has accepted the run. */
  readonly accepted: Promise<RunAccepted>;
  /** Resolves with the terminal's data, also when the run failed; rejects when the connection or the request did. */
  readonly result: Promise<RunEnd>;
  /** Asks the server to cancel; `result` then says `cancelled`. */
  cancel(reason?: string): void;
}

/** The client's side of a run. */
export class LiveRun implements Run {
  readonly accepted: Promise<RunAccepted>;
  readonly result: Promise<RunEnd>;
  readonly #queue = new EventQueue<AgentEvent>();
  readonly #cancel: (run: string, reason?: string) => void;
  #lastN = 0;
  #settle!: { resolve: (end: RunEnd) => void; reject: (error: unknown) => void };

  constructor(accepted: Promise<RunAccepted>, cancel: (run: string, reason?: string) => void) {
    this.accepted = accepted;
    this.#cancel = cancel;
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever only iterates must not be punished for not awaiting the result.
    this.result.catch(() => {});
    accepted.catch((error: unknown) => this.fail(error));
  }

  [Symbol.asyncIterator](): AsyncIterator<AgentEvent> {
    return this.#queue[Symbol.asyncIterator]();
  }

  cancel(reason?: string): void {
    this.accepted.then(
      ({ run }) => this.#cancel(run, reason),
      () => {
        // Never accepted: there is nothing to cancel.
      },
    );
  }

  /** Takes the next event; one that was taken already is dropped. */
  take(event: AgentEvent): void {
    if (event.n <= this.#lastN) return;
    this.#lastN = event.n;
    this.#queue.push(event);
    if (event.event !== 'agent_completed') return;
    this.#queue.end();
    this.#settle.resolve(event.data);
  }

  fail(error: unknown): void {
    this.#queue.end(error);
    this.#settle.reject(error);
  }
}
