/**
 * How long the token of a connection counts: its client is told in time, and sent to fetch another when it has ended.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { Connection } from './connection.ts';

/** How long before the end a client is told, in milliseconds; of a shorter life half. */
const NOTICE_MS = 60_000;

export class TokenLife {
  readonly #connection: Connection;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    connection.onGone(() => this.#timer?.cancel());
  }

  /** @param expiresAt in milliseconds since 1970; a token without an end counts as long as its connection. */
  until(expiresAt: number | undefined): void {
    this.#timer?.cancel();
    if (expiresAt === undefined) return;
    const leftMs = Math.max(0, expiresAt - this.#clock.now());
    const noticeMs = Math.min(NOTICE_MS, leftMs / 2);
    this.#timer = this.#clock.schedule(leftMs - noticeMs, () => {
      this.#connection.send({ type: 'auth_expiring', inMs: Math.round(noticeMs) });
      this.#timer = this.#clock.schedule(noticeMs, () => this.#connection.close('tokenExpired'));
    });
  }
}
