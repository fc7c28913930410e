/** The thread store of the chat: usable only while the database is. */
import { MemoryThreadStore } from '@muster/agents';
import { service } from '@muster/core';
import { Database } from './database.ts';

@service({ dependsOn: [Database] })
export class DatabaseThreads extends MemoryThreadStore {
  constructor(_: Database) {
    super();
  }
}
