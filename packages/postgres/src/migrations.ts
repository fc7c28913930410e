/**
 * How the tables came to be what they are, version by version, as data: a bundle has no files beside it.
 *
 * A version that was published is never changed; a change is one more version.
 */

/** One version: the statements that make it of the one before. Its number is its place in the list, from 1. */
export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

/** Keys are compared by their bytes: the order of a language changes with the system, and breaks the indexes that have it. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'threads and messages',
    statements: [
      `create table muster_threads (
        owner text collate "C" not null,
        id text collate "C" not null,
        title text not null,
        created_at double precision not null,
        updated_at double precision not null,
        next integer not null,
        primary key (owner, id)
      )`,
      `create table muster_messages (
        owner text collate "C" not null,
        thread text collate "C" not null,
        number integer not null,
        id text collate "C" not null,
        role text not null,
        content text not null,
        status text not null,
        run text not null,
        at double precision not null,
        primary key (owner, thread, number),
        foreign key (owner, thread) references muster_threads (owner, id) on delete cascade
      )`,
      // Few messages have no end state, and they alone are looked for by their ids.
      `create index muster_messages_open on muster_messages (owner, thread) where status in ('pending', 'running')`,
    ],
  },
];
