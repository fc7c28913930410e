/** A whole app in this process: agents, threads, a durable store in a directory of its own, and real sockets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agents, AgentSupervisor, runMethods } from '@muster/agents';
import { Client, type ConnectOptions } from '@muster/client';
import {
  type AppOptions,
  type Class,
  createApp,
  provide,
  type Registration,
  type RuntimeEvent,
  service,
} from '@muster/core';
import { lmdb } from '@muster/lmdb';
import { Authenticator, ConnectionPool, type Session, webSocketFactory, webSocketServer } from '@muster/server';
import { WebSocket } from 'ws';

/** A token is the name of its user. */
@service()
class Names implements Authenticator {
  authenticate({ token }: { token: string }) {
    return { user: token };
  }
}

@webSocketFactory({ path: '/ws', dependsOn: [AgentSupervisor] })
class Front {
  constructor(private readonly supervisor: AgentSupervisor) {}
  open(session: Session) {
    return { methods: runMethods(this.supervisor, session) };
  }
}

export interface WholeAppOptions {
  /** Agents, and what takes the place of a part. */
  readonly services: readonly (Class | Registration)[];
  /** The ports of log and store. @default LMDB in a directory of its own */
  readonly stores?: readonly (Class | Registration)[];
  readonly authenticator?: Class<Authenticator>;
  readonly app?: AppOptions;
}

/** Starts one; disposing of it stops it and forgets its directory. */
export async function wholeApp({ services, stores, authenticator = Names, app: more }: WholeAppOptions) {
  const directory = await mkdtemp(join(tmpdir(), 'muster-whole-'));
  const many = 10_000;
  const server = webSocketServer({
    port: 0,
    limits: { unauthenticated: many, unauthenticatedPerAddress: many, connectionsPerAddress: many },
  });
  const app = createApp({
    services: [
      ...(stores ?? lmdb({ directory })),
      ...agents(),
      Front,
      ConnectionPool,
      provide(Authenticator, authenticator),
      ...services,
    ],
    server,
    ...more,
  });
  const faults: unknown[] = [];
  app.events.on((event: RuntimeEvent) => {
    if (event.type === 'fault') faults.push(event.error);
  });
  await app.start();
  const url = `${server.url.replace('http', 'ws')}/ws`;
  const clients = new Set<Client>();
  return {
    app,
    url,
    faults,
    supervisor: app.get(AgentSupervisor),
    pool: app.get(ConnectionPool),
    /** A client of this user, connected. */
    async client(user: string, options: Partial<ConnectOptions> = {}): Promise<Client> {
      const client = new Client({ url, token: user, WebSocket, backoffMs: 5, maxBackoffMs: 20, ...options });
      clients.add(client);
      await client.open();
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...clients].map((client) => client.close()));
      await app.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
