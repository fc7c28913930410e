/** An entry for the command line: two services in TypeScript, which nobody has compiled. */
import { createApp, service } from '@muster/core';

@service()
class Database {}

@service({ dependsOn: [Database] })
class Orders {
  constructor(readonly database: Database) {}
}

export default createApp({ services: [Orders, Database] });
