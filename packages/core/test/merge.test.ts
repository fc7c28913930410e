/** The graphs of several instances as one. */
import { describe, expect, it } from '@jest/globals';
import { type GraphDump, parseGraphDump } from '@muster/contracts';
import { GraphView, Instances, mergeGraphs, provide, remote, type RemoteService, service, token } from '@muster/core';
import { cluster, instanceOn } from './cluster.ts';

const Mail = token<{ send(): void }>('Mail');

@service()
class Mailer {
  send(): void {}
}

@service({ dependsOn: [remote(Mail)] })
class Shop {
  constructor(_: RemoteService) {}
}

async function merged(): Promise<GraphDump> {
  const shared = cluster();
  const post = instanceOn(shared, [provide(Mail, Mailer), Instances]);
  await post.app.start();
  await shared.clock.advance(1_000);
  const shop = instanceOn(shared, [Shop]);
  await shop.app.start();
  const dumps = [post, shop].map(({ app }) => app.graph().toJSON());
  expect(dumps.map(({ instance }) => instance)).toEqual([post.app.get(Instances).id, shop.app.get(Instances).id]);
  const [one, other] = dumps as [GraphDump, GraphDump];
  await post.stop();
  await shared.clock.advance(10_000);
  const late = shop.app.graph().toJSON();
  await shop.stop();
  expect(
    mergeGraphs(
      new Map([
        ['post', one],
        ['shop', late],
      ]),
    ).gate,
  ).toEqual({ state: 'mixed', blockedBy: ['shop/remote(Mail)'] });
  // In whatever order they come.
  return mergeGraphs(
    new Map([
      ['shop', other],
      ['post', one],
    ]),
  );
}

describe('a merged graph', () => {
  it('has the nodes of all under the names of their instances, and edges from one to another', async () => {
    const graph = await merged();
    expect(parseGraphDump(JSON.stringify(graph))).toEqual(JSON.parse(JSON.stringify(graph)));
    expect(graph.instances).toEqual([
      { id: 'post', state: 'running', gate: 'open', wallMs: 0 },
      { id: 'shop', state: 'running', gate: 'open', wallMs: 0 },
    ]);
    expect(graph.gate).toEqual({ state: 'open', blockedBy: [] });
    expect(graph.edges.filter(({ source }) => source === 'remote')).toMatchObject([
      { from: 'shop/remote(Mail)', to: 'post/Mailer', need: 'optional' },
    ]);
    expect(graph.edges).toContainEqual(expect.objectContaining({ from: 'shop/Shop', to: 'shop/remote(Mail)' }));
  });

  it('is shown like any other', async () => {
    const view = new GraphView(await merged());
    const lines = String(view).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining(['instance post: running, gate open', 'instance shop: running, gate open']),
    );
    expect(String(view)).toMatch(
      /shop\/Shop .*\n.*shop\/remote\(Mail\) [^\n]*\n(?:.*\n)?.*\(remote\) ● post\/Mailer \(Mail\)/,
    );
    expect(view.toMermaid()).toContain('post/Mailer');
    expect(view.toDot()).toContain('"post/Mailer" -> "shop/remote(Mail)"');
    expect(view.node('post/Mailer').needs).toEqual([]);
    expect(view.node('shop/remote(Mail)').needs).toContain('post/Mailer');
  });
});
