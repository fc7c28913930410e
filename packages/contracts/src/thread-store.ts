/**
 * Where threads and their messages are kept, as a port.
 *
 * Every method takes the user: ownership is part of each query, and a foreign thread cannot be told from an absent one.
 */

/** How far a message has come; the last four are end states. */
export type MessageStatus = 'pending' | 'running' | 'success' | 'failed' | 'cancelled' | 'interrupted';

/** One message of a thread. `at` is in milliseconds since 1970. */
export interface ThreadMessage {
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

/** A store of threads; all implementations pass one conformance suite. */
export interface ThreadStore {
  /** Makes the thread when nobody has it; resolves to `null` when it belongs to somebody else. */
  open(user: string, thread: { id: string; title: string; at: number }): Promise<ThreadSummary | null>;
  /** Adds messages in the given order, all or none; false when the thread is not the user's. */
  add(user: string, thread: string, messages: readonly ThreadMessage[]): Promise<boolean>;
  /** Changes status, and content where given; false when there is no such message of this user. */
  settle(
    user: string,
    thread: string,
    message: string,
    change: { status: MessageStatus; content?: string; at: number },
  ): Promise<boolean>;
  /** The messages in order; `null` when the thread is not the user's. */
  messages(user: string, thread: string): Promise<readonly ThreadMessage[] | null>;
  /** The user's threads, the last changed first. */
  list(user: string): Promise<readonly ThreadSummary[]>;
}
