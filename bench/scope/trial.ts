/**
 * One contender in a process of its own, beside handwritten constructors, in turn: CPU time, and memory of scopes held open.
 *
 * Prints one JSON object as its last line.
 */
import { check, type Opened } from './contender.ts';
import { open as construct } from './handwritten.ts';
import { DISPOSALS, type User } from './shapes.ts';

export interface ScopeMaker<U extends User> {
  /** What a contender calls a user. */
  userOf(user: string): U;
  /** Opens a scope, the root already made. */
  open(user: U): Opened | Promise<Opened>;
  /** How often something was disposed of; absent where a contender does not dispose of all. */
  disposed?(): number;
}

const USERS = 1_000;
/** Where the last ones stay for a while: what nobody keeps need not be made. */
const sink: object[] = [];

/** CPU time of one scope, in nanoseconds; of the garbage collector too. */
async function cpuOf<U extends User>(
  open: (user: U) => Opened | Promise<Opened>,
  users: readonly U[],
  scopes: number,
): Promise<number> {
  globalThis.gc?.();
  const before = process.cpuUsage();
  for (let at = 0; at < scopes; at += 1) {
    let opened = open(users[at % USERS] as U);
    if (opened instanceof Promise) opened = await opened;
    sink[at & 255] = opened.root;
    const closing = opened.close?.();
    if (closing !== undefined) await closing;
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / scopes;
}

/** Heap of one scope that is open, each of a user of its own. */
async function bytesOf<U extends User>(maker: Pick<ScopeMaker<U>, 'open' | 'userOf'>, scopes: number): Promise<number> {
  const users = Array.from({ length: scopes }, (_, user) => maker.userOf(`user ${user} of many`));
  const held: Opened[] = [];
  held.length = scopes;
  sink.length = 0;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < scopes; at += 1) held[at] = await maker.open(users[at] as U);
  globalThis.gc?.();
  const after = process.memoryUsage().heapUsed;
  for (const { close } of held) await close?.();
  return (after - before) / scopes;
}

export async function measure<U extends User>(maker: ScopeMaker<U>): Promise<void> {
  const [scopes, rounds] = (process.argv[2] ?? '50000,11').split(',').map(Number) as [number, number];
  const users = Array.from({ length: USERS }, (_, user) => maker.userOf(`user ${user}`));
  const opened = await maker.open(users[3] as U);
  check(opened, users[3] as U);
  await opened.close?.();
  if (maker.disposed !== undefined && maker.disposed() !== DISPOSALS) throw new Error('Not everything is disposed of.');
  const own: number[] = [];
  const constructors: number[] = [];
  for (let round = -2; round < rounds; round += 1) {
    const limit = await cpuOf(construct, users, scopes * 4);
    const ns = await cpuOf((user) => maker.open(user), users, scopes);
    if (round < 0) continue;
    constructors.push(limit);
    own.push(ns);
  }
  const bytes = await bytesOf(maker, Math.min(scopes, 20_000));
  console.log(JSON.stringify({ own, constructors, bytes }));
}
