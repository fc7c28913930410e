/**
 * A client that waits at a gate, and is told what for at least every two seconds.
 */
import type { Timer } from '@muster/contracts';
import type { Door, Permit } from '@muster/core';
import type { Connection, ConnectionSurroundings } from './connection.ts';

export class HeldClient {
  readonly #connection: Connection;
  readonly #around: ConnectionSurroundings;
  #next: Timer | undefined;

  constructor(connection: Connection, around: ConnectionSurroundings) {
    this.#connection = connection;
    this.#around = around;
  }

  async enter(gate: Door): Promise<Permit> {
    // Nobody waits: a signal is only made for who does.
    if (gate.state === 'open') return gate.enter();
    this.#say(gate);
    try {
      return await gate.enter(this.#connection.signal);
    } finally {
      this.#next?.cancel();
    }
  }

  #say(gate: Door): void {
    const { waitEveryMs } = this.#around.limits;
    const { state } = this.#connection;
    const phase = state === 'gated' || state === 'syncing' ? state : 'authenticating';
    this.#connection.send({ type: 'wait', phase, pending: gate.blockedBy, retryAfterMs: waitEveryMs });
    this.#next = this.#around.clock.schedule(waitEveryMs, () => this.#say(gate));
  }
}
