/**
 * Five trivial services behind a gate and the server that listens once it is open; ends as soon as it does.
 */
import { createApp, healthy, provide, service } from '@muster/core';
import { Authenticator, ConnectionPool, webSocketFactory, webSocketServer } from '@muster/server';

class Trivial {
  async start() {}
  check() {
    return healthy;
  }
}

@service()
class Settings extends Trivial {}

@service({ dependsOn: [Settings] })
class Database extends Trivial {
  constructor(readonly settings: Settings) {
    super();
  }
}

@service({ dependsOn: [Settings] })
class Cache extends Trivial {
  constructor(readonly settings: Settings) {
    super();
  }
}

@service({ dependsOn: [Database, Cache] })
class Threads extends Trivial {
  constructor(
    readonly database: Database,
    readonly cache: Cache,
  ) {
    super();
  }
}

@service({ dependsOn: [Settings] })
class Names extends Trivial implements Authenticator {
  constructor(readonly settings: Settings) {
    super();
  }
  authenticate({ token }: { token: string }) {
    return { user: token };
  }
}

@webSocketFactory({ path: '/ws', dependsOn: [Threads] })
class Front {
  constructor(readonly threads: Threads) {}
  open() {
    return { methods: {} };
  }
}

async function main(): Promise<void> {
  const services = [Front, Threads, Cache, Database, Settings, ConnectionPool, provide(Authenticator, Names)];
  const server = webSocketServer({ port: 0 });
  const app = createApp({ services, server });
  await app.start();
  if (app.gate.state !== 'open' || server.url.endsWith(':0')) throw new Error('it neither serves nor listens');
  process.exit(0);
}

void main();
