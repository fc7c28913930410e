/**
 * Brings the tables of a database to the version that this code knows; any number of apps may do so at the same time.
 *
 * Each version is one transaction under one advisory lock, so it is made once, and all of it or nothing.
 */
import type { Connection, Connections } from './connection.ts';
import { postgresError } from './errors.ts';
import { type Migration, MIGRATIONS } from './migrations.ts';

/** Of the advisory lock: "muster" in ASCII, as a number. */
const LOCK = 0x6d75_7374_6572;

export interface MigrateOptions {
  /** `host:port/database`, for errors. */
  readonly target: string;
  /** Time for one version, the wait for the lock included, in milliseconds. */
  readonly callMs: number;
  /** Told before each transaction. */
  readonly onStep?: (text: string) => void;
  /** @default those of this package */
  readonly migrations?: readonly Migration[];
}

/**
 * Resolves to the names of the versions that it made; none when there was nothing to do.
 *
 * @throws MusterError `POSTGRES_SCHEMA_NEWER`, or `POSTGRES_UNSUITABLE` for another encoding than UTF-8.
 */
export async function migrate(connections: Connections, options: MigrateOptions): Promise<readonly string[]> {
  const { callMs, onStep, migrations = MIGRATIONS } = options;
  const made: string[] = [];
  // A look without the lock and without any privilege to make tables, for the usual start.
  if ((await connections.query((connection) => look(connection, options, migrations))) === migrations.length)
    return made;
  for (;;) {
    onStep?.('waiting for the lock of the migrations');
    const name = await connections.transaction((connection) => step(connection, options, migrations), { callMs });
    if (name === undefined) return made;
    made.push(name);
  }
}

/** Makes the next version under the lock; undefined when there is none to make. */
async function step(
  connection: Connection,
  options: MigrateOptions,
  migrations: readonly Migration[],
): Promise<string | undefined> {
  await connection.query('select pg_advisory_xact_lock($1)', [LOCK]);
  const version = await look(connection, options, migrations);
  const migration = migrations[version];
  if (migration === undefined) return undefined;
  options.onStep?.(`making version ${version + 1}: ${migration.name}`);
  if (version === 0)
    await connection.query(
      `create table if not exists muster_migrations (
        version integer primary key, name text not null, made_at timestamptz not null default now()
      )`,
    );
  for (const statement of migration.statements) await connection.query(statement);
  await connection.query('insert into muster_migrations (version, name) values ($1, $2)', [
    version + 1,
    migration.name,
  ]);
  return migration.name;
}

/** The version of the tables, 0 for none; refuses a database with which this code cannot work. */
async function look(
  connection: Connection,
  { target }: MigrateOptions,
  migrations: readonly Migration[],
): Promise<number> {
  const [database] = (
    await connection.query(
      // Not by to_regclass(): that answers from a cache which may be older than the lock.
      `select current_setting('server_encoding') as encoding, exists (
        select from pg_catalog.pg_tables where tablename = 'muster_migrations' and schemaname = any (current_schemas(false))
      ) as known`,
    )
  ).rows as { encoding: string; known: boolean }[];
  const { encoding, known } = database as { encoding: string; known: boolean };
  if (encoding !== 'UTF8') throw postgresError('POSTGRES_UNSUITABLE', { target, encoding });
  if (!known) return 0;
  const { rows } = await connection.query('select coalesce(max(version), 0) as found from muster_migrations');
  const { found } = rows[0] as { found: number };
  if (found > migrations.length)
    throw postgresError('POSTGRES_SCHEMA_NEWER', { target, found, known: migrations.length });
  return found;
}
