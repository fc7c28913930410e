/** A dependency may be required, optional, or a matter of order alone; a task ends, and a hook runs before anybody depends. */
import { createApp, healthy, onReady, optional, type Ref, service, sleep, type StartContext, task } from '@muster/core';

@service({ tags: ['storage'] })
class Database {
  readonly tables = new Set<string>();
  start = (ctx: StartContext) => sleep(ctx.clock, 50, ctx.signal);
}

@task({ dependsOn: [Database] }) // done once; what depends on it starts when it has completed
class Migrations {
  constructor(private readonly database: Database) {}
  async start(ctx: StartContext) {
    ctx.progress('creating tables', { extendMs: 10_000 }); // asks for more time than one attempt has
    this.database.tables.add('threads');
  }
}

@service({ restart: { delayMs: 100 } })
class Cache {
  #attempts = 0;
  start() {
    this.#attempts += 1;
    if (this.#attempts < 3) throw new Error('connection refused');
  }
}

@service({ dependsOn: [Migrations] })
class Threads {
  constructor(_: Migrations) {}
  check() {
    return healthy;
  }
}

@service({
  dependsOn: [{ on: Threads, onLoss: 'degrade' }, optional(Cache)], // may be lost later; may be down at any time
  after: [Database], // order alone
})
class Search {
  constructor(
    readonly threads: Threads,
    readonly cache: Ref<Cache>,
  ) {}
  find() {
    return this.cache.current === undefined ? 'found without the cache' : 'found in the cache';
  }
}

const app = createApp({
  services: [
    Search,
    Threads,
    Cache,
    Migrations,
    Database,
    onReady(Database, (database) => void database.tables.add('seeds')), // before anything depends on the database
  ],
});
app.events.on((event) => {
  if (event.type === 'degraded') console.log(`${event.service} misses ${event.by.join() || 'nothing'}`);
});
await app.start();
console.log(String(app.graph()));
console.log(app.get(Search).find());
while (app.get(Search).cache.current === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
console.log(app.get(Search).find());
console.log(app.explain('Search'));
await app.stop();
