/** Durable on one machine: the event log and the key-value store in one directory. */
export { LMDB_ERRORS } from './errors.ts';
export { lmdb } from './lmdb.ts';
export { LmdbEventLog } from './lmdb-event-log.ts';
export { LmdbKeyValueStore } from './lmdb-key-value-store.ts';
export { LmdbStorage } from './lmdb-storage.ts';
export { LMDB_DEFAULTS, type LmdbOptions, LmdbSettings, settingsOf } from './options.ts';
