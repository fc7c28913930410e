/** Compares each look at an app with the one before, so that only what is otherwise travels to the pages. */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';
import type { InspectedApp } from '@muster/core';
import { lasting, type LiveView } from './live-view.ts';
import type { Change, Overview } from './overview.ts';

/** Parts that are compared as texts. */
const WHOLE = ['head', 'boot', 'gates', 'connections', 'delivery', 'instances'] as const;
type Whole = (typeof WHOLE)[number];
/** Looks between two at what changes all the time and nobody waits for. */
const SLOW = 3;
/** Looks between two at the graph where nothing has happened to it: ages and counts in it go on. */
const IDLE = 5;

export class Changes {
  readonly #app: InspectedApp;
  readonly #view: LiveView;
  readonly #texts = new Map<Whole | 'graph' | 'edges', string>();
  /** Texts of all nodes; made with the first comparison, because whoever has just been shown all of it waits for nothing. */
  #nodes: Map<string, string> | undefined;
  #news: number;
  #graph: GraphDump;
  #version: number;
  #looks = 0;

  /** @param seen what whoever is told of changes has. */
  constructor(app: InspectedApp, view: LiveView, seen: Overview) {
    this.#app = app;
    this.#view = view;
    this.#news = seen.news.at(-1)?.n ?? 0;
    this.#graph = seen.graph;
    this.#version = view.version;
    for (const part of WHOLE) this.#isNew(part, seen[part]);
    // All that has come so far is in what has been seen.
    view.pieces(seen.graph, this.#news);
  }

  /** What has changed since the last call; undefined where nothing has. */
  take(): Change | undefined {
    this.#looks += 1;
    const view = this.#view;
    const change: Record<string, unknown> = this.#graphChange();
    const graph = this.#graph;
    const parts: Partial<Record<Whole, unknown>> = {
      head: view.head(graph),
      boot: view.boot,
      gates: view.gates(graph),
      ...(this.#looks % SLOW === 0
        ? { connections: view.connections(), delivery: view.delivery, instances: view.instances() }
        : {}),
    };
    for (const part of WHOLE) if (part in parts && this.#isNew(part, parts[part])) change[part] = parts[part];
    const pieces = view.pieces(graph, this.#news);
    this.#news = pieces.news.at(-1)?.n ?? this.#news;
    for (const [part, list] of Object.entries(pieces)) if (list.length > 0) change[part] = list;
    if (Object.keys(change).length === 0) return undefined;
    return { at: this.#app.clock.now(), ...change };
  }

  /** The graph is looked at where something has happened to it. */
  #graphChange(): Record<string, unknown> {
    const { version } = this.#view;
    if (version === this.#version && this.#looks % IDLE !== 0) return {};
    this.#version = version;
    if (this.#nodes === undefined) this.#compareFrom(this.#graph);
    this.#graph = this.#app.graph().toJSON();
    const { nodes, edges, ...graph } = this.#graph;
    return { ...(this.#isNew('graph', graph) ? { graph } : {}), ...this.#nodesOf(nodes), ...this.#edgesOf(edges) };
  }

  #compareFrom({ nodes, edges, ...graph }: GraphDump): void {
    this.#isNew('graph', graph);
    this.#isNew('edges', edges);
    this.#nodes = new Map(nodes.map((node) => [node.id, lasting(node)]));
  }

  #nodesOf(nodes: readonly DumpNode[]): Pick<Change, 'nodes'> {
    const before = this.#nodes ?? new Map<string, string>();
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
