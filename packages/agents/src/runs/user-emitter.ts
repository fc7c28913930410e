/**
 * Appends events to one user's stream. Made from a principal, it cannot name another user.
 */
import { type EventLog, type Gathering, type Principal, streamOf } from '@muster/core';

/** Proof of an append: the offset of its last event. */
export interface Receipt {
  readonly offset: number;
}

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

  /** Resolves when all that `events` gives are in the log, and not before. */
  async append(events: Gathering): Promise<Receipt> {
    const appended = await this.#log.append(this.#stream, events);
    // Without an expected top an append cannot conflict.
    return { offset: appended.top };
  }
}
