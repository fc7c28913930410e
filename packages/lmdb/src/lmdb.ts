/** Everything that an app lists to keep its events and its keys in one directory. */
import { type Class, EventLog, KeyValueStore, provide, provideValue, type Registration } from '@muster/core';
import { LmdbEventLog } from './lmdb-event-log.ts';
import { LmdbKeyValueStore } from './lmdb-key-value-store.ts';
import { LmdbStorage } from './lmdb-storage.ts';
import { type LmdbOptions, LmdbSettings, settingsOf } from './options.ts';

/**
 * Provides both ports on LMDB: `createApp({ services: [...lmdb({ directory: '.muster/data' })] })`.
 *
 * @throws MusterError `DATA_DIRECTORY_UNUSABLE` when an option makes no sense.
 */
export function lmdb(options: LmdbOptions = {}): readonly (Class | Registration)[] {
  return [
    provideValue(LmdbSettings, settingsOf(options)),
    LmdbStorage,
    provide(EventLog, LmdbEventLog),
    provide(KeyValueStore, LmdbKeyValueStore),
  ];
}
