/** The processes of the example: servers of NATS, and backends that are started again when they die. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** How long a backend that has died stays away, in milliseconds: long enough to see what others make of it. */
const AWAY_MS = 30_000;

/** One for each name, at ports that are free. */
export async function natsServers(names: readonly string[], directory: string): Promise<readonly NatsServer[]> {
  const ports: number[] = [];
  while (ports.length < 2 * names.length) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  const routes = names.map((_, i) => `nats://127.0.0.1:${ports[names.length + i]}`);
  return names.map((name, i) => new NatsServer(name, directory, ports[i] as number, routes[i] as string, routes));
}

/** Below the ports that systems give to outgoing connections: one of these could be taken between the look and its use. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue; // It is taken.
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

export class NatsServer {
  readonly url: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  /** @param routes the addresses at which the servers know each other; one of them is its own. */
  constructor(name: string, directory: string, port: number, route: string, routes: readonly string[]) {
    this.url = `nats://127.0.0.1:${port}`;
    const place = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', join(directory, name)];
    const names = ['--name', name, '--cluster_name', 'muster'];
    this.#args = [...place, ...names, '--cluster', route, '--routes', routes.join(',')];
  }

  async start(): Promise<void> {
    const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'].map((place) => join(place, 'nats-server'));
    const program = places.find((place) => existsSync(place));
    if (program === undefined)
      throw new Error('This example needs nats-server, 2.9 or newer. On Debian: apt-get install nats-server');
    this.#child = spawn(program, this.#args, { stdio: ['ignore', 'ignore', 'pipe'] });
    await said(this.#child, 'stderr', /Server is ready/, 'nats-server');
  }

  async stop(): Promise<void> {
    await ended(this.#child, 'SIGTERM');
  }
}

export class Backend {
  readonly name: string;
  readonly #file: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #port: number | undefined;
  #inspector: string | undefined;
  #isStopped = false;

  constructor(name: string, file: string, env: Readonly<Record<string, string>>) {
    this.name = name;
    this.#file = file;
    this.#env = env;
  }

  /** While it is up. */
  get port(): number | undefined {
    return this.#port;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const env = { ...process.env, ...this.#env, NAME: this.name, PORT: '0' };
    const child = spawn(process.execPath, [this.#file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    child.once('exit', (code, signal) => {
      this.#port = undefined;
      if (this.#isStopped) return;
      console.log(`${this.name} has ended (${signal ?? code}); it starts again in ${AWAY_MS / 1_000} s`);
      setTimeout(() => void this.#startAgain(), AWAY_MS).unref();
    });
    const [[, port], [, inspector]] = await Promise.all([
      said(child, 'stdout', /→ http:\/\/127\.0\.0\.1:(\d+)/, this.name),
      said(child, 'stdout', /Inspect it at (http:\S+)/, this.name),
    ]);
    this.#port = Number(port);
    this.#inspector = inspector;
  }

  /** What people want to know of it. */
  get line(): string {
    return `  ${this.name}: process ${this.pid}, port ${this.port}, inspect it at ${this.#inspector}`;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await ended(this.#child, 'SIGTERM');
  }

  async #startAgain(): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.start();
      console.log(this.line);
    } catch (error) {
      console.error((error as Error).message);
    }
  }
}

/** Resolves when a process has said something; rejects with all that it said when it ends first. */
function said(child: ChildProcess, where: 'stdout' | 'stderr', what: RegExp, name: string): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let output = '';
    child[where]?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = what.exec(output);
      if (found !== null) resolve(found);
    });
    child.once('close', () => reject(new Error(`${name} did not start:\n${output}`)));
  });
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
