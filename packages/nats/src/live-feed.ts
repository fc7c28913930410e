/**
 * What JetStream sends out of what it has stored. It may be lost: with the connection, with a leader that died between
 * storing and sending, and with a reader that is too slow. Whoever listens is told when that may have happened.
 */
import type { NatsConnection } from './nats-connection.ts';

/** When what is listened to from now on is looked at again, in milliseconds: what is sent may not have found its way yet. */
export const LOOK_AGAIN_MS = [250, 2_000] as const;

/** A message that was stored. */
export interface Heard {
  readonly subject: string;
  readonly sequence: number;
  /** Of the message of its subject that was stored before it, whether that counts or not; 0 where there was none. */
  readonly before: number;
  readonly data: Uint8Array;
}

export class LiveFeed {
  readonly #connection: NatsConnection;
  readonly #stream: string;
  readonly #lost: () => void;
  #close: (() => void) | undefined;

  /** @param lost called when something may not have come. */
  constructor(connection: NatsConnection, stream: string, lost: () => void) {
    this.#connection = connection;
    this.#stream = stream;
    this.#lost = lost;
  }

  open(): void {
    const end = this.#connection.onReturn(this.#lost);
    const elections = this.#connection.connection.subscribe(
      `$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${this.#stream}`,
      { callback: this.#lost },
    );
    this.#close = () => {
      end();
      elections.unsubscribe();
    };
  }

  close(): void {
    this.#close?.();
    this.#close = undefined;
  }

  /** Calls `heard` with each message that is sent to a subject. */
  listen(subject: string, heard: (message: Heard) => void): () => void {
    const subscription = this.#connection.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) return this.#lost();
        const { headers, subject: of, data } = message;
        const [sequence, before] = [Number(headers?.get('Nats-Sequence')), Number(headers?.get('Nats-Last-Sequence'))];
        if (Number.isSafeInteger(sequence) && sequence > 0) heard({ subject: of, sequence, before, data });
      },
    });
    return () => subscription.unsubscribe();
  }
}
