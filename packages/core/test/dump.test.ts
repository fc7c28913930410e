import { describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { createApp, type Service, service, sleep, type StartContext } from '@muster/core';
import { FakeClock } from '@muster/core/testing';

/** A small backend whose times and failures are given. */
function backend(fails = false) {
  @service()
  class Database implements Service {
    start = (ctx: StartContext) => sleep(ctx.clock, 300, ctx.signal);
  }
  @service({ dependsOn: [Database] })
  class ThreadService implements Service {
    constructor(_: Database) {}
    async start(ctx: StartContext): Promise<void> {
      ctx.progress('reading 3 of 9');
      await sleep(ctx.clock, 20, ctx.signal);
      if (fails)
        throw Object.assign(new Error('table "threads" does not exist\u001b[2J'), {
          fatal: true,
          hint: 'Run the migrations.',
        });
    }
  }
  @service({ dependsOn: [ThreadService] })
  class AgentSupervisor {
    constructor(_: ThreadService) {}
  }
  @service()
  class Cache implements Service {
    start = (ctx: StartContext) => sleep(ctx.clock, 100, ctx.signal);
  }
  return [Database, ThreadService, AgentSupervisor, Cache];
}

/** Compares with a file; `UPDATE_GOLDEN=1` writes it. Lines of declarations move with every edit and are left out. */
function expectGolden(name: string, text: string): void {
  const file = new URL(`./golden/${name}`, import.meta.url);
  const stable = text.replace(/dump\.test\.ts:\d+/g, 'dump.test.ts:0');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, stable);
  expect(stable).toBe(readFileSync(file, 'utf8'));
}

function expectGoldenGraph(name: string, app: ReturnType<typeof createApp>): void {
  expectGolden(`${name}.txt`, String(app.graph()));
  expectGolden(`${name}.json`, `${JSON.stringify(app.graph(), null, 2)}\n`);
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}

describe('the dump', () => {
  it('shows the plan before the start, the boot while it runs, and what is up after it', async () => {
    const clock = new FakeClock();
    const app = createApp({ services: backend(), clock });
    expectGoldenGraph('before-start', app);
    const starting = app.start();
    await clock.advance(310);
    expectGoldenGraph('starting', app);
    await clock.advance(10);
    await starting;
    expectGoldenGraph('running', app);
    await app.stop();
  });

  it('shows causes and victims after a boot that failed, and no control character of theirs', async () => {
    const clock = new FakeClock();
    const app = createApp({ services: backend(true), clock });
    const starting = app.start().catch((error: Error) => error.message);
    await clock.advance(320);
    expectGolden('failed-message.txt', `${String(await starting)}\n`);
    expectGoldenGraph('failed', app);
    expect(String(app.graph())).not.toContain('\u001b');
  });

  it('shows a graph that cannot start, with every problem', () => {
    const [Database, ThreadService, AgentSupervisor] = backend();
    expectGoldenGraph('unsound', createApp({ services: [ThreadService!, AgentSupervisor!, AgentSupervisor!] }));
    expect(Database).toBeDefined();
  });

  it('is the same for all orders of registration', () => {
    const texts = permutations(backend()).map((services) => JSON.stringify(createApp({ services }).graph()));
    expect(new Set(texts).size).toBe(1);
    expect(texts).toHaveLength(24);
  });
});
