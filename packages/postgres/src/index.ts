/** Threads on PostgreSQL: one store for all replicas. */
export type { Connection, Connections } from './connection.ts';
export { POSTGRES_ERRORS } from './errors.ts';
export { POSTGRES_DEFAULTS, type PostgresOptions, PostgresSettings, settingsOf } from './options.ts';
export { postgres } from './postgres.ts';
export { PostgresMigrations } from './postgres-migrations.ts';
export { PostgresPool } from './postgres-pool.ts';
export { PostgresThreadStore } from './postgres-thread-store.ts';
