/** Real nats-servers that a test starts itself, each in a directory and on a port of its own. */
import { describe } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const binary = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin']
  .map((place) => join(place, 'nats-server'))
  .find((path) => existsSync(path));
const mandatory = process.env['CI'] === 'true';
if (binary === undefined && !mandatory)
  console.warn(
    'Skipped: both ports on a real nats-server, because there is none. On Debian: apt-get install nats-server',
  );
/** With CI=true these fail where there is no nats-server. */
export const withNats = binary === undefined && !mandatory ? describe.skip : describe;

/** One server, or one of a cluster. */
export class NatsServer {
  readonly port: number;
  readonly #args: readonly string[];
  readonly directory: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, directory: string, args: readonly string[]) {
    this.port = port;
    this.directory = directory;
    this.#args = args;
  }

  static async make(more: readonly string[] = []): Promise<NatsServer> {
    if (binary === undefined) throw new Error('There is no nats-server. On Debian: apt-get install nats-server');
    const directory = mkdtempSync(join(tmpdir(), 'muster-nats-'));
    const port = await freePort();
    return new NatsServer(port, directory, ['-js', '-sd', directory, '-a', '127.0.0.1', '-p', String(port), ...more]);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const child = spawn(binary as string, this.#args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('Server is ready')) resolve();
      });
      child.once('close', () => reject(new Error(`nats-server did not start:\n${output}`)));
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Three servers that know each other; resolves once they are started, not yet once they have leaders. */
export async function startCluster(size = 3): Promise<NatsServer[]> {
  const routes = await Promise.all(Array.from({ length: size }, freePort));
  const servers = await Promise.all(
    routes.map((route, i) =>
      NatsServer.make([
        '--name',
        `n${i + 1}`,
        '--cluster_name',
        'muster',
        '--cluster',
        `nats://127.0.0.1:${route}`,
        '--routes',
        routes.map((other) => `nats://127.0.0.1:${other}`).join(','),
      ]),
    ),
  );
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
