/** Instances on one store, each with an inspector: what one shows of the others, and that nothing is kept when nobody looks. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  type App,
  createApp,
  type DeliveryMark,
  EventLog,
  Instances,
  KeyValueStore,
  MemoryLog,
  MemoryStore,
  provideValue,
  type Service,
  service,
  systemClock,
  systemRandom,
} from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { inspector } from '@muster/inspect';
import { Exchange, type MarksRead } from '../src/live/exchange.ts';
import { look, Watcher } from './looker.ts';
import { muster } from './harness.ts';

jest.setTimeout(30_000);

class SharedStore extends MemoryStore {
  readonly isShared = true;
  /** Shared as well. */
  readonly log = new MemoryLog(systemClock, systemRandom, () => {});
}

@service()
class Database {}

@service({ dependsOn: [Database] })
class Orders {
  constructor(readonly database: Database) {}
}

const apps: App[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop()));
});

async function instance(store: SharedStore, looking = true) {
  const made = inspector({ port: 0 });
  const ports = [provideValue(KeyValueStore, store), provideValue(EventLog, store.log)];
  const services = [...ports, Instances, Orders, Database];
  const app = createApp({ services, ...(looking ? { inspect: made } : {}) });
  apps.push(app);
  await app.start();
  const url = looking ? await made.begin() : '';
  return { app, url, id: app.get(Instances).id, graph: app.graph().toJSON() };
}

const kept = async (store: SharedStore): Promise<string[]> => (await store.list('inspect/of/')).map(({ key }) => key);

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue()))
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

/** Those of two instances that know each other. @param marks of the second, in the stream `s` */
function exchanges(store: SharedStore, clock: FakeClock, marks: DeliveryMark[]): [Exchange, Exchange] {
  const ids = ['one', 'two'];
  return ids.map((id) => {
    const server = { marksOf: (stream: string) => (id === 'two' && stream === 's' ? marks : []) };
    const view = { overview: () => ({}), runs: { known: [] } };
    const instances = { id, others: () => ids.filter((other) => other !== id).map((other) => ({ id: other })) };
    const failed = (error: unknown): never => {
      throw error;
    };
    return new Exchange({ clock, server } as never, view as never, store, instances as never, failed);
  }) as [Exchange, Exchange];
}

/** What instances show, or say that they want, is written when a test lets it be. */
class SlowStore extends SharedStore {
  readonly waiting: (() => void)[] = [];
  readonly #slow: string;

  constructor(slow: 'inspect/of/' | 'inspect/want/') {
    super(() => {});
    this.#slow = slow;
  }

  override async create(...args: Parameters<SharedStore['create']>): ReturnType<SharedStore['create']> {
    if (args[0].startsWith(this.#slow)) await new Promise<void>((go) => this.waiting.push(go));
    return super.create(...args);
  }
}

describe('instances on one store', () => {
  it('show one another on the page of any of them, as long as somebody looks', async () => {
    const store = new SharedStore(() => {});
    const [one, two] = [await instance(store), await instance(store)];
    await using own = await Watcher.of(`${one.url}/api/live`);
    const { instances } = await own.overview();
    expect(instances.map(({ id, isSelf }) => [id, isSelf])).toEqual([
      [one.id, true],
      [two.id, false],
    ]);
    expect(await kept(store)).toEqual([]);
    {
      await using other = await Watcher.of(`${one.url}/api/live?instance=${two.id}`);
      const { head, graph } = await other.overview();
      expect([head.id, graph.state, graph.nodes.length]).toEqual([two.id, 'running', two.graph.nodes.length]);
      expect((await kept(store)).sort()).toEqual([`inspect/of/${one.id}`, `inspect/of/${two.id}`].sort());
      two.app.restart('Database');
      await other.until((said) => {
        if (said.event !== 'overview') return undefined;
        return said.data.graph.nodes.find(({ id, generation }) => id === 'Database' && generation === 2);
      });
    }
    expect((await look(`${one.url}/api/live?instance=nobody`)).status).toBe(404);
    await two.app.stop();
    await until(async () => !(await kept(store)).includes(`inspect/of/${two.id}`));
  });

  it('show the boot of one as well, from the moment in which others know it', async () => {
    const store = new SharedStore(() => {});
    const one = await instance(store);
    let goOn!: () => void;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    @service({ dependsOn: [Instances] })
    class Slow implements Service {
      constructor(readonly instances: Instances) {}
      async start(): Promise<void> {
        await held;
      }
    }
    const made = inspector({ port: 0 });
    const app = createApp({ services: [provideValue(KeyValueStore, store), Instances, Slow], inspect: made });
    apps.push(app);
    const starting = app.start();
    await using own = await Watcher.of(`${one.url}/api/live`);
    const booting = await own.until((said) =>
      said.event === 'events' ? undefined : said.data.instances?.find(({ isSelf }) => !isSelf),
    );
    await using other = await Watcher.of(`${one.url}/api/live?instance=${booting.id}`);
    const { graph } = await other.overview();
    expect([graph.state, graph.gate.blockedBy]).toEqual(['starting', ['Slow']]);
    goOn();
    await other.until((said) => (said.event === 'overview' && said.data.graph.state === 'running' ? true : undefined));
    await starting;
  });

  it('show which of their sockets got the events of a run, while somebody looks at it', async () => {
    const store = new SharedStore(() => {});
    const clock = new FakeClock();
    const mark = (n: number, to: number): DeliveryMark => ({ n, kind: 'sent', connection: 'c', from: to, to, at: 0 });
    const marks: DeliveryMark[] = [mark(1, 1), mark(2, 2), mark(3, 3)];
    const [one, two] = exchanges(store, clock, marks);
    const pass = async (ms: number): Promise<void> => {
      await clock.advance(ms);
      // Compressing takes turns of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    };
    const read: MarksRead = new Map();
    const numbers = async (top: number): Promise<number[]> => (await one.marksOf('s', read, top)).map(({ n }) => n);
    const stop = one.lookAt('s');
    await until(async () => (await one.shown('two')) !== undefined);
    // What the log here does not have yet comes later, and nothing twice.
    expect([await numbers(2), await numbers(2), await numbers(3), await numbers(3)]).toEqual([[1, 2], [], [3], []]);
    marks.push(mark(4, 4));
    // A write that is under way may be the last that does not know of it.
    await until(async () => {
      await pass(1_000);
      return (await one.shown('two'))?.marks['s']?.length === 4;
    });
    expect([await numbers(4), await numbers(4)]).toEqual([[4], []]);
    stop();
    await until(async () => (await store.list('inspect/want/')).length === 0);
    await until(async () => {
      await pass(11_000);
      return (await kept(store)).length === 0;
    });
    await Promise.all([one.close(), two.close()]);
  });

  it('show the events of a run at any of them, whichever carries it', async () => {
    const store = new SharedStore(() => {});
    const [one, two] = [await instance(store), await instance(store)];
    const of = { id: 'r:1', run: 'r', agent: 'guide', at: 0 };
    await store.log.append('s', [
      { ...of, n: 1, event: 'agent_started', data: { message: 'hi' } },
      { ...of, n: 2, event: 'agent_completed', data: { status: 'success', by: 'agent' } },
    ] as never);
    const about = { agent: 'guide', user: 'ann', thread: 't', parent: null, connection: null, isResumed: false, at: 0 };
    two.app.events.emit({ type: 'run-begun', run: 'r', stream: 's', offset: 1, ...about });
    const { code, stdout } = await muster(['events', one.url, '--run', 'r', '--json']);
    expect(code).toBe(0);
    const { run, events } = JSON.parse(stdout) as { run: string; events: { event: string }[] };
    expect([run, ...events.map(({ event }) => event)]).toEqual(['r', 'agent_started', 'agent_completed']);
    expect((await look(`${one.url}/api/runs/other`)).status).toBe(404);
  });

  it('leave nothing behind where the store is slow', async () => {
    const slow = new SlowStore('inspect/of/');
    const clock = new FakeClock();
    const [one, two] = exchanges(slow, clock, []);
    const stop = one.look();
    await until(() => slow.waiting.length === 2);
    stop();
    await clock.advance(20_000);
    expect(await kept(slow)).toEqual([]);
    for (const go of slow.waiting.splice(0)) go();
    await until(async () => (await kept(slow)).length === 2);
    await until(async () => {
      await clock.advance(1_000);
      for (const go of slow.waiting.splice(0)) go();
      return (await kept(slow)).length === 0 && (await slow.list('inspect/want/')).length === 0;
    });
    await Promise.all([one.close(), two.close()]);
  });

  it('show themselves for some seconds after the last look, and nothing is kept then', async () => {
    const store = new SharedStore(() => {});
    const clock = new FakeClock();
    const [one, two] = exchanges(store, clock, []);
    const stop = one.look();
    await until(async () => (await kept(store)).length === 2);
    stop();
    /** Whoever shows itself has a timer but for the turns in which it writes. */
    const isWriting = async (): Promise<boolean> => clock.pending < (await kept(store)).length;
    const pass = async (seconds: number): Promise<void> => {
      for (let n = 0; n < seconds; n += 1) {
        await clock.advance(1_000);
        for (let turn = 0; turn < 10_000 && (await isWriting()); turn += 1)
          await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await pass(5);
    expect(await kept(store)).toHaveLength(2);
    await pass(10);
    expect([await kept(store), await store.list('inspect/want/'), clock.pending]).toEqual([[], [], 0]);
    await Promise.all([one.close(), two.close()]);
  });

  it('take away what one has left that is gone', async () => {
    const store = new SharedStore(() => {});
    await store.create('inspect/of/gone', { zip: '' });
    await store.create('inspect/want/gone', { streams: [] });
    const [one, two] = exchanges(store, new FakeClock(), []);
    const stop = one.look();
    await until(async () => (await kept(store)).includes('inspect/of/two'));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect((await store.list('inspect/')).filter(({ key }) => key.endsWith('gone'))).toEqual([]);
    stop();
    await Promise.all([one.close(), two.close()]);
  });

  it('want nothing any more when nobody looks, also where the store is slow', async () => {
    const slow = new SlowStore('inspect/want/');
    const [one, two] = exchanges(slow, new FakeClock(), []);
    const stop = one.look();
    await until(() => slow.waiting.length === 1);
    stop();
    slow.waiting[0]?.();
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await slow.list('inspect/want/')).toEqual([]);
    await Promise.all([one.close(), two.close()]);
  });

  it('take what they show with them, also what is being written', async () => {
    const slow = new SlowStore('inspect/of/');
    const [one, two] = exchanges(slow, new FakeClock(), []);
    one.look();
    await until(() => slow.waiting.length === 2);
    const closed = Promise.all([one.close(), two.close()]);
    for (const go of slow.waiting.splice(0)) go();
    await closed;
    expect(await slow.list('inspect/')).toEqual([]);
  });

  it('give one graph of all of them, to the command line as well', async () => {
    const store = new SharedStore(() => {});
    const [one, two, blind] = [await instance(store), await instance(store), await instance(store, false)];
    const { body } = await look(`${two.url}/muster/cluster.json`);
    const merged = JSON.parse(body) as typeof one.graph;
    expect(merged.instances?.map(({ id }) => id).sort()).toEqual([one.id.slice(0, 8), two.id.slice(0, 8)].sort());
    expect(merged.nodes.filter(({ id }) => id.endsWith('Orders'))).toHaveLength(2);
    expect(body).not.toContain(blind.id.slice(0, 8));
    await blind.app.stop();
    const [single, all] = await Promise.all([muster(['graph', one.url]), muster(['graph', one.url, '--cluster'])]);
    expect(single.stdout).not.toContain('instance ');
    expect(all.stdout.match(/^instance \S+: running, gate open$/gm)).toHaveLength(2);
  });

  it('show only itself where the store is its own', async () => {
    const made = inspector({ port: 0 });
    const app = createApp({ services: [Instances, Orders, Database], inspect: made });
    apps.push(app);
    await app.start();
    const url = await made.begin();
    const { body } = await look(`${url}/muster/cluster.json`);
    expect((JSON.parse(body) as { instances?: unknown }).instances).toBeUndefined();
    expect((await look(`${url}/api/live?instance=other`)).status).toBe(404);
  });
});
