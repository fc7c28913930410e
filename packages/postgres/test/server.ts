/** A real PostgreSQL that the test starts itself, in a directory and on a port of its own. */
import { describe } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../../test/fixtures/free-port.ts';

export const PASSWORD = 'correct-horse-battery';

/** PostgreSQL refuses to run as root: then it runs as nobody. */
const NOBODY = 65_534;
const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

function findBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  return places.find((place) => existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres')));
}

const binaries = findBinaries();
const mandatory = process.env['CI'] === 'true';
if (binaries === undefined && !mandatory) {
  console.warn('Skipped: threads on a real PostgreSQL, because there is none. On Debian: apt-get install postgresql');
}
/** With CI=true these fail where there is no PostgreSQL. */
export const withServer = binaries === undefined && !mandatory ? describe.skip : describe;

export class Server {
  readonly port: number;
  readonly #directory: string;
  #child: ChildProcess | undefined;
  #databases = 0;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.port = port;
  }

  /** Makes a cluster; it is not started yet. */
  static async make(): Promise<Server> {
    if (binaries === undefined) throw new Error('There is no PostgreSQL. On Debian: apt-get install postgresql');
    const directory = mkdtempSync(join(tmpdir(), 'muster-postgres-'));
    const passwords = join(directory, 'password');
    writeFileSync(passwords, PASSWORD);
    if (user.uid !== undefined) for (const path of [directory, passwords]) chownSync(path, NOBODY, NOBODY);
    const args = [
      '-U',
      'muster',
      '-A',
      'scram-sha-256',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
      '--pwfile',
      passwords,
    ];
    execFileSync(join(binaries, 'initdb'), ['-D', join(directory, 'data'), ...args], {
      ...user,
      stdio: 'pipe',
      cwd: directory,
    });
    return new Server(directory, await freePort());
  }

  async start(): Promise<void> {
    const settings = { port: this.port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(binaries as string, 'postgres'), ['-D', join(this.#directory, 'data'), ...args], {
      ...user,
      cwd: this.#directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('ready to accept connections')) resolve();
      });
      child.once('close', () => reject(new Error(`PostgreSQL did not start:\n${output}`)));
    });
  }

  /** At once and without a word to anybody, as `pg_ctl stop -m immediate`: what was committed is recovered at the next start. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const closed = once(child, 'close');
    child.kill('SIGQUIT');
    await closed;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  url(database: string, { name = 'muster', password = PASSWORD, port = this.port } = {}): string {
    return `postgres://${name}:${password}@127.0.0.1:${port}/${database}`;
  }

  /** Makes a database of its own; gives its name. */
  async database(options = ''): Promise<string> {
    this.#databases += 1;
    const name = `test${this.#databases}`;
    await this.sql('postgres', `create database ${name} ${options}`);
    return name;
  }

  /** Runs statements beside the app; the rows of the last one. */
  async sql<Row = Record<string, unknown>>(database: string, ...statements: readonly string[]): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.url(database) });
    await client.connect();
    try {
      let rows: unknown[] = [];
      for (const statement of statements) rows = (await client.query(statement)).rows;
      return rows as Row[];
    } finally {
      await client.end();
    }
  }
}
