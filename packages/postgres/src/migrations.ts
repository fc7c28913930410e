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
  {
    name: 'a message once per id',
    statements: [
      // Apps of the version before go on writing until their replacement: none of them adds a copy in between.
      'lock table muster_messages in share row exclusive mode',
      // The first of several stays, as it does from now on.
      `delete from muster_messages as copy using (
        select owner, thread, id, min(number) as first from muster_messages group by owner, thread, id having count(*) > 1
      ) as kept
      where copy.owner = kept.owner and copy.thread = kept.thread and copy.id = kept.id and copy.number > kept.first`,
      'create unique index muster_messages_ids on muster_messages (owner, thread, id)',
      // A message is found by its id through the one above, whatever state it is in.
      'drop index muster_messages_open',
    ],
  },
];
