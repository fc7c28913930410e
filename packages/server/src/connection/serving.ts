/**
 * What a connection does with frames once its client is known: requests, streams and tokens.
 *
 * Made by the handshake; before that nothing is served.
 */
import type { ClientFrame, Position } from '@muster/contracts';
import type { Door } from '@muster/core';
import type { Feeds } from '../delivery/feeds.ts';
import { serverError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { Requests } from './requests.ts';
import type { TokenBucket } from './token-bucket.ts';

/** Frames that stand for something to do. */
export type Errand = Exclude<ClientFrame, { type: 'hello' | 'ping' | 'pong' }>;

export interface Serving {
  /** @throws MusterError for what cannot be done; it becomes an `error` frame. */
  take(frame: Errand): void;
  readonly positions: Record<string, Position>;
  /** True while events are on their way, or at the client and not acknowledged. */
  readonly owesAck: boolean;
  /** How many. */
  readonly unacknowledged: number;
  /** `null` until it is known. */
  readonly user: string | null;
  idle(): Promise<void>;
  gateMoved(state: Door['state']): void;
  close(): void;
}

/** Before the handshake is over. */
export const withoutServing: Serving = {
  take: () => {
    throw serverError('NOT_SERVING', { state: 'not ready yet' });
  },
  positions: {},
  owesAck: false,
  unacknowledged: 0,
  user: null,
  idle: () => Promise.resolve(),
  gateMoved: () => {},
  close: () => {},
};

/** What a served connection is made of. */
export interface ServedParts {
  readonly connection: Connection;
  readonly feeds: Feeds;
  readonly user: string;
  /** Made when a request comes first: most of the connections that wait for events never send one. */
  readonly requests: Requests;
  /** Nothing where none has come. */
  readonly begun: Requests | undefined;
  /** Over all connections of the user. */
  readonly rate: TokenBucket;
  readonly requestsPerSecond: number;
  now(): number;
  /** Checks a fresh token. */
  renew(frame: Extract<ClientFrame, { type: 'auth' }>): Promise<void>;
  gateMoved(state: Door['state']): void;
}

export class Served implements Serving {
  readonly #parts: ServedParts;

  constructor(parts: ServedParts) {
    this.#parts = parts;
  }

  get positions(): Record<string, Position> {
    return this.#parts.feeds.positions;
  }

  get owesAck(): boolean {
    return this.#parts.feeds.hasUnacknowledged;
  }

  get unacknowledged(): number {
    return this.#parts.feeds.unacknowledged;
  }

  get user(): string {
    return this.#parts.user;
  }

  take(frame: Errand): void {
    const { feeds } = this.#parts;
    switch (frame.type) {
      case 'request':
        this.#request(frame);
        return;
      case 'ack':
        feeds.acknowledge(frame);
        return;
      case 'pull':
        feeds.pull(frame);
        return;
      case 'unsubscribe':
        feeds.unsubscribe(frame.stream);
        return;
      case 'subscribe':
        this.#tell(feeds.subscribe(frame.stream, frame.cursor), 'feed of a stream');
        return;
      case 'cancel':
        this.#tell(
          this.#parts.requests.cancel(frame.run, frame.reason).then((error) => {
            if (error !== undefined) throw error;
          }),
          'method cancel',
        );
        return;
      case 'auth':
        this.#tell(this.#parts.renew(frame), 'authenticator');
    }
  }

  idle(): Promise<void> {
    return this.#parts.begun?.idle() ?? Promise.resolve();
  }

  gateMoved(state: Door['state']): void {
    this.#parts.gateMoved(state);
  }

  close(): void {
    this.#parts.begun?.close();
    this.#parts.feeds.close();
  }

  #request(frame: Extract<Errand, { type: 'request' }>): void {
    const { rate, requests, requestsPerSecond: limit } = this.#parts;
    if (rate.take(1, this.#parts.now())) requests.post(frame);
    else
      requests.refuse(
        frame.id,
        serverError('RATE_LIMITED', { what: 'requests of this user', limit, retryAfterMs: rate.waitMs(1) }),
      );
  }

  /** What goes wrong where nobody waits becomes an `error` frame. */
  #tell(work: Promise<void>, component: string): void {
    work.catch((error: unknown) => this.#parts.connection.failedAt(component, error));
  }
}
