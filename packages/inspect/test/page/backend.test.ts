/** What the page knows of an instance, as overview and changes come in. */
import { describe, expect, it } from '@jest/globals';
import { effect } from '@preact/signals';
import type { DumpNode } from '@muster/contracts';
import { Backend } from '../../page/live/backend.ts';
import type { Overview } from '../../src/live/overview.ts';
import { FakeBackend } from './backends.ts';
import { SHOP } from './specs.ts';
import { withTraffic } from './traffic.ts';

const HOUR = 3_600_000;
const lost = { id: 'Nats', reason: 'no answer', hint: 'Look at it.', atMs: HOUR - 60_000 };
const shop = new FakeBackend(SHOP, 1_000_000);
const running = shop.overview({ at: HOUR });

function shown(overview: Overview): Backend {
  const backend = new Backend();
  backend.begin(overview);
  return backend;
}

const node = (overview: Overview, id: string): DumpNode =>
  overview.graph.nodes.find((each) => each.id === id) as DumpNode;

describe('what the page knows', () => {
  it('is all of an overview, and replaces what was known before', () => {
    const backend = shown(shop.overview({ at: 200 }));
    expect(backend.census.value).toMatchObject({ total: 27, bad: 0 });
    expect(backend.census.value.good).toBeLessThan(27);
    backend.begin(running);
    expect(backend.census.value).toMatchObject({ total: 27, good: 27 });
    backend.begin(new FakeBackend(SHOP.slice(0, 5), 0).overview({ at: HOUR }));
    expect(backend.shape.value.ids).toHaveLength(5);
    expect(backend.lanes.all()).toHaveLength(3);
    expect(backend.nodes.row('Nats')).toBeUndefined();
  });

  it('tells of a change only those that look at what has changed, once', () => {
    const backend = shown(running);
    const seen = { nats: 0, redis: 0, shape: 0 };
    effect(() => void (seen.nats += backend.nodes.row('Nats')?.value ? 1 : 0));
    effect(() => void (seen.redis += backend.nodes.row('Redis')?.value ? 1 : 0));
    effect(() => void (seen.shape += backend.shape.value ? 1 : 0));
    backend.apply({
      at: 0,
      nodes: { isAll: false, list: [{ ...node(running, 'Nats'), health: 'unhealthy', blockedBy: ['Nats'] }] },
      news: [],
    });
    expect(seen).toEqual({ nats: 2, redis: 1, shape: 1 });
    expect(backend.census.value).toMatchObject({ good: 26, bad: 1 });
    expect([...backend.rootCauses.value]).toEqual(['Nats']);
  });

  it('keeps its shape while edges are only released, and takes another when a line turns or a node comes', () => {
    const early = shop.overview({ at: 0 });
    const backend = shown(early);
    const before = backend.shape.value;
    backend.apply({ at: 0, edges: running.graph.edges });
    expect(backend.shape.value).toBe(before);
    expect(backend.edges.value).toBe(running.graph.edges);
    const [first, ...others] = running.graph.edges;
    backend.apply({ at: 0, edges: [{ ...(first as (typeof others)[0]), need: 'optional' }, ...others] });
    expect(backend.shape.value).not.toBe(before);
    backend.apply({ at: 0, nodes: { isAll: false, list: [{ ...node(running, 'Nats'), id: 'Late' }] } });
    expect(backend.shape.value.ids).toContain('Late');
    backend.apply({ at: 0, nodes: { isAll: true, list: running.graph.nodes } });
    expect(backend.shape.value.ids).not.toContain('Late');
  });

  it('has runs with the newest first and news with the newest last, each once and no more than are kept', () => {
    const backend = shown(withTraffic(running, 10));
    const [first] = backend.runs.value;
    const line = first as NonNullable<typeof first>;
    backend.apply({ at: 0, runs: [{ ...line, state: 'completed', status: 'success' }] });
    expect(backend.runs.value).toHaveLength(24);
    expect(backend.runs.value[0]).toMatchObject({ run: line.run, status: 'success' });
    const more = Array.from({ length: 300 }, (_, at) => ({ ...line, run: `more-${at}`, at: line.at + at + 1 }));
    backend.apply({ at: 0, runs: more });
    expect(backend.runs.value).toHaveLength(200);
    expect(backend.runs.value[0]?.run).toBe('more-299');
    const last = backend.news.value.at(-1)?.n as number;
    const news = Array.from({ length: 400 }, (_, at) => ({
      n: last + at,
      at,
      type: 't',
      text: `${at}`,
      isTrouble: false,
    }));
    backend.apply({ at: 0, news });
    expect(backend.news.value).toHaveLength(300);
    expect(new Set(backend.news.value.map(({ n }) => n)).size).toBe(300);
    expect(backend.news.value.at(-1)?.n).toBe(last + 399);
  });

  it('finds root causes: what is awaited during a boot, what is lost after it, what has failed', () => {
    const hanging = shop.overview({ at: 30_000, hangs: { id: 'Postgres', progress: 'connecting' } });
    expect([...shown(hanging).rootCauses.value]).toEqual(['Postgres']);
    expect([...shown(running).rootCauses.value]).toEqual([]);
    expect([...shown(shop.overview({ at: HOUR, lost })).rootCauses.value]).toEqual(['Nats']);
    const failed = { id: 'Migrations', reason: 'no', hint: 'yes' };
    expect([...shown(shop.overview({ at: 9_000, failed })).rootCauses.value]).toEqual(['Migrations']);
  });

  it('takes a delivery that is not there any more as none', () => {
    const backend = shown(withTraffic(running, 10));
    backend.apply({ at: 0, news: [] });
    expect(backend.delivery.value).not.toBeNull();
    backend.apply({ at: 0, delivery: null });
    expect(backend.delivery.value).toBeNull();
  });
});
