/** The thread store of the chat: usable only while the database is. */
import { KeyValueThreadStore } from '@muster/agents';
import { KeyValueStore, service } from '@muster/core';
import { Database } from './database.ts';

@service({ dependsOn: [KeyValueStore, Database] })
export class DatabaseThreads extends KeyValueThreadStore {
  constructor(store: KeyValueStore, _: Database) {
    super(store);
  }
}
