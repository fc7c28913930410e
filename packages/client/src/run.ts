/**
 * One run as its user sees it: an async iterable of its events, and a promise of its end.
 *
 * Both come from the stream of its thread, so they survive every connection; whether anybody iterates does not matter.
 */
import type { AgentEvent, EventData, MusterError, Position, RunAccepted } from '@muster/contracts';
import { EventFeed } from './event-feed.ts';
import type { Reader } from './reader.ts';
import type { Stream } from './stream.ts';

/** How a run ended. */
export type RunEnd = EventData<'agent_completed'>;

export interface Run extends AsyncIterable<AgentEvent> {
  /** Resolves when the server has accepted the run. */
  readonly accepted: Promise<RunAccepted>;
  /** Resolves with the terminal's data, also when the run failed; rejects when the request was refused, events were lost or the client closed. */
  readonly result: Promise<RunEnd>;
  /** Asks the server to cancel, again after each reconnect until the run has ended; `result` then says `cancelled`. */
  cancel(reason?: string): void;
}

/** Waits for the terminal of one run, however much comes before it. */
class EndWatch implements Reader {
  position: Position | undefined;
  readonly #ended: (end: RunEnd) => void;
  readonly lost: (error: MusterError) => void;
  readonly #run: string;

  constructor(run: string, ended: (end: RunEnd) => void, lost: (error: MusterError) => void) {
    this.#run = run;
    this.#ended = ended;
    this.lost = lost;
  }

  take(event: AgentEvent): boolean {
    if (event.run === this.#run && event.event === 'agent_completed') this.#ended(event.data);
    return true;
  }
}

/** The client's side of a run. */
export class LiveRun implements Run {
  readonly accepted: Promise<RunAccepted>;
  readonly result: Promise<RunEnd>;
  readonly #feed: EventFeed;
  readonly #sendCancel: (run: string, reason: string | undefined) => void;
  #id: string | undefined;
  #cancel: { readonly reason: string | undefined } | undefined;
  #isOver = false;
  #settle!: { resolve: (end: RunEnd) => void; reject: (error: unknown) => void };

  /** @param ask sends the request, and calls `begin()` in the tick in which the server's answer is read. */
  constructor(
    ask: (run: LiveRun) => Promise<RunAccepted>,
    sendCancel: (run: string, reason: string | undefined) => void,
  ) {
    this.#sendCancel = sendCancel;
    this.#feed = new EventFeed(
      ({ run }) => run === this.#id,
      ({ event }) => event === 'agent_completed',
    );
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever only iterates must not be punished for not awaiting the result.
    this.result.catch(() => {});
    this.accepted = ask(this);
    this.accepted.catch((error: unknown) => {
      this.#feed.lost(error);
      this.#over(() => this.#settle.reject(error));
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<AgentEvent, undefined> {
    return this.#feed[Symbol.asyncIterator]();
  }

  /** True when its end is known, or will never be. */
  get isOver(): boolean {
    return this.#isOver;
  }

  cancel(reason?: string): void {
    this.#cancel ??= { reason };
    this.repeatCancel();
  }

  /** Sends what may have been lost with a connection; harmless where it was not. */
  repeatCancel(): void {
    if (this.#cancel && this.#id !== undefined && !this.#isOver) this.#sendCancel(this.#id, this.#cancel.reason);
  }

  /** The server has accepted: reads from `position` of the stream on. */
  begin(id: string, stream: Stream, position: Position | undefined): void {
    this.#id = id;
    const watch: EndWatch = new EndWatch(
      id,
      (end) => {
        stream.detach(watch);
        this.#over(() => this.#settle.resolve(end));
      },
      (error) => this.#over(() => this.#settle.reject(error)),
    );
    watch.position = position && { ...position };
    stream.attach(watch);
    this.#feed.readFrom(stream, position && { ...position });
    this.repeatCancel();
  }

  #over(settle: () => void): void {
    this.#isOver = true;
    settle();
  }
}
