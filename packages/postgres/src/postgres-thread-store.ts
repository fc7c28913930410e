/**
 * Threads in PostgreSQL, for any number of apps on one database.
 *
 * Every query names the owner. What changes a thread locks its row first, so that calls on one thread come one after another.
 */
import type { MessageStatus, ThreadMessage, ThreadStore, ThreadSummary } from '@muster/contracts';
import { service } from '@muster/core';
import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { PoolClient } from 'pg';
import type { Connection, Connections } from './connection.ts';
import { PostgresMigrations } from './postgres-migrations.ts';
import { PostgresPool } from './postgres-pool.ts';
import { messages, threads } from './tables.ts';

const OPEN: readonly MessageStatus[] = ['pending', 'running'];
/** A statement takes 65 535 parameters, and a message has nine. */
const ROWS = 5_000;

const SUMMARY = {
  id: threads.id,
  title: threads.title,
  createdAt: threads.createdAt,
  updatedAt: threads.updatedAt,
};

const MESSAGE = columnsOf(messages);

@service({ dependsOn: [PostgresPool, PostgresMigrations] })
export class PostgresThreadStore implements ThreadStore {
  readonly #connections: Connections;

  /** @param _tables proof that the tables are there. */
  constructor(connections: Connections, _tables: object) {
    this.#connections = connections;
  }

  async open(
    user: string,
    { id, title, at }: { readonly id: string; readonly title: string; readonly at: number },
  ): Promise<ThreadSummary> {
    const found = await this.#connections.query(async (connection) => {
      const db = on(connection);
      const fresh = { owner: user, id, title, createdAt: at, updatedAt: at, next: 0 };
      const [made] = await db.insert(threads).values(fresh).onConflictDoNothing().returning(SUMMARY);
      if (made !== undefined) return made;
      const [known] = await db.select(SUMMARY).from(threads).where(ownThread(user, id));
      return known;
    });
    // Taken away in between: as if it had never been there.
    return found ?? this.open(user, { id, title, at });
  }

  add(user: string, thread: string, added: readonly ThreadMessage[]): Promise<boolean> {
    return this.#connections.transaction(async (connection) => {
      const db = on(connection);
      const [owned] = await db
        .select({ next: threads.next })
        .from(threads)
        .where(ownThread(user, thread))
        .for('update');
      if (owned === undefined) return false;
      const rows = added.map((message, i) => ({ ...message, owner: user, thread, number: owned.next + i }));
      let last = { number: owned.next - 1, at: 0 };
      for (let i = 0; i < rows.length; i += ROWS) {
        const made = await db
          .insert(messages)
          .values(rows.slice(i, i + ROWS))
          .onConflictDoNothing({ target: [messages.owner, messages.thread, messages.id] })
          .returning({ number: messages.number, at: messages.at });
        for (const row of made) if (row.number > last.number) last = row;
      }
      if (last.number >= owned.next)
        await db
          .update(threads)
          .set({ next: last.number + 1, updatedAt: last.at })
          .where(ownThread(user, thread));
      return true;
    });
  }

  settle(
    user: string,
    thread: string,
    message: string,
    {
      status,
      content,
      at,
    }: { readonly status: ThreadMessage['status']; readonly content?: string; readonly at: number },
  ): Promise<boolean> {
    return this.#connections.transaction(async (connection) => {
      const db = on(connection);
      // The thread before the message, as everybody does: two that lock in two orders wait for each other.
      const [owned] = await db.select({ id: threads.id }).from(threads).where(ownThread(user, thread)).for('update');
      if (owned === undefined) return false;
      const settled = await db
        .update(messages)
        .set({ status, ...(content === undefined ? {} : { content }) })
        .where(and(inThread(user, thread), eq(messages.id, message), inArray(messages.status, [...OPEN])))
        .returning({ number: messages.number });
      if (settled.length === 0) return false;
      await db.update(threads).set({ updatedAt: at }).where(ownThread(user, thread));
      return true;
    });
  }

  async messages(
    user: string,
    thread: string,
    { latest }: { readonly latest?: number } = {},
  ): Promise<readonly ThreadMessage[] | null> {
    const rows = await this.#connections.query((connection) => latestOf(on(connection), user, thread, latest));
    if (rows.length === 0) return null;
    // A thread without messages is one row without a message.
    const found = rows.flatMap(({ message }) => (message === null || latest === 0 ? [] : [message]));
    return found.sort((a, b) => a.number - b.number).map(({ number: _, ...message }) => message);
  }

  async list(user: string): Promise<readonly ThreadSummary[]> {
    return this.#connections.query((connection) =>
      on(connection)
        .select(SUMMARY)
        .from(threads)
        .where(eq(threads.owner, user))
        .orderBy(desc(threads.updatedAt), desc(threads.createdAt)),
    );
  }

  rename(user: string, thread: string, title: string): Promise<boolean> {
    return this.#connections.query(async (connection) => {
      const changed = on(connection).update(threads).set({ title }).where(ownThread(user, thread));
      return (await changed.returning({ id: threads.id })).length > 0;
    });
  }

  remove(user: string, thread: string): Promise<boolean> {
    return this.#connections.query(async (connection) => {
      const removed = on(connection).delete(threads).where(ownThread(user, thread));
      return (await removed.returning({ id: threads.id })).length > 0;
    });
  }
}

/** Drizzle asks a connection for no more than its queries. */
function on(connection: Connection) {
  return drizzle(connection as unknown as PoolClient);
}

/** What a message consists of, from the table or from a query on it. */
function columnsOf<T extends Record<keyof ThreadMessage | 'number', unknown>>(from: T) {
  const { number, id, role, content, status, run, at } = from;
  return { number, id, role, content, status, run, at } as Pick<T, keyof ThreadMessage | 'number'>;
}

function ownThread(user: string, thread: string) {
  return and(eq(threads.owner, user), eq(threads.id, thread));
}

function inThread(user: string, thread: string) {
  return and(eq(messages.owner, user), eq(messages.thread, thread));
}

/** The thread beside its latest messages, in one statement, so that both are of one moment. Reads as many as it gives. */
function latestOf(db: ReturnType<typeof on>, user: string, thread: string, latest: number | undefined) {
  const base = db
    .select(MESSAGE)
    .from(messages)
    .where(and(eq(messages.owner, threads.owner), eq(messages.thread, threads.id)))
    .orderBy(desc(messages.number));
  const isLimited = latest !== undefined && Number.isFinite(latest);
  const message = (isLimited ? base.limit(Math.max(1, Math.floor(latest))) : base).as('message');
  return db
    .select({ thread: threads.id, message: columnsOf(message) })
    .from(threads)
    .leftJoinLateral(message, sql`true`)
    .where(ownThread(user, thread));
}
