/** Thirteen apps that cannot boot, each for one reason; the first argument chooses. */
import { createServer } from 'node:net';
import {
  type AppOptions,
  type Class,
  createApp,
  type Dependency,
  healthy,
  provide,
  Runtime,
  runApp,
  scoped,
  type Service,
  service,
  token,
  unhealthy,
} from '@muster/core';
import { Authenticator, ConnectionPool, webSocketServer } from '@muster/server';
import { Container } from 'inversify';

interface ThreadStore {
  read(): string;
}
const ThreadStore = token<ThreadStore>('ThreadStore');
const ThreadStor = token<ThreadStore>('ThreadStor');

@service()
class Database implements Service {
  async start(): Promise<void> {}
}

@service({ dependsOn: [Database] })
class PostgresThreads implements ThreadStore {
  constructor(_: Database) {}
  read(): string {
    return '';
  }
}

@service({ dependsOn: [ThreadStore] })
class ThreadService {
  constructor(readonly store: ThreadStore) {}
}

@service({ dependsOn: [ThreadService] })
class AgentSupervisor {
  constructor(readonly threads: ThreadService) {}
}

/** So many classes in a circle, tied by tokens. */
function circle(size: number): AppOptions {
  const tokens = Array.from({ length: size }, (_, i) => token<object>(`Link${i}`));
  const classes = tokens.map((_, i) => {
    const link = { [`Chain${i}`]: class {} }[`Chain${i}`] as Class;
    service({ dependsOn: [tokens[(i + 1) % size] as Dependency] as never })(link as never);
    return link;
  });
  return { services: classes.map((link, i) => provide(tokens[i] as never, link)) };
}

@scoped('run')
class RequestContext {}

@service({ dependsOn: [RequestContext] })
class AuditLog {
  constructor(readonly context: RequestContext) {}
}

@service({ dependsOn: [Database] })
class Migrator implements Service {
  constructor(_: Database) {}
  start(): void {
    throw Object.assign(new Error('table "threads" does not exist'), { fatal: true, hint: 'Run the migrations.' });
  }
}

@service({ dependsOn: [Migrator] })
class Search {
  constructor(_: Migrator) {}
}

@service({ start: { timeoutMs: 150 } })
class Broker implements Service {
  start(): Promise<void> {
    return new Promise(() => {});
  }
}

@service({ start: { timeoutMs: 150 }, health: { timeoutMs: 100 } })
class Index implements Service {
  check() {
    return unhealthy('0 of 9 shards are loaded');
  }
}

@service({ dependsOn: [Runtime], start: { timeoutMs: 150 }, health: { timeoutMs: 100 } })
class SelfTest implements Service {
  constructor(private readonly runtime: Runtime) {}
  async check() {
    await this.runtime.gate.enter();
    return healthy;
  }
}

@service({ start: { timeoutMs: 40_000 } })
class Warehouse {}

@service({ dependsOn: [Warehouse], start: { timeoutMs: 40_000 } })
class Reports {
  constructor(_: Warehouse) {}
}

@service({ dependsOn: [Reports], start: { timeoutMs: 50_000 } })
class Dashboard {
  constructor(_: Reports) {}
}

@service()
class Everybody implements Authenticator {
  authenticate() {
    return { user: 'somebody' };
  }
}

function yielding(made: unknown): AppOptions {
  const container = new Container();
  container
    .bind(ThreadStore)
    .toDynamicValue(() => made as ThreadStore)
    .inSingletonScope();
  return { container, services: [ThreadService] };
}

/**
 * Where time decides, budgets lie far from the moments at which attempts begin and end, so that a busy machine fails of
 * the same as a quiet one.
 */
const BOOTS: Readonly<Record<string, () => AppOptions | Promise<AppOptions>>> = {
  'missing-provider': () => ({ services: [AgentSupervisor, ThreadService, Database] }),
  'near-name': () => ({ services: [AgentSupervisor, ThreadService, Database, provide(ThreadStor, PostgresThreads)] }),
  duplicate: () => {
    const second = provide(ThreadStore, { OtherThreads: class OtherThreads extends PostgresThreads {} }.OtherThreads);
    return { services: [AgentSupervisor, ThreadService, Database, provide(ThreadStore, PostgresThreads), second] };
  },
  'cycle-of-3': () => circle(3),
  'cycle-of-10': () => circle(10),
  'captive-scope': () => ({ services: [AuditLog, RequestContext] }),
  'start-throws': () => ({ services: [Search, Migrator, Database] }),
  'start-hangs': () => ({ services: [Broker, Database], boot: { budgetMs: 1_000 } }),
  'never-healthy': () => ({ services: [Index, Database], boot: { budgetMs: 1_500 } }),
  'check-waits-for-boot': () => ({ services: [SelfTest, Database], boot: { budgetMs: 1_500 } }),
  'yields-undefined': () => yielding(undefined),
  'yields-promise': () => yielding(Promise.resolve({})),
  'budget-too-small': () => ({ services: [Dashboard, Reports, Warehouse] }),
  'port-taken': async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as { port: number };
    return {
      services: [Database, ConnectionPool, provide(Authenticator, Everybody)],
      server: webSocketServer({ port }),
    };
  },
};

const make = BOOTS[process.argv[2] ?? ''];
if (make === undefined) {
  console.log(JSON.stringify(Object.keys(BOOTS)));
} else {
  await runApp(createApp(await make()));
}
