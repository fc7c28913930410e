/**
 * Where threads and their messages are kept, as a port.
 *
 * Every method takes the user, and a thread's id counts among the threads of that user alone: two users may have the same
 * id for two threads, and neither can tell whether the other has.
 */

/** How far a message has come; the last four are end states. */
export type MessageStatus = 'pending' | 'running' | 'success' | 'failed' | 'cancelled' | 'interrupted';

/** One message of a thread. `at` is in milliseconds since 1970. */
export interface ThreadMessage {
  /** Unique within its thread. */
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly status: MessageStatus;
  readonly run: string;
  readonly at: number;
}

/** One thread, without its messages. Times are in milliseconds since 1970. */
export interface ThreadSummary {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A store of threads; all implementations pass one conformance suite, `threadStoreConformance` of `@muster/core/testing`. */
export interface ThreadStore {
  /** Makes the thread when the user has none of this id; resolves to it as it is. */
  open(
    user: string,
    thread: { readonly id: string; readonly title: string; readonly at: number },
  ): Promise<ThreadSummary>;
  /**
   * Adds messages in the given order, each id once for ever: a message whose id the thread has already is left as it is,
   * whoever added it and whatever it says by now, and the others of the call are added all the same. So a call of which
   * nobody knows whether it was done is simply made again, and two that store the same message need not know of each other.
   *
   * @returns true when the thread is there, also when it has all of these messages already; false when the user has no such
   * thread, and then nothing is added.
   */
  add(user: string, thread: string, messages: readonly ThreadMessage[]): Promise<boolean>;
  /** Changes status, and content where given, of a message that has no end state; false when there is none of this id. */
  settle(
    user: string,
    thread: string,
    message: string,
    change: { readonly status: MessageStatus; readonly content?: string; readonly at: number },
  ): Promise<boolean>;
  /**
   * The messages in order; `null` when the user has no such thread.
   *
   * @param range `latest`: only so many, the last ones. @default all of them
   */
  messages(
    user: string,
    thread: string,
    range?: { readonly latest?: number },
  ): Promise<readonly ThreadMessage[] | null>;
  /** The user's threads, the last changed first. */
  list(user: string): Promise<readonly ThreadSummary[]>;
  /** False when the user has no such thread. */
  rename(user: string, thread: string, title: string): Promise<boolean>;
  /** Takes the thread and its messages away; false when the user has no such thread. */
  remove(user: string, thread: string): Promise<boolean>;
}
