/**
 * `docs/graph.schema.json` is made of the one schema of the dump, and every dump that an app shows is valid by it.
 *
 * `UPDATE_GOLDEN=1` writes the file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { GraphDump } from '@muster/contracts';
import { type App, createApp, optional, type Service, service, task, unhealthy } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { toJsonSchema } from '@valibot/to-json-schema';
import { Ajv2020 } from 'ajv/dist/2020.js';

const file = new URL('../docs/graph.schema.json', import.meta.url);

function schema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Muster graph dump, version 1',
    ...toJsonSchema(GraphDump, { target: 'draft-2020-12', errorMode: 'throw' }),
  };
}

@service()
class Database implements Service {
  start(): void {}
}

@task({ dependsOn: [Database] })
class Migrations {
  constructor(_: Database) {}
  start(): void {}
}

@service({ health: { failures: 1 } })
class Cache implements Service {
  check() {
    return unhealthy('cold');
  }
}

@service({ dependsOn: [Database, optional(Cache)], after: [Migrations], tags: ['api'] })
class Api {
  constructor(_: Database, __: { readonly current: Cache | undefined }) {}
}

describe('docs/graph.schema.json', () => {
  it('is what the schema in the code says', () => {
    const text = `${JSON.stringify(schema(), null, 2)}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('accepts what an app shows before it starts, while it runs, after it failed and after it stopped', async () => {
    const validate = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(file, 'utf8')) as object);
    const check = (app: App): void => {
      validate(JSON.parse(JSON.stringify(app.graph())));
      expect(validate.errors).toBeNull();
    };
    const clock = new FakeClock();
    const app = createApp({ services: [Api, Cache, Migrations, Database], clock });
    check(app);
    const starting = app.start();
    await clock.advance(1_000);
    check(app);
    await clock.advance(20_000);
    await starting;
    check(app);
    await app.stop();
    check(app);
    const broken = createApp({ services: [Api] });
    await expect(broken.start()).rejects.toMatchObject({ code: 'GRAPH_INVALID' });
    check(broken);
    expect(validate({ format: 'muster.graph/1' })).toBe(false);
  });
});
