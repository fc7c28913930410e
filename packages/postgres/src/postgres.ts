/** Everything that an app lists to have PostgreSQL: its connections, and tables that are there before anybody needs them. */
import { type Class, provideValue, type Registration } from '@muster/core';
import { type PostgresOptions, PostgresSettings, settingsOf } from './options.ts';
import { PostgresMigrations } from './postgres-migrations.ts';
import { PostgresPool } from './postgres-pool.ts';

/**
 * For threads on PostgreSQL: `createApp({ services: [...agents({ threadStore: PostgresThreadStore }), ...postgres({ url })] })`.
 *
 * @throws MusterError `POSTGRES_OPTION_INVALID` when an option makes no sense.
 */
export function postgres(options: PostgresOptions): readonly (Class | Registration)[] {
  return [provideValue(PostgresSettings, settingsOf(options)), PostgresPool, PostgresMigrations];
}
