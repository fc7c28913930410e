/** Starts three servers of NATS, three backends and a proxy in front of them, all on loopback; Ctrl-C ends all of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Balancer } from './balancer.ts';
import { Backend, natsServers } from './processes.ts';

const NAMES = ['anna', 'berta', 'carla'] as const;
const PORT = Number(process.env['PORT'] ?? 3000);

const directory = mkdtempSync(join(tmpdir(), 'muster-cluster-'));
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const servers = await natsServers(NAMES, directory);
const backends = NAMES.map(
  (name) =>
    new Backend(name, here('backend.js'), { SERVERS: servers.map(({ url }) => url).join(','), PAGE: here('page') }),
);
const balancer = new Balancer(backends.map((backend) => () => backend.port));

let isEnding = false;
async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  balancer.close();
  await Promise.all(backends.map((backend) => backend.stop()));
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(directory, { recursive: true, force: true });
  process.exit(process.exitCode ?? 0);
}
process.once('SIGINT', () => void end());
process.once('SIGTERM', () => void end());

try {
  await Promise.all(servers.map((server) => server.start()));
  console.log(`NATS: three servers at ${servers.map(({ url }) => url).join(', ')}`);
  await Promise.all(backends.map((backend) => backend.start()));
  await balancer.listen(PORT);
  for (const { line } of backends) console.log(line);
  console.log(`\n  → http://127.0.0.1:${PORT}\n`);
  console.log(
    `Kill one with \`kill -9 ${backends[0]?.pid}\` and watch; it is started again after a while. Ctrl-C ends all.`,
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
  await end();
}
