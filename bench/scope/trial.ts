/**
 * One contender in a process of its own, beside handwritten constructors, in turn: CPU time, and memory of scopes held open.
 *
 * Prints one JSON object as its last line.
 */
import { check } from './contender.ts';
import { open } from './handwritten.ts';
import { DISPOSALS, type Root, type User } from './shapes.ts';

export interface ScopeMaker<U extends User, S> {
  /** What a contender calls a user. */
  userOf(user: string): U;
  /** Opens a scope, the root already made. */
  open(user: U): S | Promise<S>;
  rootOf(scope: S): Root;
  /** Absent where a contender disposes of nothing. */
  close?(scope: S): unknown;
  /** How often something was disposed of. */
  disposed?(): number;
}

const USERS = 1_000;
/** Where the last ones stay for a while: what nobody keeps need not be made. */
const sink: object[] = [];

/** CPU time of one scope, in nanoseconds; of the garbage collector too. */
async function cpuOf(scopes: number, work: () => unknown): Promise<number> {
  globalThis.gc?.();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / scopes;
}

async function openAndClose<U extends User, S>(
  maker: ScopeMaker<U, S>,
  users: readonly U[],
  scopes: number,
): Promise<void> {
  for (let at = 0; at < scopes; at += 1) {
    const opening = maker.open(users[at % USERS] as U);
    const scope = opening instanceof Promise ? await opening : opening;
    sink[at & 255] = maker.rootOf(scope);
    const closing = maker.close?.(scope);
    if (closing instanceof Promise) await closing;
  }
}

function construct(users: readonly User[], scopes: number): void {
  for (let at = 0; at < scopes; at += 1) sink[at & 255] = open(users[at % USERS] as User);
}

/** Heap of one scope that is open, each of a user of its own. */
async function bytesOf<U extends User, S>(maker: ScopeMaker<U, S>, scopes: number): Promise<number> {
  const users = Array.from({ length: scopes }, (_, user) => maker.userOf(`user ${user} of many`));
  const held: S[] = [];
  held.length = scopes;
  sink.length = 0;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < scopes; at += 1) held[at] = await maker.open(users[at] as U);
  globalThis.gc?.();
  const after = process.memoryUsage().heapUsed;
  for (const scope of held) await maker.close?.(scope);
  return (after - before) / scopes;
}

export async function measure<U extends User, S>(maker: ScopeMaker<U, S>): Promise<void> {
  const [scopes, rounds] = (process.argv[2] ?? '50000,11').split(',').map(Number) as [number, number];
  const users = Array.from({ length: USERS }, (_, user) => maker.userOf(`user ${user}`));
  const opened = await maker.open(users[3] as U);
  check(maker.rootOf(opened), users[3] as U);
  await maker.close?.(opened);
  if (maker.disposed !== undefined && maker.disposed() !== DISPOSALS) throw new Error('Not everything is disposed of.');
  const own: number[] = [];
  const constructors: number[] = [];
  for (let round = -2; round < rounds; round += 1) {
    const limit = await cpuOf(scopes, () => construct(users, scopes));
    const ns = await cpuOf(scopes, () => openAndClose(maker, users, scopes));
    if (round < 0) continue;
    constructors.push(limit);
    own.push(ns);
  }
  const bytes = await bytesOf(maker, Math.min(scopes, 20_000));
  console.log(JSON.stringify({ own, constructors, bytes }));
}
