/**
 * Five trivial Nest providers and its own HTTP platform, Express, listening; ends as soon as it does.
 */
import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';

class Trivial {
  async onModuleInit() {}
}

@Injectable()
class Settings extends Trivial {}

@Injectable()
class Database extends Trivial {
  constructor(@Inject(Settings) readonly settings: Settings) {
    super();
  }
}

@Injectable()
class Cache extends Trivial {
  constructor(@Inject(Settings) readonly settings: Settings) {
    super();
  }
}

@Injectable()
class Threads extends Trivial {
  constructor(
    @Inject(Database) readonly database: Database,
    @Inject(Cache) readonly cache: Cache,
  ) {
    super();
  }
}

@Injectable()
class Names extends Trivial {
  constructor(@Inject(Settings) readonly settings: Settings) {
    super();
  }
}

@Module({ providers: [Threads, Cache, Database, Settings, Names] })
class App {}

async function main(): Promise<void> {
  const app = await NestFactory.create(App, new ExpressAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  process.exit(0);
}

void main();
