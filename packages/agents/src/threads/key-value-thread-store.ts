/**
 * Threads in the app's key-value store: durable where that is, on LMDB for instance, and gone with the process in memory.
 *
 *   threads/<user>/<thread>               the thread, how many messages it has, and those that have no end state
 *   messages/<user>/<thread>/<number>     one message
 *
 * Users and threads are hashed, so that any id is a key and no id is the beginning of another.
 */
import type { ThreadMessage, ThreadStore, ThreadSummary } from '@muster/contracts';
import { type Json, keyPart, KeyValueStore, service } from '@muster/core';

interface ThreadRecord extends ThreadSummary {
  /** The number that the next message gets. */
  readonly next: number;
  /** The numbers of messages without an end state, by their ids. */
  readonly open: Readonly<Record<string, number>>;
}

interface Found {
  readonly record: ThreadRecord;
  readonly revision: number;
}

const OPEN: ReadonlySet<string> = new Set(['pending', 'running']);

@service({ dependsOn: [KeyValueStore] })
export class KeyValueThreadStore implements ThreadStore {
  readonly #store: KeyValueStore;

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  async open(
    user: string,
    { id, title, at }: { readonly id: string; readonly title: string; readonly at: number },
  ): Promise<ThreadSummary> {
    const fresh: ThreadRecord = { id, title, createdAt: at, updatedAt: at, next: 0, open: {} };
    const created = await this.#store.create(threadKey(user, id), fresh as unknown as Json);
    if (created.ok) return summaryOf(fresh);
    const found = await this.#find(user, id);
    // Taken away in between: as if it had never been there.
    return found === undefined ? this.open(user, { id, title, at }) : summaryOf(found.record);
  }

  async add(user: string, thread: string, messages: readonly ThreadMessage[]): Promise<boolean> {
    let from = 0;
    const changed = await this.#change(user, thread, (record) => {
      from = record.next;
      const open = messages.flatMap(({ id, status }, i) => (OPEN.has(status) ? [[id, from + i] as const] : []));
      const updatedAt = messages.at(-1)?.at ?? record.updatedAt;
      return {
        ...record,
        updatedAt,
        next: from + messages.length,
        open: { ...record.open, ...Object.fromEntries(open) },
      };
    });
    if (!changed) return false;
    // The numbers are these messages' own by now. One that a crash leaves out is no message, and nobody was told of it.
    await Promise.all(
      messages.map((message, i) => this.#store.create(messageKey(user, thread, from + i), message as unknown as Json)),
    );
    return true;
  }

  async settle(
    user: string,
    thread: string,
    message: string,
    { at, ...change }: { readonly status: ThreadMessage['status']; readonly content?: string; readonly at: number },
  ): Promise<boolean> {
    const number = (await this.#find(user, thread))?.record.open[message];
    if (number === undefined) return false;
    const key = messageKey(user, thread, number);
    let isClosed = !OPEN.has(change.status);
    for (;;) {
      const entry = await this.#store.get(key);
      if (entry === undefined) return false;
      // Settled since it was found open: what comes late changes nothing of it.
      if (!OPEN.has((entry.value as unknown as ThreadMessage).status)) {
        isClosed = true;
        break;
      }
      const settled = { ...(entry.value as object), ...change } as unknown as Json;
      if ((await this.#store.update(key, settled, entry.revision)).ok) break;
    }
    return this.#change(user, thread, (record) => {
      const others = Object.entries(record.open).filter(([id]) => id !== message);
      return { ...record, updatedAt: at, open: isClosed ? Object.fromEntries(others) : record.open };
    });
  }

  async messages(
    user: string,
    thread: string,
    { latest = Number.POSITIVE_INFINITY }: { readonly latest?: number } = {},
  ): Promise<readonly ThreadMessage[] | null> {
    const found = await this.#find(user, thread);
    if (found === undefined) return null;
    const { next } = found.record;
    const from = Math.max(0, next - latest);
    if (from === 0) {
      const all = await this.#store.list(messagePrefix(user, thread));
      return all.map(({ value }) => value as unknown as ThreadMessage);
    }
    const numbers = Array.from({ length: next - from }, (_, i) => from + i);
    const entries = await Promise.all(numbers.map((number) => this.#store.get(messageKey(user, thread, number))));
    return entries.flatMap((entry) => (entry === undefined ? [] : [entry.value as unknown as ThreadMessage]));
  }

  async list(user: string): Promise<readonly ThreadSummary[]> {
    const all = await this.#store.list(`threads/${keyPart(user)}/`);
    return all
      .map(({ value }) => summaryOf(value as unknown as ThreadRecord))
      .sort((a, b) => b.updatedAt - a.updatedAt || b.createdAt - a.createdAt);
  }

  rename(user: string, thread: string, title: string): Promise<boolean> {
    return this.#change(user, thread, (record) => ({ ...record, title }));
  }

  async remove(user: string, thread: string): Promise<boolean> {
    const key = threadKey(user, thread);
    for (;;) {
      const found = await this.#find(user, thread);
      if (found === undefined) return false;
      if ((await this.#store.delete(key, found.revision)).ok) break;
    }
    const messages = await this.#store.list(messagePrefix(user, thread));
    await Promise.all(messages.map(({ key: each, revision }) => this.#store.delete(each, revision)));
    return true;
  }

  async #find(user: string, thread: string): Promise<Found | undefined> {
    const entry = await this.#store.get(threadKey(user, thread));
    return entry && { record: entry.value as unknown as ThreadRecord, revision: entry.revision };
  }

  /** Changes the thread's record, again when somebody else did so meanwhile; false when there is none. */
  async #change(user: string, thread: string, change: (record: ThreadRecord) => ThreadRecord): Promise<boolean> {
    for (;;) {
      const found = await this.#find(user, thread);
      if (found === undefined) return false;
      const changed = change(found.record) as unknown as Json;
      if ((await this.#store.update(threadKey(user, thread), changed, found.revision)).ok) return true;
    }
  }
}

function summaryOf({ id, title, createdAt, updatedAt }: ThreadRecord): ThreadSummary {
  return { id, title, createdAt, updatedAt };
}

function threadKey(user: string, thread: string): string {
  return `threads/${keyPart(user)}/${keyPart(thread)}`;
}

function messagePrefix(user: string, thread: string): string {
  return `messages/${keyPart(user)}/${keyPart(thread)}/`;
}

function messageKey(user: string, thread: string, number: number): string {
  return `${messagePrefix(user, thread)}${number.toString(36).padStart(8, '0')}`;
}
