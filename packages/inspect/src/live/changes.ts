/** Compares each look at an app with the one before, so that only what is otherwise travels to the pages. */
import type { DumpEdge, DumpNode } from '@muster/contracts';
import type { InspectedApp } from '@muster/core';
import { lasting, type LiveView } from './live-view.ts';
import type { Change, Overview } from './overview.ts';

/** Parts that are compared as texts. */
const WHOLE = ['head', 'boot', 'gates', 'connections', 'delivery', 'instances'] as const;
type Whole = (typeof WHOLE)[number];

export class Changes {
  readonly #app: InspectedApp;
  readonly #view: LiveView;
  readonly #texts = new Map<Whole | 'graph' | 'edges', string>();
  #nodes = new Map<string, string>();
  #news: number;

  /** @param seen what whoever is told of changes has. */
  constructor(app: InspectedApp, view: LiveView, seen: Overview) {
    this.#app = app;
    this.#view = view;
    this.#news = seen.news.at(-1)?.n ?? 0;
    for (const part of WHOLE) this.#isNew(part, seen[part]);
    const { nodes, edges, ...graph } = seen.graph;
    this.#isNew('graph', graph);
    this.#isNew('edges', edges);
    this.#nodes = new Map(nodes.map((node) => [node.id, lasting(node)]));
    // All that has come so far is in what has been seen.
    view.pieces(seen.graph, this.#news);
  }

  /** What has changed since the last call; undefined where nothing has. */
  take(): Change | undefined {
    const graph = this.#app.graph().toJSON();
    const view = this.#view;
    const change: Record<string, unknown> = {};
    const { nodes, edges, ...rest } = graph;
    if (this.#isNew('graph', rest)) change['graph'] = rest;
    Object.assign(change, this.#nodesOf(nodes), this.#edgesOf(edges));
    const parts: Record<Whole, unknown> = {
      head: view.head(graph),
      boot: view.boot,
      gates: view.gates(graph),
      connections: view.connections(),
      delivery: view.delivery,
      instances: view.instances(),
    };
    for (const part of WHOLE) if (this.#isNew(part, parts[part])) change[part] = parts[part];
    const pieces = view.pieces(graph, this.#news);
    this.#news = pieces.news.at(-1)?.n ?? this.#news;
    for (const [part, list] of Object.entries(pieces)) if (list.length > 0) change[part] = list;
    if (Object.keys(change).length === 0) return undefined;
    return { at: this.#app.clock.now(), ...change };
  }

  #nodesOf(nodes: readonly DumpNode[]): Pick<Change, 'nodes'> {
    const before = this.#nodes;
    const now = new Map(nodes.map((node) => [node.id, lasting(node)]));
    this.#nodes = now;
    const list = nodes.filter(({ id }) => before.get(id) !== now.get(id));
    const isAll = [...before.keys()].some((id) => !now.has(id));
    if (isAll) return { nodes: { isAll, list: nodes } };
    return list.length === 0 ? {} : { nodes: { isAll, list } };
  }

  #edgesOf(edges: readonly DumpEdge[]): Pick<Change, 'edges'> {
    return this.#isNew('edges', edges) ? { edges } : {};
  }

  #isNew(part: Whole | 'graph' | 'edges', value: unknown): boolean {
    const text = JSON.stringify(value);
    if (this.#texts.get(part) === text) return false;
    this.#texts.set(part, text);
    return true;
  }
}
