/** The backend under faults: durable events, agents that take their time, and heartbeats that are quick to notice. */
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  type RunInput,
  runMethods,
} from '@muster/agents';
import { Clock, createApp, provide, runApp, service, sleep } from '@muster/core';
import { lmdb } from '@muster/lmdb';
import { Authenticator, ConnectionPool, type Session, webSocketFactory, webSocketServer } from '@muster/server';

/** Thinks so often as it is asked to, with a little time between, and repeats a canary that only its user may see. */
@agent({ name: 'thinker', description: 'thinks', dependsOn: [Clock] })
class Thinker implements Agent {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run({ text }: RunInput, ctx: AgentContext) {
    const thoughts = Number(text.split(' ')[0]);
    for (let n = 1; n <= thoughts; n += 1) {
      void ctx.think(`thought ${n} of ${text}`);
      if (n % 4 === 0) await sleep(this.#clock, 5, ctx.signal);
    }
    await ctx.drain();
    return { finalResponse: `the end of ${text}` };
  }
}

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
    return { methods: runMethods(this.#supervisor, session) };
  }
}

const unbounded = 1_000_000;
await runApp(
  createApp({
    services: [
      ...lmdb({ directory: process.env['DATA'] as string }),
      Thinker,
      Front,
      ...agents(),
      ConnectionPool,
      provide(Authenticator, Names),
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
