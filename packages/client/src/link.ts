/**
 * One socket to the server, from its opening to its end.
 *
 * Its end is told exactly once, also when the network never tells: silence beyond a limit counts as lost.
 */
import {
  type ByeFrame,
  type ClientFrameInput,
  type Clock,
  CLOSE,
  type ServerFrame,
  type Timer,
} from '@muster/contracts';
import type { WebSocketLike } from './options.ts';

/** How many heartbeats a server may leave out once it has welcomed. */
export const SILENT_HEARTBEATS = 2.5;
/** How long a polite close waits for the other side. In milliseconds. */
const FAREWELL_MS = 1_000;

export interface LinkEvents {
  opened(link: Link): void;
  frame(link: Link, frame: ServerFrame): void;
  unreadable(cause: unknown): void;
  closed(link: Link, code: number, reason: string): void;
}

export class Link {
  /** What the server said before it closed. */
  bye: ByeFrame | undefined;
  readonly #socket: WebSocketLike;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  #opened = false;
  #silenceMs: number;
  #heardAt: number;
  #watch: Timer | undefined;

  /** @param silenceMs how long the server may be silent before it is expected to send heartbeats. */
  constructor(socket: WebSocketLike, clock: Clock, silenceMs: number, events: LinkEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.#silenceMs = silenceMs;
    this.#heardAt = clock.monotonic();
    socket.onopen = () => {
      this.#opened = true;
      events.opened(this);
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.#received(String(data));
    // A failed connection is told by the close that follows.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.#end(code, reason);
    this.#watchFor(silenceMs);
  }

  get opened(): boolean {
    return this.#opened;
  }

  send(frame: ClientFrameInput): void {
    this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  /** From now on the server owes a ping every `heartbeatMs`; 0 for never. */
  expectHeartbeats(heartbeatMs: number): void {
    this.#watch?.cancel();
    if (heartbeatMs > 0) this.#watchFor((this.#silenceMs = heartbeatMs * SILENT_HEARTBEATS));
  }

  /** Closes without a word to anybody here; resolves when the other side has closed too, or was given time to. */
  async leave(): Promise<void> {
    this.#watch?.cancel();
    const socket = this.#socket;
    socket.onopen = socket.onmessage = null;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.schedule(FAREWELL_MS, resolve);
      socket.onclose = () => {
        timer.cancel();
        resolve();
      };
      socket.close(CLOSE.done, 'done');
    });
  }

  #received(text: string): void {
    this.#heardAt = this.#clock.monotonic();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(text) as ServerFrame;
    } catch (cause) {
      this.#events.unreadable(cause);
      return;
    }
    this.#events.frame(this, frame);
  }

  #watchFor(ms: number): void {
    this.#watch = this.#clock.schedule(ms, () => {
      const leftMs = this.#silenceMs - (this.#clock.monotonic() - this.#heardAt);
      if (leftMs > 0) {
        this.#watchFor(leftMs);
        return;
      }
      const socket = this.#socket;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(CLOSE.heartbeatLost, 'silent');
      this.#end(CLOSE.heartbeatLost, 'the server was silent');
    });
  }

  #end(code: number, reason: string): void {
    this.#watch?.cancel();
    this.#events.closed(this, code, reason);
  }
}
