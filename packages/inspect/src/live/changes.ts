/** Compares each look at an app with the one before, so that only what is otherwise travels to the pages. */
import type { DumpNode, GraphDump } from '@muster/contracts';
import type { InspectedApp } from '@muster/core';
import { lasting, type LiveView } from './live-view.ts';
import type { Change, Overview } from './overview.ts';

/** Parts that are compared as texts. */
const WHOLE = ['head', 'boot', 'gates', 'connections', 'delivery', 'instances'] as const;
type Whole = (typeof WHOLE)[number];
/** Parts that are told piece by piece. */
const PIECES = ['lanes', 'runs', 'news'] as const;
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
    for (const part of WHOLE) this.#newly(part, seen[part]);
    // All that has come so far is in what has been seen.
    view.pieces(seen.graph, this.#news);
  }

  /** What has changed since the last call, a `Change` as JSON text; undefined where nothing has. */
  take(): string | undefined {
    this.#looks += 1;
    const view = this.#view;
    const changed = this.#graphChange();
    const graph = this.#graph;
    const parts: Partial<Record<Whole, unknown>> = {
      head: view.head(graph),
      boot: view.boot,
      gates: view.gates(graph),
      ...(this.#looks % SLOW === 0
        ? { connections: view.connections(), delivery: view.delivery, instances: view.instances() }
        : {}),
    };
    for (const part of WHOLE) if (part in parts) changed.push(...this.#newly(part, parts[part]));
    const pieces = view.pieces(graph, this.#news);
    this.#news = pieces.news.at(-1)?.n ?? this.#news;
    for (const part of PIECES) if (pieces[part].length > 0) changed.push(told(part, pieces[part]));
    return changed.length === 0 ? undefined : `{"at":${this.#app.clock.now()},${changed.join()}}`;
  }

  /** The graph is looked at where something has happened to it. */
  #graphChange(): string[] {
    const { version } = this.#view;
    if (version === this.#version && this.#looks % IDLE !== 0) return [];
    this.#version = version;
    if (this.#nodes === undefined) this.#compareFrom(this.#graph);
    this.#graph = this.#app.graph().toJSON();
    const { nodes, edges, ...graph } = this.#graph;
    return [...this.#newly('graph', graph), ...this.#nodesOf(nodes), ...this.#newly('edges', edges)];
  }

  #compareFrom({ nodes, edges, ...graph }: GraphDump): void {
    this.#newly('graph', graph);
    this.#newly('edges', edges);
    this.#nodes = new Map(nodes.map((node) => [node.id, lasting(node)]));
  }

  #nodesOf(nodes: readonly DumpNode[]): string[] {
    const before = this.#nodes ?? new Map<string, string>();
    const now = new Map(nodes.map((node) => [node.id, lasting(node)]));
    this.#nodes = now;
    const isAll = [...before.keys()].some((id) => !now.has(id));
    const list = isAll ? nodes : nodes.filter(({ id }) => before.get(id) !== now.get(id));
    return list.length === 0 && !isAll ? [] : [told('nodes', { isAll, list } satisfies Change['nodes'])];
  }

  /** Nothing where it is as it was. */
  #newly(part: Whole | 'graph' | 'edges', value: unknown): string[] {
    const text = told(part, value);
    if (this.#texts.get(part) === text) return [];
    this.#texts.set(part, text);
    return [text];
  }
}

/** One part of a change; the texts by which parts are compared are what travels, so that each is made once. */
function told(part: keyof Change, value: unknown): string {
  return `"${part}":${JSON.stringify(value)}`;
}
