/**
 * What is known of the instance that is shown, as signals: one for each service, so that a change redraws what has changed.
 *
 * `shape` is a new object only when nodes or edges come, go or turn: whoever lays out the graph listens to nothing else.
 */
import { batch, computed, type Signal, signal } from '@preact/signals';
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';
import type {
  Boot,
  Change,
  ConnectionsView,
  DeliveryAccount,
  GateLine,
  InstanceHead,
  InstanceLine,
  Lane,
  NewsLine,
  Overview,
  RunLine,
} from '../../src/live/overview.ts';
import { standingOf } from '../standing.ts';

/** All of the dump but its nodes and edges. */
export type GraphTop = Omit<GraphDump, 'nodes' | 'edges'>;

/** Who there is and who needs whom. */
export interface Shape {
  readonly ids: readonly string[];
  readonly edges: readonly DumpEdge[];
}

const LATEST_RUNS = 200;
const LATEST_NEWS = 300;

/** Signals by name; `revision` counts what has happened to any of them. */
class Table<T> {
  readonly revision = signal(0);
  readonly #rows = new Map<string, Signal<T>>();

  /** The signal of one row; `undefined` when there is none. */
  row(id: string): Signal<T> | undefined {
    return this.#rows.get(id);
  }

  /** The row as it is now, without listening. */
  peek(id: string): T | undefined {
    return this.#rows.get(id)?.peek();
  }

  /** All rows; whoever asks in a computed signal is told of every change. */
  all(): T[] {
    void this.revision.value;
    return [...this.#rows.values()].map((row) => row.peek());
  }

  /** Returns whether a row has come or gone. */
  put(rows: readonly T[], idOf: (row: T) => string, isAll: boolean): boolean {
    let changed = false;
    for (const row of rows) {
      const known = this.#rows.get(idOf(row));
      if (known === undefined) {
        this.#rows.set(idOf(row), signal(row));
        changed = true;
      } else known.value = row;
    }
    if (isAll && this.#rows.size !== rows.length) {
      const kept = new Set(rows.map(idOf));
      for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
      changed = true;
    }
    this.revision.value += 1;
    return changed;
  }
}

const nodeId = ({ id }: { readonly id: string }): string => id;

export class Backend {
  readonly head = signal<InstanceHead | null>(null);
  readonly graph = signal<GraphTop | null>(null);
  readonly shape = signal<Shape>({ ids: [], edges: [] });
  /** With what was released when; its objects change all through a boot. */
  readonly edges = signal<readonly DumpEdge[]>([]);
  readonly nodes = new Table<DumpNode>();
  readonly lanes = new Table<Lane>();
  readonly boot = signal<Boot>({ startedAt: null, endedAt: null, gateOpenedAt: null });
  readonly gates = signal<readonly GateLine[]>([]);
  readonly connections = signal<ConnectionsView>({ total: 0, users: 0, byState: {}, latest: [] });
  readonly runs = signal<readonly RunLine[]>([]);
  readonly delivery = signal<DeliveryAccount | null>(null);
  readonly news = signal<readonly NewsLine[]>([]);
  readonly instances = signal<readonly InstanceLine[]>([]);
  readonly payloads = signal(false);

  /** How many services there are of each tone, and are up: a degraded one is, too. Values and what is made per use have none. */
  readonly census = computed(() => {
    const found = { total: 0, good: 0, busy: 0, idle: 0, warn: 0, bad: 0, up: 0, failed: 0 };
    for (const node of this.nodes.all()) {
      if (node.kind !== 'service' && node.kind !== 'task') continue;
      found.total += 1;
      const { tone } = standingOf(node);
      found[tone] += 1;
      if (tone === 'good' || tone === 'warn') found.up += 1;
      if (node.phase === 'failed' || node.phase === 'backoff') found.failed += 1;
    }
    return found;
  });

  /** What keeps others from being ready though nothing that it needs is unready. */
  readonly rootCauses = computed<ReadonlySet<string>>(() => {
    const causes = this.#findCauses();
    // The same set as long as the same are in it: a thousand nodes look at it.
    if (causes.size !== this.#causes.size || [...causes].some((id) => !this.#causes.has(id))) this.#causes = causes;
    return this.#causes;
  });
  #causes: ReadonlySet<string> = new Set();

  readonly liveRuns = computed(() => this.runs.value.filter(({ state }) => state !== 'completed').length);

  readonly isBooting = computed(() => this.graph.value?.state === 'starting');

  #findCauses(): Set<string> {
    const causes = new Set<string>();
    for (const { id, phase, health, blockedBy } of this.nodes.all()) {
      const { tone } = standingOf({ phase, health });
      if (tone === 'bad' && (blockedBy.length === 0 || blockedBy.includes(id))) causes.add(id);
    }
    if (this.graph.value?.state === 'failed') return causes;
    for (const id of this.graph.value?.gate.blockedBy ?? []) causes.add(id);
    return causes;
  }

  /** Replaces everything. */
  begin(overview: Overview): void {
    const { nodes, edges, ...top } = overview.graph;
    batch(() => {
      this.lanes.put(overview.lanes, nodeId, true);
      this.runs.value = overview.runs;
      this.news.value = overview.news;
      this.delivery.value = overview.delivery;
      this.payloads.value = overview.payloads;
      this.#take({
        ...overview,
        graph: top,
        nodes: { isAll: true, list: nodes },
        edges,
        lanes: [],
        runs: [],
        news: [],
      });
    });
  }

  /** Takes over what has changed, in one step: nobody sees half of it. */
  apply(change: Change): void {
    batch(() => this.#take(change));
  }

  #take({ head, graph, nodes, edges, boot, lanes, gates, connections, runs, delivery, news, instances }: Change): void {
    if (head !== undefined) this.head.value = head;
    if (graph !== undefined) this.graph.value = graph;
    if (boot !== undefined) this.boot.value = boot;
    if (gates !== undefined) this.gates.value = gates;
    if (connections !== undefined) this.connections.value = connections;
    if (delivery !== undefined) this.delivery.value = delivery;
    if (instances !== undefined) this.instances.value = instances;
    if (lanes !== undefined && lanes.length > 0) this.lanes.put(lanes, nodeId, false);
    if (runs !== undefined && runs.length > 0) this.runs.value = newestFirst(this.runs.peek(), runs);
    if (news !== undefined && news.length > 0) this.news.value = appended(this.news.peek(), news);
    this.#reshape(nodes, edges);
  }

  #reshape(nodes: Change['nodes'], edges: Change['edges']): void {
    const others = nodes !== undefined && this.nodes.put(nodes.list, nodeId, nodes.isAll);
    const turned = edges !== undefined && !sameEdges(this.shape.peek().edges, edges);
    if (edges !== undefined) this.edges.value = edges;
    if (others || turned) {
      const ids = this.nodes.all().map(nodeId);
      this.shape.value = { ids, edges: edges ?? this.shape.peek().edges };
    }
  }
}

/** Two lists that draw the same lines; when an edge was released changes nothing in the picture. */
function sameEdges(a: readonly DumpEdge[], b: readonly DumpEdge[]): boolean {
  return (
    a.length === b.length &&
    a.every((edge, at) => {
      const other = b[at] as DumpEdge;
      return edge.from === other.from && edge.to === other.to && edge.kind === other.kind && edge.need === other.need;
    })
  );
}

function newestFirst(known: readonly RunLine[], changed: readonly RunLine[]): RunLine[] {
  const byName = new Map(known.map((line) => [line.run, line]));
  for (const line of changed) byName.set(line.run, line);
  return [...byName.values()].sort((a, b) => b.at - a.at).slice(0, LATEST_RUNS);
}

function appended(known: readonly NewsLine[], more: readonly NewsLine[]): NewsLine[] {
  const last = known.at(-1)?.n ?? -Infinity;
  return [...known, ...more.filter(({ n }) => n > last)].slice(-LATEST_NEWS);
}

/** The one that the page shows. */
export const backend = new Backend();
