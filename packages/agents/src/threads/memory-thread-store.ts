/**
 * Threads in this process's memory: gone with it. For tests, and for a first look without a database.
 */
import type { ThreadMessage, ThreadStore, ThreadSummary } from '@muster/contracts';
import { service } from '@muster/core';

interface Thread {
  readonly user: string;
  summary: ThreadSummary;
  readonly messages: ThreadMessage[];
}

@service()
export class MemoryThreadStore implements ThreadStore {
  readonly #threads = new Map<string, Thread>();

  async open(user: string, thread: { id: string; title: string; at: number }): Promise<ThreadSummary | null> {
    const { id, title, at } = thread;
    const known = this.#threads.get(id);
    if (known) return known.user === user ? known.summary : null;
    const summary = { id, title, createdAt: at, updatedAt: at };
    this.#threads.set(id, { user, summary, messages: [] });
    return summary;
  }

  async add(user: string, thread: string, messages: readonly ThreadMessage[]): Promise<boolean> {
    const mine = this.#mine(user, thread);
    if (!mine) return false;
    mine.messages.push(...messages);
    mine.summary = { ...mine.summary, updatedAt: messages.at(-1)?.at ?? mine.summary.updatedAt };
    return true;
  }

  async settle(
    user: string,
    thread: string,
    message: string,
    change: { status: ThreadMessage['status']; content?: string; at: number },
  ): Promise<boolean> {
    const mine = this.#mine(user, thread);
    const index = mine?.messages.findIndex(({ id }) => id === message) ?? -1;
    if (!mine || index < 0) return false;
    const { at, ...rest } = change;
    mine.messages[index] = { ...(mine.messages[index] as ThreadMessage), ...rest };
    mine.summary = { ...mine.summary, updatedAt: at };
    return true;
  }

  async messages(user: string, thread: string): Promise<readonly ThreadMessage[] | null> {
    const mine = this.#mine(user, thread);
    return mine ? [...mine.messages] : null;
  }

  async list(user: string): Promise<readonly ThreadSummary[]> {
    return [...this.#threads.values()]
      .filter((thread) => thread.user === user)
      .map(({ summary }) => summary)
      .sort((a, b) => b.updatedAt - a.updatedAt);
  }

  #mine(user: string, thread: string): Thread | undefined {
    const found = this.#threads.get(thread);
    return found?.user === user ? found : undefined;
  }
}
