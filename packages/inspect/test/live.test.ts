/** What whoever looks at an app is told, and when: all of it once, then what has changed, and no secret of it. */
import { describe, expect, it } from '@jest/globals';
import type { GraphDump } from '@muster/contracts';
import { type ConnectionView, createApp, type GraphView, type RuntimeEvent, type ServerView } from '@muster/core';
import type { ServerResponse } from 'node:http';
import { EventStream } from '../src/listener/event-stream.ts';
import { begun, LOOK_MS, Page, pagesOf, Quick } from './pages.ts';

const started: RuntimeEvent = {
  type: 'moved',
  machine: 'service',
  subject: 'Quick',
  from: 'waiting',
  event: 'e',
  to: 'starting',
  at: 0,
};

/** A server with so many connections, of which every third still says who it is. */
function serving(count: number): { connections: ConnectionView[] } & ServerView {
  const connections = Array.from(
    { length: count },
    (_, n) =>
      ({ id: `c${n}`, state: n % 3 === 0 ? 'authenticating' : 'ready', since: n, user: null }) as ConnectionView,
  );
  const delivery = { appended: 0, acknowledged: 0, pending: 0, expired: 0 };
  return { users: 1, connections, delivery, marksOf: () => [] };
}

describe('connections', () => {
  it.each([3, 200, 201, 450])(
    'of which there are %d are counted, and the newest 200 listed, the newest first',
    (count) => {
      const { total, byState, latest } = pagesOf({ server: serving(count) }).view.connections();
      const waiting = Math.ceil(count / 3);
      expect([total, byState]).toEqual([count, { authenticating: waiting, ready: count - waiting }]);
      const newest = Array.from({ length: Math.min(count, 200) }, (_, n) => `c${count - 1 - n}`);
      expect(latest.map(({ id }) => id)).toEqual(newest);
    },
  );

  it('are told of with every third look, and not while they are as they were', async () => {
    const server = serving(3);
    const { clock, show } = pagesOf({ server });
    const page = new Page();
    show(page);
    server.connections.pop();
    await clock.advance(2 * LOOK_MS);
    expect(page.said).toEqual(['overview']);
    await clock.advance(LOOK_MS);
    expect(page.data.slice(1)).toMatchObject([{ connections: { total: 2 } }]);
    await clock.advance(5 * LOOK_MS);
    expect(page.said).toEqual(['overview', 'change']);
  });
});

describe('whoever looks', () => {
  it('during a boot gets a first picture when that has taken half a second', async () => {
    const { clock, show, looks } = pagesOf({ state: () => 'starting' });
    const page = new Page();
    show(page);
    await clock.advance(LOOK_MS - 1);
    expect([page.said, looks()]).toEqual([[], 0]);
    await clock.advance(1);
    expect(page.said).toEqual(['overview']);
  });

  it('is told once of each thing, and of nothing else', async () => {
    const { clock, show, emit } = pagesOf();
    const page = new Page();
    show(page);
    emit(begun('r'));
    emit(started);
    await clock.advance(LOOK_MS);
    expect(page.data.slice(1).map((change) => Object.keys(change))).toEqual([['at', 'lanes', 'runs', 'news']]);
    await clock.advance(8 * LOOK_MS);
    expect(page.said).toEqual(['overview', 'change']);
  });

  it('takes nothing from who is there already', async () => {
    const { clock, show, emit } = pagesOf();
    const [one, two] = [new Page(), new Page()];
    show(one);
    emit(begun('r'));
    show(two);
    expect([one.said, two.said]).toEqual([['overview', 'change'], ['overview']]);
    expect(one.data[1]).toMatchObject({ runs: [{ run: 'r' }] });
    await clock.advance(LOOK_MS);
    expect([one.said.length, two.said.length]).toEqual([2, 1]);
  });

  it('has the graph made where something has happened to it, and else with every fifth look', async () => {
    const { clock, show, emit, happen, looks } = pagesOf();
    show(new Page());
    const first = looks();
    emit(begun('r'));
    await clock.advance(4 * LOOK_MS);
    expect(looks()).toBe(first);
    await clock.advance(LOOK_MS);
    expect(looks()).toBe(first + 1);
    happen();
    await clock.advance(LOOK_MS);
    expect(looks()).toBe(first + 2);
  });

  it('is told of services that have gone by all that are left', async () => {
    const whole = createApp({ services: [Quick] })
      .graph()
      .toJSON();
    const other = { ...whole.nodes[0], id: 'Other' } as GraphDump['nodes'][number];
    let dump: GraphDump = { ...whole, nodes: [...whole.nodes, other] };
    const { clock, show, happen } = pagesOf({ graph: () => ({ toJSON: () => dump }) as GraphView });
    const page = new Page();
    show(page);
    happen();
    await clock.advance(LOOK_MS);
    expect(page.data[1]?.['nodes']).toBeUndefined();
    dump = whole;
    happen();
    await clock.advance(LOOK_MS);
    expect(page.data[2]?.['nodes']).toEqual({ isAll: true, list: whole.nodes });
  });

  it('keeps up as long as less than four megabytes wait for it', () => {
    const response = { writableLength: 0, writeHead: () => {}, write: () => {} };
    const stream = new EventStream(response as unknown as ServerResponse);
    response.writableLength = 4 * 2 ** 20 - 1;
    expect(stream.keepsUp).toBe(true);
    response.writableLength += 1;
    expect(stream.keepsUp).toBe(false);
  });
});

describe('secrets', () => {
  const secret = 'password=correct-horse-battery';
  const error = Object.assign(new Error(secret), { code: 'BOOT_FAILED', hint: 'h' }) as never;
  const of = { service: 'Quick', at: 0 };
  it.each<RuntimeEvent>([
    { type: 'boot-failed', error, at: 0 },
    { type: 'attempt-failed', ...of, attempt: 1, error, retryInMs: 1 },
    { type: 'crashed', ...of, error, failures: 1, restartInMs: 1 },
    { type: 'health-changed', ...of, from: 'healthy', to: 'unhealthy', reason: secret },
    { type: 'stop-started', reason: secret, at: 0 },
    { type: 'stop-failed', ...of, error },
    { type: 'fault', component: 'log', correlation: null, error, at: 0 },
  ])('of $type are in nothing that is shown', (event) => {
    const { view, emit } = pagesOf();
    emit(event);
    const { head, lanes, news } = view.overview();
    const shown = JSON.stringify([head.trouble, lanes, news]);
    expect(shown).toContain('password=[redacted]');
    expect(shown).not.toContain('correct-horse');
  });
});
