/**
 * The connections to PostgreSQL as a service that all replicas share: once the gate has been open, its loss degrades.
 *
 * Every call ends within its time, whatever the network does, and a connection on which anything failed is not used again.
 */
import { Socket } from 'node:net';
import { bounded, Clock, type Health, healthy, reasonOf, service, type StopContext, unhealthy } from '@muster/core';
import pg from 'pg';
import type { Connection, Connections } from './connection.ts';
import { postgresError } from './errors.ts';
import { failureOf, startFailureOf, unwrapped } from './failures.ts';
import { PostgresSettings } from './options.ts';

/** Time for `select 1`, the wait for a connection included: below the second that a check has. */
const CHECK_MS = 900;
/** How much longer than the server this side waits, so that the server's own answer is the one that counts. */
const GRACE_MS = 1_000;
/** What a stop keeps of its time to cut off connections that do not end. */
const CUT_MS = 500;

@service({ dependsOn: [PostgresSettings, Clock], shared: true })
export class PostgresPool implements Connections {
  readonly #settings: PostgresSettings;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  #pool: pg.Pool | undefined;

  constructor(settings: PostgresSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** @throws MusterError `POSTGRES_UNREACHABLE`, which can pass, or `POSTGRES_REFUSED`, which cannot. */
  async start(): Promise<void> {
    this.#pool = this.#makePool();
    try {
      await this.#call((connection) => connection.query('select 1'), this.#settings.connectMs + CHECK_MS);
    } catch (error) {
      // The driver leaves a connection open on which it could not log in.
      this.#cut();
      throw startFailureOf(error, this.#settings.target);
    }
  }

  /** Whether the server answers; a pool whose connections are all busy for so long counts as one that does not. */
  async check(): Promise<Health> {
    try {
      await this.#call((connection) => connection.query('select 1'), CHECK_MS);
      return healthy;
    } catch (error) {
      return unhealthy(reasonOf(error));
    }
  }

  /** Waits for calls that are under way, and cuts off what has not ended when its time is nearly over. */
  async stop({ clock, deadline }: Pick<StopContext, 'clock' | 'deadline'>): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined) return;
    this.#pool = undefined;
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    const cut = clock.schedule(Math.max(0, deadline - clock.monotonic() - CUT_MS), () => this.#cut());
    try {
      await pool.end();
      // The pool has ended when it has said so to the server; a dead network would keep the process running after that.
      await Promise.all(closed);
    } finally {
      cut.cancel();
    }
  }

  /** As in `Connections`. @throws MusterError `POSTGRES_UNAVAILABLE`, `_TIMEOUT`, `_FAILED` or `_CLOSED`. */
  query<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const { connectMs, callMs } = this.#settings;
    return this.#call(work, connectMs + callMs + GRACE_MS);
  }

  /** As in `Connections`. @throws MusterError as `query`. */
  transaction<T>(work: (connection: Connection) => Promise<T>, options: { readonly callMs?: number } = {}): Promise<T> {
    const { connectMs, callMs } = { ...this.#settings, ...options };
    return this.#call(
      async (connection) => {
        await connection.query('begin');
        if (options.callMs !== undefined) await connection.query(`set local statement_timeout = ${callMs}`);
        const result = await work(connection);
        const { command } = await connection.query('commit');
        // A commit after a statement that failed is answered with a rollback, and is no error to the server.
        if (command !== 'COMMIT') throw postgresError('POSTGRES_FAILED', { sqlState: '25P02' });
        return result;
      },
      connectMs + callMs + GRACE_MS,
    );
  }

  async #call<T>(work: (connection: Connection) => Promise<T>, timeoutMs: number): Promise<T> {
    const pool = this.#pool;
    if (pool === undefined) throw postgresError('POSTGRES_CLOSED', {});
    let isOver = false;
    let client: pg.PoolClient | undefined;
    let isBroken = true;
    try {
      return await bounded(
        { clock: this.#clock, timeoutMs, onTimeout: () => postgresError('POSTGRES_TIMEOUT', { timeoutMs }) },
        async () => {
          const taken = await this.#take(pool);
          if (isOver) {
            taken.release();
            throw postgresError('POSTGRES_TIMEOUT', { timeoutMs });
          }
          client = taken;
          const result = await work(this.#connectionOn(taken));
          isBroken = false;
          return result;
        },
      );
    } catch (error) {
      throw unwrapped(error);
    } finally {
      isOver = true;
      // With an error the pool ends the connection, and the server then rolls back what was open on it.
      (client as pg.PoolClient | undefined)?.release(isBroken);
    }
  }

  async #take(pool: pg.Pool): Promise<pg.PoolClient> {
    try {
      return await pool.connect();
    } catch (error) {
      throw failureOf(error, this.#settings.connectMs);
    }
  }

  #connectionOn(client: pg.PoolClient): Connection {
    return {
      query: async (query, values) => {
        try {
          return await client.query(query as string, values);
        } catch (error) {
          throw failureOf(error, this.#settings.callMs);
        }
      },
    };
  }

  #makePool(): pg.Pool {
    const { url, maxConnections, connectMs, callMs } = this.#settings;
    const pool = new pg.Pool({
      connectionString: url(),
      max: maxConnections,
      connectionTimeoutMillis: connectMs,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      statement_timeout: callMs,
      // A process that stands still must not hold the lock on a thread for ever.
      idle_in_transaction_session_timeout: callMs,
      fallback_application_name: 'muster',
      stream: () => this.#makeSocket(),
    });
    // Without listeners these would end the process. The pool has dropped an idle connection that was lost and makes
    // another at the next call; one that is in use fails its call. Whether the server is there is what check() says.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    return pool;
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Known to us, so that a stop can cut off what a dead network keeps open. */
  #makeSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
