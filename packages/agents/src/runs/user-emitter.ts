/**
 * Appends events to one user's stream. Made from a principal, it cannot name another user.
 */
import { type Appended, type EventLog, type Gathering, type Principal, streamOf } from '@muster/core';

export class UserEmitter {
  readonly user: string;
  readonly thread: string;
  readonly #log: EventLog;
  readonly #stream: string;

  constructor(principal: Principal, thread: string, log: EventLog) {
    this.user = principal.user;
    this.thread = thread;
    this.#log = log;
    this.#stream = streamOf(principal, thread);
  }

  /** Resolves when all that `events` gives are in the log, and not before; without an expected top it cannot conflict. */
  append(events: Gathering): Promise<Appended> {
    return this.#log.append(this.#stream, events);
  }
}
