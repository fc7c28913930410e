/**
 * One run of the faults: a real server, real clients behind a proxy that harms their connections, and sometimes kill -9.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { WebSocket } from 'ws';
import { RunningProcess } from '../journeys/process.ts';
import { SeededRandom } from '@muster/core/testing';
import { MISDEEDS, type Misdeed } from './agents.ts';
import { faultsFrom, type ScheduleOptions } from './fault.ts';
import { judge, type Verdict } from './ledger.ts';
import { FaultyProxy } from './proxy.ts';

const USERS = ['ann', 'bob'];
const TABS = 2;
const RUNS = 2;
/** Connections that come to harm; what comes after them is left alone, so that everything can come to rest. */
const HARMED = 10;
/** Within this everything has come to rest, in milliseconds, or the run has failed. */
const REST_MS = 60_000;

interface Tab {
  readonly user: string;
  readonly thread: string;
  readonly delivered: AgentEvent[];
  readonly client: Client;
}

/** @param backend the bundled backend. Adds what was found to `verdict`. */
export async function scenario(seed: number, backend: string, verdict: Verdict): Promise<void> {
  const random = new SeededRandom(seed);
  const data = await mkdtemp(join(tmpdir(), 'muster-faults-'));
  let server = new RunningProcess(backend, { DATA: data, PORT: '0', LOG_FORMAT: 'text' });
  try {
    const port = Number(new URL(await server.url()).port);
    const options: ScheduleOptions = {
      handshakeBytes: 600,
      mostBytes: 20_000,
      mostStallMs: 300,
      bytesPerSecond: [2_000, 50_000],
      connections: HARMED,
    };
    await using proxy = await FaultyProxy.listen({ port, faults: faultsFrom(seed, options) });
    const url = `ws://127.0.0.1:${proxy.port}/ws`;
    const tabs = await Promise.all(USERS.flatMap((user) => Array.from({ length: TABS }, () => tabOf(url, user))));
    const asked = tabs.flatMap((tab) =>
      Array.from({ length: RUNS }, () => ask(tab, random.between(5, 120), random.pick(MISDEEDS), random)),
    );
    if (random.chance(0.5)) {
      // In the middle of it all: when so much has been delivered to somebody.
      await delivered(tabs, random.between(1, 60));
      server.child.kill('SIGKILL');
      await server.exited;
      server = new RunningProcess(backend, { DATA: data, PORT: String(port) });
      await server.url();
    }
    await inTime(Promise.all(asked), `the runs of seed ${seed}`);
    const log = await Promise.all(tabs.map((tab) => appendedTo(`ws://127.0.0.1:${port}/ws`, tab)));
    // The last events may still be on their way: nobody may be behind for good.
    const isThere = (tab: Tab, i: number): boolean => {
      const last = log[i]?.at(-1);
      return last === undefined || tab.delivered.some(({ id }) => id === last.id);
    };
    await until(() => tabs.every(isThere)).catch(() => {});
    tabs.forEach((tab, i) => judge(verdict, log[i] as AgentEvent[], tab.delivered, `canary of ${tab.user}.`));
    await Promise.all(tabs.map(({ client }) => client.close()));
  } finally {
    await server[Symbol.asyncDispose]();
    await rm(data, { recursive: true, force: true });
  }
}

async function tabOf(url: string, user: string): Promise<Tab> {
  const delivered: AgentEvent[] = [];
  const thread = randomUUID();
  const client = await connect({
    url,
    token: user,
    WebSocket: WebSocket as never,
    subscribe: [thread],
    backoffMs: 50,
    maxBackoffMs: 500,
    handshakeMs: 2_000,
    connectMs: REST_MS,
    timeoutMs: REST_MS,
    onEvent: (event, stream) => {
      if (stream === thread) delivered.push(event);
    },
  });
  return { user, thread, delivered, client };
}

/** Asks, and waits for the end, however the run ends; one that would hang, and now and then another, is cancelled. */
async function ask(tab: Tab, thoughts: number, misdeed: Misdeed, random: SeededRandom): Promise<void> {
  const { client, user, thread } = tab;
  const cancelAfter = misdeed === 'hangs' || random.chance(0.1) ? random.between(2, 60) : undefined;
  const run = client.run({ text: `${thoughts} ${misdeed}, canary of ${user}.`, agent: 'thinker', thread });
  const { run: id } = await run.accepted;
  if (cancelAfter !== undefined) {
    const own = (): number => tab.delivered.filter((event) => event.run === id).length;
    await until(() => own() >= Math.min(cancelAfter, thoughts) || tab.delivered.some((event) => isEnd(event, id)));
    run.cancel('enough');
  }
  await run.result;
}

function isEnd(event: AgentEvent, run: string): boolean {
  return event.run === run && event.event === 'agent_completed';
}

/** Everything that the log has of a tab's thread, by a client that no fault reaches. */
async function appendedTo(url: string, { user, thread }: Tab): Promise<AgentEvent[]> {
  const events: AgentEvent[] = [];
  const client = await connect({
    url,
    token: user,
    WebSocket: WebSocket as never,
    subscribe: [thread],
    onEvent: (event) => void events.push(event),
  });
  const { top } = (await client.welcome).streams[thread] as { top: number };
  await until(() => events.length >= top);
  await client.close();
  return events;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Resolves when somebody has been given so many events. */
function delivered(tabs: readonly Tab[], count: number): Promise<void> {
  return until(() => tabs.some((tab) => tab.delivered.length >= count));
}

async function until(isSo: () => boolean): Promise<void> {
  const { promise, resolve } = deferred();
  const look = setInterval(() => {
    if (isSo()) resolve();
  }, 2);
  try {
    await inTime(promise, 'what was waited for');
  } finally {
    clearInterval(look);
  }
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come to rest within ${REST_MS} ms`)), REST_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
