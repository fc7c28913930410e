/** A container that was written without Muster: its own decorators count, and its bindings are the graph. */
import { createApp } from '@muster/core';
import { Container, inject, injectable, multiInject, optional } from 'inversify';

@injectable()
class Database {
  async start() {
    console.log('the database is up');
  }
  async stop() {
    console.log('the database is down');
  }
}

@injectable()
class Mail {}

@injectable()
class Push {}

@injectable()
class Api {
  constructor(
    @inject(Database) readonly database: Database,
    @multiInject('channel') readonly channels: object[],
    @inject('metrics') @optional() readonly metrics: object | undefined,
  ) {}
  start() {
    console.log(`the API is up with ${this.channels.length} channels`);
  }
}

const container = new Container();
container.bind(Database).toSelf().inSingletonScope();
container.bind('channel').to(Mail).inSingletonScope();
container.bind('channel').to(Push).inSingletonScope();
container.bind('api').to(Api).inSingletonScope();
container
  .bind('report')
  .toDynamicValue((context) => `report of ${typeof context.get(Database)}`)
  .inSingletonScope();

const app = createApp({ container });
await app.start();
console.log(String(app.graph()));
await app.stop();
