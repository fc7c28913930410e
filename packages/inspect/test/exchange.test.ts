/** Instances on one store, each with an inspector: what one shows of the others, and that nothing is kept when nobody looks. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { type App, createApp, Instances, KeyValueStore, MemoryStore, provideValue, service } from '@muster/core';
import { inspector } from '@muster/inspect';
import { look, Watcher } from './looker.ts';
import { muster } from './harness.ts';

jest.setTimeout(30_000);

class SharedStore extends MemoryStore {
  readonly isShared = true;
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
  const services = [provideValue(KeyValueStore, store), Instances, Orders, Database];
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
    const app = createApp({ services: [Orders, Database], inspect: made });
    apps.push(app);
    await app.start();
    const url = await made.begin();
    const { body } = await look(`${url}/muster/cluster.json`);
    expect((JSON.parse(body) as { instances?: unknown }).instances).toBeUndefined();
    expect((await look(`${url}/api/live?instance=other`)).status).toBe(404);
  });
});
