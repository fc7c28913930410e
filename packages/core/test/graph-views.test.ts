import { describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { type GraphDump, parseGraphDump } from '@muster/contracts';
import {
  type App,
  createApp,
  type Health,
  healthy,
  optional,
  type Service,
  service,
  sleep,
  type StartContext,
  task,
  unhealthy,
} from '@muster/core';
import { diffGraphs, renderDiff } from '@muster/core/graph';
import { FakeClock } from '@muster/core/testing';
import { criticalPath, slackOf } from '../src/graph/critical-path.ts';
import { renderDot, renderMermaid } from '../src/graph/render-diagram.ts';
import { PLAIN } from '../src/declare/edge.ts';
import type { GraphNode } from '../src/graph/graph-node.ts';
import { ServiceGraph } from '../src/graph/service-graph.ts';
import { planStart } from '../src/graph/start-plan.ts';

/** A backend with one of everything. */
function backend(databaseMs = 300) {
  const state: { verdict: Health } = { verdict: healthy };
  @service({ shared: true, tags: ['storage'] })
  class Database implements Service {
    start = (ctx: StartContext) => sleep(ctx.clock, databaseMs, ctx.signal);
    check = (): Health => state.verdict;
  }
  Object.assign(Database.prototype, { check: () => state.verdict });
  @task({ dependsOn: [Database] })
  class Migrations {
    constructor(_: Database) {}
    start = (ctx: StartContext) => sleep(ctx.clock, 50, ctx.signal);
  }
  @service()
  class Cache implements Service {
    start(): void {
      throw new Error('refused');
    }
  }
  @service({ dependsOn: [Database, optional(Cache)], after: [Migrations] })
  class Threads {
    constructor(_: Database, __: { readonly current: Cache | undefined }) {}
  }
  return { services: [Threads, Cache, Migrations, Database], state };
}

async function running(databaseMs?: number): Promise<{ app: App; clock: FakeClock; state: { verdict: Health } }> {
  const clock = new FakeClock();
  const { services, state } = backend(databaseMs);
  const app = createApp({ services, clock, random: { next: () => 1, uuid: () => '' } });
  const starting = app.start();
  await clock.advance(1_000);
  await starting;
  return { app, clock, state };
}

/** Compares with a file; `UPDATE_GOLDEN=1` writes it. */
function expectGolden(name: string, text: string): void {
  const file = new URL(`./golden/${name}`, import.meta.url);
  const stable = text.replace(/(graph-views\.test\.ts):\d+/g, '$1:0');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, stable);
  expect(stable).toBe(readFileSync(file, 'utf8'));
}

describe('explain', () => {
  it('says why something is up or not, since when, what happens next, and what to do', async () => {
    const { app, clock, state } = await running();
    state.verdict = unhealthy('replica lost');
    await clock.advance(8_000);
    const texts = ['Database', 'Migrations', 'Cache', 'Threads'].map((name) => app.explain(name));
    expectGolden('explain.txt', texts.join('\n'));
    await app.stop();
  });

  it('explains before the start, and problems with their hint; an unknown name gets near ones', () => {
    const { services } = backend();
    const app = createApp({ services: services.slice(0, 3) });
    expect(app.explain('Threads')).toContain('Problem MISSING');
    expect(app.explain('Threads')).toContain('→ Add a provider of Database');
    expect(() => app.explain('Thread')).toThrow(
      expect.objectContaining({ code: 'NODE_UNKNOWN', details: { name: 'Thread', near: ['Threads'] } }),
    );
  });
});

describe('diagrams', () => {
  it('show kinds, edges and the gate, as Mermaid and as DOT', async () => {
    const { app } = await running();
    expectGolden('diagram.mmd', app.graph().toMermaid());
    expectGolden('diagram.dot', app.graph().toDot());
    await app.stop();
  });

  it('let no name end its quotes or begin a statement of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (id) => {
        const evil = `${id}"]; evil --> x <script>\n  end`;
        const dump = { ...createApp({ services: [] }).graph().toJSON() };
        const [node] = createApp({ services: [backend().services[3]!] })
          .graph()
          .toJSON().nodes;
        const nodes = [{ ...node!, id: evil }];
        const mermaid = renderMermaid({ ...dump, nodes });
        const dot = renderDot({ ...dump, nodes });
        expect(mermaid.split('\n').filter((line) => line.includes('evil'))).toHaveLength(1);
        expect(mermaid).not.toContain('<script>');
        expect(mermaid).toMatch(/^ {2}n0\["[^"]*"\]$/m);
        expect(dot.split('\n').filter((line) => line.includes('evil'))).toHaveLength(1);
        expect(dot).toMatch(/^ {2}"(?:[^"\\]|\\.)*" \[label="(?:[^"\\]|\\.)*", shape=box/m);
      }),
    );
  });
});

describe('diff', () => {
  it('tells what came and went, what got slower, and where the critical path went', async () => {
    const before = (await running(100)).app;
    const after = (await running(300)).app;
    const [old, young] = [before.graph().toJSON(), after.graph().toJSON()];
    const without: GraphDump = {
      ...young,
      nodes: young.nodes.filter(({ id }) => id !== 'Cache'),
      edges: young.edges
        .filter(({ to }) => to !== 'Cache')
        .map((edge) => (edge.from === 'Migrations' ? { ...edge, onLoss: 'ignore' as const } : edge)),
    };
    const diff = diffGraphs(old, without);
    expect(diff).toMatchObject({
      nodes: { added: [], removed: ['Cache'] },
      edges: { added: [], removed: ['Threads → Cache'], changed: ['Migrations → Database'] },
      slower: [{ id: 'Database', beforeMs: 100, afterMs: 300 }],
      faster: [],
      criticalPath: { moved: false, isLonger: true },
    });
    expectGolden('diff.txt', renderDiff(diff));
    expect(renderDiff(diffGraphs(old, old))).toBe('No difference.\n');
    await Promise.all([before.stop(), after.stop()]);
  });

  it('takes a longer critical path for a difference, also where no service alone is much slower', async () => {
    const { app } = await running(100);
    const before = app.graph().toJSON();
    const nodes = before.nodes.map((node) => ({
      ...node,
      startMs: node.startMs === null ? null : node.startMs * 1.15,
    }));
    const longer = (ms: number) =>
      diffGraphs(before, { ...before, nodes, criticalPath: { ...before.criticalPath, ms } });
    expect(longer(before.criticalPath.ms * 1.1)).toMatchObject({ isDifferent: false, slower: [] });
    const diff = longer(before.criticalPath.ms * 1.3);
    expect(diff).toMatchObject({ isDifferent: true, slower: [], criticalPath: { moved: false, isLonger: true } });
    expect(renderDiff(diff)).toMatch(/^▲ critical path: \S+ ms ⇒ \S+ ms$/m);
    await app.stop();
  });

  it('works on dumps that were read from files, and a file that is none says what is wrong with it', async () => {
    const { app } = await running();
    const dump = parseGraphDump(JSON.stringify(app.graph()));
    expect(dump).toEqual(JSON.parse(JSON.stringify(app.graph())));
    expect(() => parseGraphDump('no json')).toThrow(expect.objectContaining({ code: 'DUMP_INVALID' }));
    expect(() => parseGraphDump(JSON.stringify({ ...dump, nodes: [{}] }))).toThrow(
      expect.objectContaining({
        code: 'DUMP_INVALID',
        details: expect.objectContaining({ path: expect.stringContaining('nodes') }),
      }),
    );
    await app.stop();
  });
});

describe('budgets', () => {
  const written = (startMs?: number, stopMs?: number, healthMs?: number) => ({
    ...(startMs === undefined ? {} : { start: { timeoutMs: startMs } }),
    ...(stopMs === undefined ? {} : { stop: { timeoutMs: stopMs } }),
    ...(healthMs === undefined ? {} : { health: { timeoutMs: healthMs } }),
  });

  function problems(first: object, second: object, options: object = {}): string[] {
    @service(first)
    class A {}
    @service({ ...second, dependsOn: [A] })
    class B {
      constructor(_: A) {}
    }
    const { problems: found } = createApp({ services: [A, B], ...options })
      .graph()
      .toJSON();
    return found.map(({ code, message }) => `${code}: ${message.replace(/ \([^)]*\)/, '')}`);
  }

  it('count only what somebody wrote: a chain that exceeds one is a problem, defaults are a note', () => {
    expect(problems(written(70_000), written(60_000))).toEqual([
      'OVER_BUDGET: The start.timeoutMs written along A → B add up to 130000 ms, and boot.budgetMs is 120000 ms.',
    ]);
    expect(problems(written(undefined, 5_000), written(undefined, 4_000))).toEqual([
      'OVER_BUDGET: The stop.timeoutMs written along A → B add up to 9000 ms, and services have 8100 ms.',
    ]);
    expect(problems(written(60_000), written(60_000))).toEqual([]);
    expect(problems({}, {}, { boot: { budgetMs: 20_000 } })).toEqual([]);
    @service()
    class Alone {}
    const app = createApp({ services: [Alone], boot: { budgetMs: 10_000 } });
    expect(app.graph().toJSON()).toMatchObject({
      budgets: { boot: { budgetMs: 10_000, writtenMs: 0, withDefaultsMs: 15_000, says: 'shares' } },
      notes: [{ code: 'DEFAULTS_SHARE_BUDGET', nodes: ['Alone'] }],
    });
  });

  it('refuse an inner time that is not below the outer one', () => {
    expect(problems(written(120_000), {})).toEqual([
      'TIMEOUT_ORDER: A: start.timeoutMs is 120000 ms and must be below boot.budgetMs, which is 120000 ms.',
    ]);
    expect(problems(written(undefined, undefined, 15_000), {})).toEqual([
      'TIMEOUT_ORDER: A: health.timeoutMs is 15000 ms and must be below start.timeoutMs, in which the first check has to answer, which is 15000 ms.',
    ]);
  });

  it.each([
    ['start.timeoutMs', { start: { timeoutMs: 0 } }],
    ['health.failures', { health: { failures: 1.5 } }],
    ['restart.limit', { restart: { limit: -1 } }],
    ['stop.timeoutMs', { stop: { timeoutMs: Number.NaN } }],
  ])('refuse a value of %s that makes no sense, naming it', async (name, options) => {
    @service(options)
    class Odd {}
    await expect(createApp({ services: [Odd] }).start()).rejects.toMatchObject({
      details: { causes: [{ description: expect.stringMatching(new RegExp(`^${name} of Odd must be`)) }] },
    });
  });
});

describe('the critical path', () => {
  it('is the longest way, and slack is what a node can take longer without making it longer', () => {
    const rows = fc.array(fc.record({ needs: fc.array(fc.nat(), { maxLength: 3 }), cost: fc.nat(50) }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(rows, (all) => {
        const needs = all.map((row, i) => [...new Set(i === 0 ? [] : row.needs.map((need) => need % i))]);
        const providers = needs.map((list, i) => ({
          key: i,
          target: i,
          name: `S${i}`,
          kind: 'service' as const,
          aliases: [],
          declaredAt: undefined,
          wants: list.map((need) => ({ key: need, name: `S${need}`, terms: PLAIN })),
        }));
        const nodes = planStart(ServiceGraph.from(providers)).order;
        const costs = all.map(({ cost }) => cost);
        const cost = ({ id }: Pick<GraphNode, 'id'>): number => costs[Number(id.slice(1))] as number;
        const length = (i: number): number =>
          (costs[i] as number) + Math.max(0, ...(needs[i] as number[]).map((need) => length(need)));
        const whole = Math.max(...all.map((_, i) => length(i)));
        const path = criticalPath(nodes, cost);
        expect(path.ms).toBe(whole);
        expect(path.nodes.reduce((sum, id) => sum + cost({ id }), 0)).toBe(whole);
        const slack = slackOf(nodes, cost, whole);
        for (const [i, own] of costs.entries()) {
          const room = slack.get(`S${i}`) as number;
          costs[i] = own + room;
          expect(Math.max(...all.map((_, j) => length(j)))).toBe(whole);
          costs[i] = own + room + 1;
          expect(Math.max(...all.map((_, j) => length(j)))).toBe(whole + 1);
          costs[i] = own;
        }
      }),
    );
  });
});

describe('the time of an attempt', () => {
  it('is extended by progress, but only as far as the hard cap', async () => {
    const clock = new FakeClock();
    let deadline = 0;
    @service({ start: { timeoutMs: 1_000, maxMs: 2_500 } })
    class Migrating implements Service {
      async start(ctx: StartContext): Promise<void> {
        for (let step = 1; ; step += 1) {
          ctx.progress(`step ${step}`, { extendMs: 1_000 });
          deadline = ctx.deadline;
          await sleep(ctx.clock, 500, ctx.signal);
        }
      }
    }
    const app = createApp({ services: [Migrating], clock, boot: { budgetMs: 3_000 } });
    const starting = app.start().catch((error: unknown) => error);
    await clock.advance(2_499);
    expect(app.graph().node('Migrating')).toMatchObject({ phase: 'starting', progress: 'step 5' });
    await clock.advance(1);
    expect(deadline).toBe(2_500);
    expect(app.graph().node('Migrating')).toMatchObject({ phase: 'backoff' });
    expect(app.graph().node('Migrating').reason).toContain('within 2500 ms');
    await clock.advance(2_000);
    expect(await starting).toMatchObject({ code: 'BOOT_FAILED' });
  });
});
