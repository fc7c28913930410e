/**
 * Whether a user is connected to this app, whichever of their connections it is, and to whichever instance. It outlives the
 * one that it was asked of, so a run may look at it long after that.
 */
import type { ConnectionPool } from './connection-pool.ts';
import type { PresenceElsewhere } from './presence-elsewhere.ts';

export class UserPresence {
  readonly #pool: ConnectionPool;
  readonly #elsewhere: PresenceElsewhere | undefined;
  readonly #user: string;

  /** @param elsewhere where there are other instances. */
  constructor(user: string, pool: ConnectionPool, elsewhere?: PresenceElsewhere) {
    this.#user = user;
    this.#pool = pool;
    this.#elsewhere = elsewhere;
  }

  /** True while the user has a connection that was let in; of other instances it is known while somebody listens. */
  get isPresent(): boolean {
    return this.#pool.countOf(this.#user) > 0 || this.#elsewhere?.has(this.#user) === true;
  }

  /** Calls `changed` whenever that changes, or may have, until the returned function is called. */
  onChange(changed: () => void): () => void {
    const ends = [this.#pool.watch(this.#user, changed), this.#elsewhere?.watch(this.#user, changed)];
    return () => {
      for (const end of ends) end?.();
    };
  }
}
