/** The backend under faults: durable events, on NATS where `SERVERS` says so, agents that go wrong, and heartbeats that are quick to notice. */
import { agents, AgentSupervisor, RunLimits, runMethods } from '@muster/agents';
import { createApp, Instances, provide, provideValue, runApp, service } from '@muster/core';
import { lmdb } from '@muster/lmdb';
import { nats } from '@muster/nats';
import { Authenticator, ConnectionPool, type Session, webSocketFactory, webSocketServer } from '@muster/server';
import { Thinker, ZealousHelper } from './agents.ts';
import { arm, harm } from './harm.ts';
import { LoyalWorker, Worker } from './worker.ts';

@service()
class Names implements Authenticator {
  authenticate({ token }: { token: string }) {
    return { user: token };
  }
}

@webSocketFactory({ path: '/ws', dependsOn: [AgentSupervisor] })
class Front {
  readonly #supervisor: AgentSupervisor;

  constructor(supervisor: AgentSupervisor) {
    this.#supervisor = supervisor;
  }

  open(session: Session) {
    const methods = runMethods(this.#supervisor, session);
    return {
      methods: {
        ...methods,
        run: (data: unknown, call: { readonly request?: string }) => {
          arm();
          return methods.run(data, call);
        },
      },
    };
  }
}

/** Each process by links of its own: what servers say of their addresses is not taken up. */
function clustered(servers: string) {
  const connection = { ignoreClusterUpdates: true };
  return [...nats({ servers: servers.split(','), name: 'faults', replicas: 3, connection }), Instances];
}

const servers = process.env['SERVERS'];
const unbounded = 1_000_000;
const limits = process.env['RUN_LIMITS'];
harm(process.env['HARM']);
await runApp(
  createApp({
    services: [
      ...(servers === undefined ? lmdb({ directory: process.env['DATA'] as string }) : clustered(servers)),
      Thinker,
      ZealousHelper,
      Worker,
      LoyalWorker,
      Front,
      ...agents(),
      ConnectionPool,
      provide(Authenticator, Names),
      ...(limits === undefined ? [] : [provideValue(RunLimits, JSON.parse(limits) as RunLimits)]),
    ],
    server: webSocketServer({
      port: Number(process.env['PORT'] ?? 0),
      limits: {
        heartbeatMs: 500,
        handshakeMs: 2_000,
        unauthenticated: unbounded,
        unauthenticatedPerAddress: unbounded,
      },
    }),
  }),
);
