/**
 * Threads in the app's key-value store: durable where that is, on LMDB for instance, and gone with the process in memory.
 *
 *   threads/<user>/<thread>               the thread, and the number that its next message gets
 *   numbers/<user>/<thread>/<id>          the number of one message, said once: it is what makes an id unique
 *   messages/<user>/<thread>/<number>     one message
 *
 * Users, threads and ids are hashed, so that any id is a key and no id is the beginning of another.
 */
import type { ThreadMessage, ThreadStore, ThreadSummary } from '@muster/contracts';
import { type Json, keyPart, KeyValueStore, service } from '@muster/core';

interface ThreadRecord extends ThreadSummary {
  /** The number that the next message gets. */
  readonly next: number;
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
    const fresh: ThreadRecord = { id, title, createdAt: at, updatedAt: at, next: 0 };
    const created = await this.#store.create(threadKey(user, id), fresh as unknown as Json);
    if (created.ok) return summaryOf(fresh);
    const found = await this.#find(user, id);
    // Taken away in between: as if it had never been there.
    return found === undefined ? this.open(user, { id, title, at }) : summaryOf(found.record);
  }

  async add(user: string, thread: string, messages: readonly ThreadMessage[]): Promise<boolean> {
    const all = firstOfEachId(messages);
    const known = await Promise.all(all.map(({ id }) => this.#numberOf(user, thread, id)));
    const fresh = all.filter((_, i) => known[i] === undefined);
    const from = await this.#take(user, thread, fresh);
    if (from === undefined) return false;
    const own = new Map(fresh.map(({ id }, i) => [id, from + i]));
    await Promise.all(
      all.map(async (message, i) => {
        const number = known[i] ?? (await this.#say(user, thread, message.id, own.get(message.id) as number));
        // Whoever has said the number may have died before it wrote the message: then it is written here.
        if (number !== undefined)
          await this.#store.create(messageKey(user, thread, number), message as unknown as Json);
      }),
    );
    return true;
  }

  /** Takes a number for each; resolves to the first of them, and to `undefined` when there is no such thread. */
  async #take(user: string, thread: string, messages: readonly ThreadMessage[]): Promise<number | undefined> {
    if (messages.length === 0) return (await this.#find(user, thread))?.record.next;
    let from: number | undefined;
    const changed = await this.#change(user, thread, (record) => {
      from = record.next;
      return { ...record, updatedAt: messages.at(-1)?.at ?? record.updatedAt, next: from + messages.length };
    });
    return changed ? from : undefined;
  }

  /** Says which number a message has; resolves to what was said first, here or elsewhere. A number that nobody says is no message's. */
  async #say(user: string, thread: string, message: string, number: number): Promise<number | undefined> {
    const said = await this.#store.create(numberKey(user, thread, message), number);
    return said.ok ? number : this.#numberOf(user, thread, message);
  }

  async #numberOf(user: string, thread: string, message: string): Promise<number | undefined> {
    return (await this.#store.get(numberKey(user, thread, message)))?.value as number | undefined;
  }

  async settle(
    user: string,
    thread: string,
    message: string,
    { at, ...change }: { readonly status: ThreadMessage['status']; readonly content?: string; readonly at: number },
  ): Promise<boolean> {
    const number = await this.#numberOf(user, thread, message);
    if (number === undefined) return false;
    const key = messageKey(user, thread, number);
    for (;;) {
      const entry = await this.#store.get(key);
      // What comes late changes nothing of a message that was settled.
      if (entry === undefined || !OPEN.has((entry.value as unknown as ThreadMessage).status)) return false;
      const settled = { ...(entry.value as object), ...change } as unknown as Json;
      if ((await this.#store.update(key, settled, entry.revision)).ok) break;
    }
    return this.#change(user, thread, (record) => ({ ...record, updatedAt: at }));
  }

  async messages(
    user: string,
    thread: string,
    { latest = Number.POSITIVE_INFINITY }: { readonly latest?: number } = {},
  ): Promise<readonly ThreadMessage[] | null> {
    const found = await this.#find(user, thread);
    if (found === undefined) return null;
    const { next } = found.record;
    if (latest >= next) {
      const all = await this.#store.list(messagePrefix(user, thread));
      return all.map(({ value }) => value as unknown as ThreadMessage);
    }
    const messages: ThreadMessage[] = [];
    // Some numbers are no message's: then as many more are looked at.
    for (let to = next; to > 0 && messages.length < latest;) {
      const from = Math.max(0, to - (latest - messages.length));
      messages.unshift(...(await this.#between(user, thread, from, to)));
      to = from;
    }
    return messages;
  }

  /** The messages that have a number from `from` on and below `to`. */
  async #between(user: string, thread: string, from: number, to: number): Promise<ThreadMessage[]> {
    const numbers = Array.from({ length: to - from }, (_, i) => from + i);
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
    for (const prefix of [messagePrefix(user, thread), numberPrefix(user, thread)]) {
      const entries = await this.#store.list(prefix);
      await Promise.all(entries.map(({ key: each, revision }) => this.#store.delete(each, revision)));
    }
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

function numberPrefix(user: string, thread: string): string {
  return `numbers/${keyPart(user)}/${keyPart(thread)}/`;
}

function numberKey(user: string, thread: string, message: string): string {
  return `${numberPrefix(user, thread)}${keyPart(message)}`;
}

/** What one call gives twice is one message, the first. */
function firstOfEachId(messages: readonly ThreadMessage[]): readonly ThreadMessage[] {
  const byId = new Map<string, ThreadMessage>();
  for (const message of messages) if (!byId.has(message.id)) byId.set(message.id, message);
  return [...byId.values()];
}
