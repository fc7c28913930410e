/**
 * Whether a user is connected to this process, whichever of their connections it is. It outlives the one that it was
 * asked of, so a run may look at it long after that.
 */
import type { ConnectionPool } from './connection-pool.ts';

export class UserPresence {
  readonly #pool: ConnectionPool;
  readonly #user: string;

  constructor(pool: ConnectionPool, user: string) {
    this.#pool = pool;
    this.#user = user;
  }

  /** True while the user has a connection that was let in. */
  get isPresent(): boolean {
    return this.#pool.countOf(this.#user) > 0;
  }

  /** Calls `changed` whenever that changes, until the returned function is called. */
  onChange(changed: () => void): () => void {
    return this.#pool.watch(this.#user, changed);
  }
}
