/** The migrations as a task: whoever depends on it starts when the tables are what this code knows. */
import { MusterError } from '@muster/contracts';
import { type StartContext, task } from '@muster/core';
import type { Connections } from './connection.ts';
import { startFailureOf } from './failures.ts';
import { migrate } from './migrate.ts';
import { PostgresSettings } from './options.ts';
import { PostgresPool } from './postgres-pool.ts';

/** For one version, the wait for other apps included; the attempt is extended by a little more. */
const STEP_MS = 50_000;
const MISSING_PRIVILEGE = '42501';

@task({ dependsOn: [PostgresPool, PostgresSettings] })
export class PostgresMigrations {
  readonly #connections: Connections;
  readonly #target: string;

  constructor(connections: Connections, { target }: Pick<PostgresSettings, 'target'>) {
    this.#connections = connections;
    this.#target = target;
  }

  /**
   * @throws MusterError `POSTGRES_SCHEMA_NEWER`, `POSTGRES_UNSUITABLE`, or `POSTGRES_REFUSED` when the user may make no
   * tables; all are fatal. Everything else can pass.
   */
  async start({ progress }: Pick<StartContext, 'progress'>): Promise<void> {
    const onStep = (text: string): void => progress(text, { extendMs: STEP_MS + 2_000 });
    try {
      await migrate(this.#connections, { target: this.#target, callMs: STEP_MS, onStep });
    } catch (error) {
      const isRefused = error instanceof MusterError && error.details['reason'] === MISSING_PRIVILEGE;
      throw isRefused ? startFailureOf(error, this.#target) : error;
    }
  }
}
