/** The backend of `test/fixtures/backend.ts` with its database, each in a process of its own, and a client that talks to it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeEvent } from '@muster/core';
import { RawClient } from '../../packages/server/test/harness.ts';
import { bundleExample, RunningProcess } from './process.ts';

type Type = RuntimeEvent['type'];
type Of<T extends Type> = Extract<RuntimeEvent, { type: T }>;

/** Bundles of fixtures by their name. */
export class Fixtures implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async bundle(...names: readonly string[]): Promise<Fixtures> {
    const directory = await mkdtemp(join(tmpdir(), 'muster-fixtures-'));
    const fixtures = new Fixtures(directory);
    await Promise.all(names.map(async (name) => bundleExample(`test/fixtures/${name}.ts`, fixtures.file(name))));
    return fixtures;
  }

  file(name: string): string {
    return join(this.#directory, `${name}.mjs`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A database that can go away and come back on the same port. */
export class Database implements AsyncDisposable {
  readonly port: number;
  readonly #file: string;
  readonly #env: Readonly<Record<string, string>>;
  process: RunningProcess;

  private constructor(file: string, port: number, env: Readonly<Record<string, string>>) {
    this.port = port;
    this.#file = file;
    this.#env = { ...env, PORT: String(port) };
    this.process = new RunningProcess(file, this.#env);
  }

  static async start(file: string, env: Readonly<Record<string, string>> = {}): Promise<Database> {
    for (;;) {
      // Below the ports that outgoing connections get: nobody may take it while the database is away.
      const database = new Database(file, 20_000 + Math.floor(Math.random() * 10_000), env);
      const isUp = await database.process.said(/answers/).then(
        () => true,
        () => false,
      );
      if (isUp) return database;
    }
  }

  async goAway(how: 'killed' | 'closed' | 'frozen'): Promise<void> {
    const { child } = this.process;
    if (how === 'frozen') child.kill('SIGSTOP');
    else if (how === 'killed') await this.process[Symbol.asyncDispose]();
    else {
      child.kill('SIGUSR2');
      await this.process.said(/is away/);
    }
  }

  async comeBack(how: 'killed' | 'closed' | 'frozen'): Promise<void> {
    const { child } = this.process;
    if (how === 'frozen') child.kill('SIGCONT');
    else if (how === 'closed') child.kill('SIGUSR2');
    else this.process = new RunningProcess(this.#file, this.#env);
    const isUp = how === 'closed' ? /is away\s+answers/ : /answers/;
    await this.process.said(isUp);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/** A backend that tells its events as lines of JSON. */
export class Backend extends RunningProcess {
  constructor(file: string, database: Database, env: Readonly<Record<string, string>> = {}) {
    super(file, { LOG_FORMAT: 'json', DATABASE_PORT: String(database.port), ...env });
  }

  /** Everything that it has told; a line that is not whole yet is not among it. */
  get events(): RuntimeEvent[] {
    const lines = this.output.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{"type"')).map((line) => JSON.parse(line) as RuntimeEvent);
  }

  /** The first event of a type that fits, from number `from` on. */
  async told<T extends Type>(type: T, fits: (event: Of<T>) => boolean = () => true, from = 0): Promise<Of<T>> {
    const found = (event: RuntimeEvent): event is Of<T> => event.type === type && fits(event as Of<T>);
    return this.until(() => this.events.slice(from).find(found));
  }

  /** What happened to services and gates, from event number `from` on; what connections do is left out. */
  changes(from: number): string[] {
    return this.events.slice(from).flatMap((event) => {
      if (event.type === 'moved')
        return event.machine === 'service' || event.machine === 'gate' ? [`${event.subject} ${event.to}`] : [];
      if (event.type === 'health-changed') return [`${event.service} is ${event.to}`];
      return ['crashed', 'escalated', 'degraded', 'stop-started', 'fault'].includes(event.type) ? [event.type] : [];
    });
  }

  override async url(): Promise<string> {
    await this.told('boot-completed');
    return (await this.told('listening')).address;
  }

  /** What one of its HTTP paths answers. */
  get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
    return this.url().then((url) => this.#fetch(url + path));
  }

  /** What one of the paths of its inspector answers. */
  async look(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
    return this.#fetch((await this.told('inspecting')).address + path);
  }

  async #fetch(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(url);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
}

/** A client that answers pings, as every client does. */
export class Client extends RawClient {
  /** When each of `frames` came, in milliseconds since 1970. */
  readonly at: number[] = [];

  constructor(url: string) {
    super(url);
    this.socket.on('message', () => {
      this.at.push(performance.timeOrigin + performance.now());
      if (this.frames.at(-1)?.type === 'ping') this.send({ type: 'pong' });
    });
  }

  /** Connected and ready for requests. */
  static async of(backend: Backend): Promise<Client> {
    const client = new Client((await backend.url()).replace('http', 'ws'));
    await client.opened();
    client.hello('token');
    await client.next('welcome');
    await client.ask('query');
    return client;
  }

  /** Sends a request and waits for its response; one at a time. @throws when it was refused. */
  async ask(method: string, data?: unknown): Promise<unknown> {
    const id = this.request(method, data);
    for (;;) {
      const response = await this.next('response');
      if (response.id !== id) continue;
      if (!response.ok) throw new Error(`${method} was refused: ${JSON.stringify(response.error)}`);
      return response.data;
    }
  }

  /** The types of all frames but for pings and answers. */
  get types(): string[] {
    return this.frames.map(({ type }) => type).filter((type) => !['ping', 'pong', 'response'].includes(type));
  }
}
