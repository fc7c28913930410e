/**
 * Who owns a data directory: one process, for as long as it lives and not a moment longer.
 *
 * The owner listens on a socket in the directory. Whether somebody listens is known by the kernel, so a lock that was left
 * by a killed process is none, whoever has its pid by now. Every claim has a name of its own: taking away one on which
 * nobody listens can never hit a living owner, so two that come at the same time cannot both win.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import type { Clock, Random } from '@muster/contracts';
import { lmdbError } from './errors.ts';

const CLAIM = /^owner\.(\d+)\.([0-9a-z]+)\.[0-9a-f]+$/;
/** Longest path of a socket that every system takes. */
const SOCKET_PATH = 100;

/** Proof that this process owns the directory. */
export interface Ownership {
  release(): Promise<void>;
}

/**
 * Makes the directory if need be and claims it.
 *
 * @throws MusterError `DATA_DIRECTORY_LOCKED` when another owner lives, in this process or another.
 * @throws MusterError `DATA_DIRECTORY_UNUSABLE` when it cannot be made or written into.
 */
export async function claim(directory: string, clock: Clock, random: Random): Promise<Ownership> {
  const name = `owner.${process.pid}.${clock.now().toString(36)}.${random.uuid().slice(0, 8)}`;
  let server: Server;
  try {
    await mkdir(directory, { recursive: true });
    server = await listen(socketPath(directory, name));
  } catch (error) {
    throw lmdbError('DATA_DIRECTORY_UNUSABLE', { directory, reason: (error as Error).message }, error);
  }
  const ownership: Ownership = {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
  try {
    await refuseIfOwned(directory, name, clock.now());
  } catch (error) {
    await ownership.release();
    throw error;
  }
  return ownership;
}

/** Takes away claims of the dead. Two living ones that meet here both step back; whoever comes again gets it. */
async function refuseIfOwned(directory: string, own: string, now: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, pid, at] = CLAIM.exec(name) ?? [];
    if (pid === undefined || at === undefined || name === own) continue;
    const since = Number.parseInt(at, 36);
    if (await isAlive(socketPath(directory, name)))
      throw lmdbError('DATA_DIRECTORY_LOCKED', { directory, pid: Number(pid), since, heldMs: now - since });
    await rm(join(directory, name), { force: true });
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(path, () => {
      // A claim keeps no process running.
      server.unref();
      resolve(server);
    });
  });
}

/** A process that is stopped or busy is alive all the same: the kernel takes the connection for it. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT' && code !== 'ENOTSOCK');
    });
  });
}

/** The shorter of both ways to name it: sockets have little room for a path. */
function socketPath(directory: string, name: string): string {
  const absolute = join(directory, name);
  return absolute.length <= SOCKET_PATH ? absolute : relative(process.cwd(), absolute);
}
