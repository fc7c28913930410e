/**
 * The tables as Drizzle knows them; `migrations.ts` makes them.
 *
 * Every text of a user stands as `encodeText` makes it. Times are doubles, because they are numbers of JavaScript.
 */
import type { MessageStatus, ThreadMessage } from '@muster/contracts';
import { customType, doublePrecision, integer, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { decodeText, encodeText } from './text.ts';

/** Any text, NUL included. */
const anyText = customType<{ data: string; driverData: string }>({
  dataType: () => 'text',
  toDriver: encodeText,
  fromDriver: decodeText,
});

export const threads = pgTable(
  'muster_threads',
  {
    owner: anyText().notNull(),
    id: anyText().notNull(),
    title: anyText().notNull(),
    createdAt: doublePrecision('created_at').notNull(),
    updatedAt: doublePrecision('updated_at').notNull(),
    /** The number that the next message gets. */
    next: integer().notNull(),
  },
  ({ owner, id }) => [primaryKey({ columns: [owner, id] })],
);

export const messages = pgTable(
  'muster_messages',
  {
    owner: anyText().notNull(),
    thread: anyText().notNull(),
    number: integer().notNull(),
    id: anyText().notNull(),
    role: text().$type<ThreadMessage['role']>().notNull(),
    content: anyText().notNull(),
    status: text().$type<MessageStatus>().notNull(),
    run: anyText().notNull(),
    at: doublePrecision().notNull(),
  },
  ({ owner, thread, number, id }) => [
    primaryKey({ columns: [owner, thread, number] }),
    uniqueIndex('muster_messages_ids').on(owner, thread, id),
  ],
);
