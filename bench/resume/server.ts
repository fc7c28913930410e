/**
 * The server of the resume bench: durable streams, and a method that appends to one while its reader is away.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentEvent } from '@muster/contracts';
import { createApp, EventLog, provide, streamOf } from '@muster/core';
import { lmdb } from '@muster/lmdb';
import { Authenticator, ConnectionPool, type Session, webSocketFactory, webSocketServer } from '@muster/server';
import { Anyone } from '../anyone.ts';

@webSocketFactory({ path: '/ws', dependsOn: [EventLog] })
class Front {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  open({ principal }: Session) {
    const append = (data: unknown): Promise<unknown> => {
      const { thread, from, to } = data as { thread: string; from: number; to: number };
      return this.#log.append(streamOf(principal, thread), events(from, to));
    };
    return { methods: { append } };
  }
}

function events(from: number, to: number): AgentEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    id: `r:${from + i}`,
    event: 'agent_output' as const,
    run: 'r',
    n: from + i,
    agent: 'bench',
    at: 0,
    data: { delta: 'what an agent says while nobody is there to hear it, about as long as a sentence' },
  }));
}

const directory = mkdtempSync(join(tmpdir(), 'muster-resume-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit(0));
const server = webSocketServer({ port: 0 });
const services = [Front, ConnectionPool, provide(Authenticator, Anyone), ...lmdb({ directory })];
await createApp({ services, server }).start();
process.send?.({ url: `${server.url.replace('http', 'ws')}/ws` });
