/** One of several backends that act as one: its events and keys are on NATS, and it says who it is. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  type RunInput,
  runMethods,
} from '@muster/agents';
import {
  Clock,
  createApp,
  InstanceFacts,
  Instances,
  provide,
  provideValue,
  runApp,
  service,
  sleep,
  token,
} from '@muster/core';
import { inspector } from '@muster/inspect';
import { nats } from '@muster/nats';
import {
  Authenticator,
  ConnectionPool,
  httpHandler,
  type HttpHandler,
  type Session,
  webSocketFactory,
  type WebSocketFactory,
  webSocketServer,
} from '@muster/server';

const STEP_MS = 500;
const { SERVERS = '', NAME = 'a', PORT = '0', PAGE = '.', REPLICAS = '3' } = process.env;

/** The directory with the built page. */
const PageDirectory = token<string>('PageDirectory');

/** Counts, and says which instance it counts on. Another instance goes on when its own has died. */
@agent({ name: 'counter', description: 'Counts to a number', dependsOn: [Clock], onTakeover: 'restart' })
class Counter implements Agent {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run({ text }: RunInput, ctx: AgentContext) {
    const to = Math.min(100, Math.max(1, Number.parseInt(text, 10) || 10));
    for (let n = 1; n <= to; n += 1) {
      await ctx.think(`${n} on ${NAME}`, { step: n, totalSteps: to });
      await sleep(this.#clock, STEP_MS, ctx.signal);
    }
    return { finalResponse: `counted to ${to}, at last on ${NAME}` };
  }
}

/** Whoever says a name is that user: an example, and no login. */
@service()
class Names implements Authenticator {
  authenticate({ token: user }: { token: string }) {
    return { user };
  }
}

@webSocketFactory({ path: '/ws', dependsOn: [AgentSupervisor, Instances] })
class Front implements WebSocketFactory {
  readonly #supervisor: AgentSupervisor;
  readonly #instances: Instances;

  constructor(supervisor: AgentSupervisor, instances: Instances) {
    this.#supervisor = supervisor;
    this.#instances = instances;
  }

  open(session: Session) {
    return {
      methods: {
        ...runMethods(this.#supervisor, session),
        instances: () => ({ servedBy: this.#instances.id, all: this.#instances.list().map(shown) }),
      },
    };
  }
}

function shown({ id, address, startedAt, load, services }: ReturnType<Instances['list']>[number]) {
  const down = Object.entries(services).filter(([, health]) => health !== 'healthy' && health !== 'unchecked');
  return { id, address, startedAt, load, down: down.map(([name]) => name) };
}

/** Keeps what this instance says of its load up to date. */
@service({ dependsOn: [Instances, ConnectionPool, AgentSupervisor, Clock] })
class Load {
  readonly #instances: Instances;
  readonly #pool: ConnectionPool;
  readonly #supervisor: AgentSupervisor;
  readonly #clock: Clock;

  constructor(instances: Instances, pool: ConnectionPool, supervisor: AgentSupervisor, clock: Clock) {
    this.#instances = instances;
    this.#pool = pool;
    this.#supervisor = supervisor;
    this.#clock = clock;
  }

  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    let said = '';
    while (!signal.aborted) {
      const load = { connections: this.#pool.size, runs: this.#supervisor.activeRuns };
      if (JSON.stringify(load) !== said) this.#instances.describe({ load });
      said = JSON.stringify(load);
      await sleep(this.#clock, STEP_MS, signal).catch(() => {});
    }
  }
}

const FILES: Readonly<Record<string, string>> = { '/': 'index.html', '/page.js': 'page.js' };

@httpHandler({ dependsOn: [PageDirectory] })
class Pages implements HttpHandler {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
    if (file === undefined) return false;
    response.writeHead(200, {
      'content-type': `${file.endsWith('.js') ? 'text/javascript' : 'text/html'}; charset=utf-8`,
      'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:",
    });
    response.end(await readFile(`${this.#directory}/${file}`));
    return true;
  }
}

await runApp(
  createApp({
    services: [
      ...nats({ servers: SERVERS.split(','), name: 'cluster', replicas: Number(REPLICAS) as 1 | 3 }),
      ...agents(),
      Counter,
      Front,
      Pages,
      Instances,
      Load,
      ConnectionPool,
      provide(Authenticator, Names),
      provideValue(PageDirectory, PAGE),
      provideValue(InstanceFacts, { address: `${NAME} (process ${process.pid})` }),
    ],
    server: webSocketServer({ port: Number(PORT) }),
    // The page of each shows the others as well.
    inspect: inspector({ port: 0 }),
  }),
);
