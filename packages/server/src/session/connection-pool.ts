/**
 * Every live connection, by user. Entries are the connections themselves, so a count cannot leak.
 */
import { type Health, healthy, type Service, service } from '@muster/core';

/** What the pool keeps of a connection. */
export interface Pooled {
  readonly id: string;
  readonly user: string;
}

@service()
export class ConnectionPool implements Service {
  readonly #byUser = new Map<string, Set<Pooled>>();
  #size = 0;

  /** Adds a connection until the returned function is called. */
  add(connection: Pooled): () => void {
    let mine = this.#byUser.get(connection.user);
    if (mine === undefined) {
      mine = new Set();
      this.#byUser.set(connection.user, mine);
    }
    mine.add(connection);
    this.#size += 1;
    return () => {
      if (!mine.delete(connection)) return;
      this.#size -= 1;
      if (mine.size === 0 && this.#byUser.get(connection.user) === mine) this.#byUser.delete(connection.user);
    };
  }

  /** How many connections a user has now. */
  countOf(user: string): number {
    return this.#byUser.get(user)?.size ?? 0;
  }

  get users(): number {
    return this.#byUser.size;
  }

  get size(): number {
    return this.#size;
  }

  check(): Health {
    return healthy;
  }
}
