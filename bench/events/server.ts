/**
 * The server of the events bench, in a process of its own: raw `ws`, or Muster on one of its logs.
 *
 * Raw `ws` sends one JSON text for each event and knows neither order nor loss. Muster's events go through the contract of
 * a run, into the log, and from there to the client, which acknowledges them.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createApp,
  EventLog,
  MemoryLog,
  provide,
  provideValue,
  type Registration,
  RuntimeEvents,
  systemClock,
  systemRandom,
} from '@muster/core';
import { lmdb } from '@muster/lmdb';
import { Authenticator, ConnectionPool, type Session, webSocketFactory, webSocketServer } from '@muster/server';
import { WebSocketServer, type WebSocket } from 'ws';
import { Anyone, CROWD } from '../anyone.ts';
import { runOf, THREAD } from '../run-of.ts';
import { traced, watched } from '../watched.ts';
import { type Begin, emit } from './emit.ts';
import { type Contender, type Load, preciseNow, textAt, warmUpOf } from './protocol.ts';

const [contender, mode, ...numbers] = process.argv.slice(2) as [Contender, Load['mode'], ...string[]];
const [connections = 0, runs = 0, warmUp = 0] = numbers.map(Number);
const load: Load = { mode, connections, runs, warmUp };
/**
 * How much the log in memory keeps. Of single events less than the warm-up is: then it is full before anything is measured, as
 * in a process that has run for a while. Where events come faster than they can go away it keeps what is on its way.
 */
const KEEP_BYTES: Readonly<Record<Load['mode'], number>> = { flood: 2 ** 30, burst: 2 ** 30, open20k: 32 * 2 ** 20 };
const begin = contender === 'raw' ? await raw() : await muster();

const said = async (): Promise<void> => void (await once(process, 'message'));

process.send?.('all connected');
await said();
await emit(warmUpOf(load), begin);
// The same load as often as it is asked for.
for (;;) {
  await said();
  const before = process.cpuUsage();
  await Promise.all([emit(load, begin), said()]);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuUs: user + system });
}

/** Tells where to connect and where to look, and resolves when so many have connected. */
async function listening(url: string, connected: Promise<unknown>, inspector?: string): Promise<void> {
  process.send?.({ url, inspector });
  await connected;
}

async function raw(): Promise<Begin> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const sockets: WebSocket[] = [];
  const all = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      if (sockets.push(socket) === load.connections) resolve();
    });
  });
  await listening(`ws://127.0.0.1:${(server.address() as { port: number }).port}/`, all);
  let runs = 0;
  return (connection) => {
    const socket = sockets[connection] as WebSocket;
    runs += 1;
    const run = `run-${runs}`;
    let n = 0;
    const event = (): string => {
      n += 1;
      const data = { reasoning: textAt(preciseNow()) };
      return JSON.stringify({
        id: `${run}:${n}`,
        event: 'agent_thinking',
        run,
        n,
        agent: 'bench',
        at: Date.now(),
        data,
      });
    };
    return {
      emit: () => socket.send(event()),
      end: () => new Promise((resolve) => socket.send(event(), () => resolve())),
    };
  };
}

function fullLog(): Registration {
  const failed = (error: unknown): never => {
    throw error;
  };
  return provideValue(EventLog, new MemoryLog(systemClock, systemRandom, failed, { keepAllBytes: KEEP_BYTES[mode] }));
}

async function muster(): Promise<Begin> {
  const sessions: Session[] = [];
  let connected!: () => void;
  const all = new Promise<void>((resolve) => (connected = resolve));

  @webSocketFactory({ path: '/ws' })
  class Front {
    open(session: Session) {
      return {
        methods: {},
        onReady: async () => {
          await session.follow(THREAD);
          if (sessions.push(session) === load.connections) connected();
        },
      };
    }
  }

  const directory = mkdtempSync(join(tmpdir(), 'muster-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  process.on('SIGTERM', () => process.exit());
  const storage = contender === 'memory' ? [fullLog()] : lmdb({ directory });
  const server = webSocketServer({ port: 0, limits: CROWD });
  if (contender !== 'memory' && contender !== 'lmdb') traced();
  const watch = contender === 'inspected' || contender === 'hanging' ? watched(contender === 'hanging') : undefined;
  const services = [Front, ConnectionPool, provide(Authenticator, Anyone), ...storage, ...(watch?.services ?? [])];
  const app = createApp({ services, server, ...(watch === undefined ? {} : { inspect: watch.inspect }) });
  await app.start();
  await listening(`${server.url.replace('http', 'ws')}/ws`, all, await watch?.inspect.begin());
  const log = app.get(EventLog);
  const events = app.get(RuntimeEvents);
  let runs = 0;
  return (connection) => {
    const session = sessions[connection] as Session;
    runs += 1;
    const recorder = runOf(session.principal, `run-${runs}`, log, events);
    void recorder.accept(textAt(preciseNow()), textAt(preciseNow()));
    // Two events were emitted with the acceptance.
    let emitted = 2;
    return {
      emit: () => {
        if (emitted > 0) emitted -= 1;
        else void recorder.think(textAt(preciseNow()));
      },
      end: () => recorder.finish({ status: 'success', by: 'agent', finalResponse: textAt(preciseNow()) }),
    };
  };
}
