/**
 * Every live connection, by user. Entries are the connections themselves, so a count cannot leak.
 */
import { type ProbeContext, type Service, service } from '@muster/core';

/** What the pool keeps of a connection. */
export interface Pooled {
  readonly id: string;
  readonly user: string;
}

@service()
export class ConnectionPool implements Service {
  readonly #byUser = new Map<string, Set<Pooled>>();
  /** Who wants to know when a user comes or goes; most of the time nobody does. */
  readonly #watchers = new Map<string, Set<() => void>>();
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
    if (mine.size === 1) this.#tell(connection.user);
    return () => {
      if (!mine.delete(connection)) return;
      this.#size -= 1;
      if (mine.size > 0 || this.#byUser.get(connection.user) !== mine) return;
      this.#byUser.delete(connection.user);
      this.#tell(connection.user);
    };
  }

  /** Calls `changed` when a user's first connection has come and when the last has gone, until the returned function is called. */
  watch(user: string, changed: () => void): () => void {
    const watchers = this.#watchers.get(user) ?? new Set();
    this.#watchers.set(user, watchers);
    // One of its own, so that nobody ends what another has begun.
    const watcher = (): void => changed();
    watchers.add(watcher);
    return () => {
      if (watchers.delete(watcher) && watchers.size === 0) this.#watchers.delete(user);
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

  /** A connection that comes and goes must be found while it is there, and not afterwards. */
  probe({ principal: { user } }: ProbeContext): void {
    const before = this.countOf(user);
    const leave = this.add({ id: 'probe', user });
    const during = this.countOf(user);
    leave();
    const after = this.countOf(user);
    if (during !== before + 1 || after !== before)
      throw new Error(`the pool counted ${before}, ${during} and ${after} connections around one that came and went`);
    const counted = [...this.#byUser.values()].reduce((sum, mine) => sum + mine.size, 0);
    if (counted !== this.#size) throw new Error(`the pool has ${counted} connections and counts ${this.#size}`);
  }

  #tell(user: string): void {
    for (const watcher of this.#watchers.get(user) ?? []) watcher();
  }
}
