/**
 * One contender under one schedule of faults: numbered events to some clients, and a count of what became of them.
 *
 * It ends in bounded time: when everybody has everything, or when nothing has come for a while after the last event and the
 * last fault, or at a hard limit. What has not come by then is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { faultsFrom } from '../../test/faults/fault.ts';
import { compare } from '../../test/faults/ledger.ts';
import { FaultyProxy } from '../../test/faults/proxy.ts';

export interface Numbered {
  readonly n: number;
  readonly text: string;
}

/** A server and its clients, by the means of one library. */
export interface Contender {
  /** Resolves to the port on the loopback. */
  listen(): Promise<number>;
  /** Connects a client; resolves when events can be sent to it for the first time. From then on it reconnects by itself. */
  join(client: string, port: number, received: (n: number) => void): Promise<void>;
  emit(client: string, event: Numbered): void;
}

/** How often what happened. */
export interface Found {
  readonly sent: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly disordered: number;
}

/** Heartbeats, and how long after one a connection counts as dead, in milliseconds: the same for all that have them. */
export const HEARTBEAT_MS = 500;
export const DEAD_MS = 1_000;
/** How long a handshake may take, and the delays between attempts, in milliseconds. */
export const HANDSHAKE_MS = 2_000;
export const BACKOFF_MS = 50;
export const MAX_BACKOFF_MS = 500;

const CLIENTS = ['ann', 'bob', 'cyd', 'dan'];
const EVENTS = 300;
const EVERY_MS = 20;
/** The schedules of `npm run faults`. */
const SCHEDULE = {
  handshakeBytes: 600,
  mostBytes: 20_000,
  mostStallMs: 300,
  bytesPerSecond: [2_000, 50_000],
  connections: 10,
} as const;
/** How long the first connections of all may take; then events are sent all the same. */
const JOIN_MS = 20_000;
/** Nothing has come for so long after the last event and the last fault. */
const QUIET_MS = 15_000;
const MOST_MS = 80_000;
/** What comes twice may come late. */
const SETTLE_MS = 1_000;

/** Runs the trial of the seed that the process was given, and tells the parent. */
export async function trial(contender: Contender): Promise<void> {
  const seed = Number(process.argv[2]);
  let movedAt = performance.now();
  const moved = (): void => void (movedAt = performance.now());
  const proxy = await FaultyProxy.listen({ port: await contender.listen(), faults: faultsFrom(seed, SCHEDULE) });
  for (let i = 0; i < SCHEDULE.connections; i += 1) void proxy.connection(i).then(({ struck }) => struck.then(moved));
  const delivered = new Map<string, number[]>(CLIENTS.map((client) => [client, []]));
  const joined = CLIENTS.map((client) =>
    contender.join(client, proxy.port, (n) => {
      moved();
      delivered.get(client)?.push(n);
    }),
  );
  await Promise.race([Promise.all(joined), sleep(JOIN_MS)]);
  for (let n = 1; n <= EVENTS; n += 1) {
    for (const client of CLIENTS)
      contender.emit(client, { n, text: 'what an agent thinks, at some length. '.repeat(2) });
    await sleep(EVERY_MS);
  }
  moved();
  const hasAll = (): boolean => [...delivered.values()].every((all) => new Set(all).size === EVENTS);
  const isOver = (): boolean => performance.now() - movedAt > QUIET_MS || performance.now() > MOST_MS;
  while (!hasAll() && !isOver()) await sleep(50);
  await sleep(SETTLE_MS);
  const sent = Array.from({ length: EVENTS }, (_, i) => `${i + 1}`);
  const found = { sent: EVENTS * CLIENTS.length, lost: 0, duplicated: 0, disordered: 0 };
  for (const all of delivered.values()) compare(found, sent, all.map(String));
  process.send?.(found satisfies Found);
}
