/**
 * The dump: what was, is and will be, as one JSON document with a stable shape.
 *
 * Nodes stand in plan order and edges are sorted, so that two dumps of one state are equal byte for byte.
 */
import type { GraphNode, GraphProblem, NodeKind, ServiceGraph } from './service-graph.ts';
import type { StartPlan } from './start-plan.ts';

/** What the lifecycle knows of one node. All times in milliseconds; `null` until known. */
export interface NodeState {
  readonly phase: string;
  readonly health: string;
  /** Why it is not healthy or not up. */
  readonly reason: string | null;
  readonly generation: number;
  readonly attempts: number;
  /** From the start of the boot until all it needs was healthy. */
  readonly waitMs: number | null;
  /** Of the attempt that succeeded. */
  readonly startMs: number | null;
  /** From the end of `start()` to the first healthy check. */
  readonly checkMs: number | null;
  /** The last thing that `start()` said. */
  readonly progress: string | null;
  /** Root causes only: what is not ready though nothing it needs is unready. */
  readonly blockedBy: readonly string[];
}

/** One node of the dump. */
export interface DumpNode extends NodeState {
  readonly id: string;
  readonly kind: NodeKind;
  readonly tokens: readonly string[];
  readonly declaredAt: string | null;
  readonly rank: number;
  readonly needs: readonly string[];
  readonly onCriticalPath: boolean;
}

/** The whole document. */
export interface GraphDump {
  readonly format: 'muster.graph/1';
  readonly state: string;
  readonly gate: { readonly state: string; readonly blockedBy: readonly string[] };
  /** How long the boot took; `null` before it ended. */
  readonly wallMs: number | null;
  readonly criticalPath: { readonly nodes: readonly string[]; readonly ms: number };
  readonly nodes: readonly DumpNode[];
  readonly problems: readonly GraphProblem[];
}

/** What a node without a lifecycle shows. */
export const AT_REST: NodeState = {
  phase: '-',
  health: '-',
  reason: null,
  generation: 0,
  attempts: 0,
  waitMs: null,
  startMs: null,
  checkMs: null,
  progress: null,
  blockedBy: [],
};

/** Puts graph, plan and state together. */
export function dumpGraph(
  graph: ServiceGraph,
  plan: StartPlan,
  app: { state: string; gate: { state: string; blockedBy: readonly string[] }; wallMs: number | null },
  stateOf: (id: string) => NodeState | undefined,
): GraphDump {
  const placed = new Set(plan.order.map((node) => node.id));
  const ordered = [...plan.order, ...graph.nodes.filter((node) => !placed.has(node.id))];
  const states = new Map(ordered.map((node) => [node.id, stateOf(node.id) ?? AT_REST]));
  const path = criticalPath(plan.order, states);
  const critical = new Set(path.nodes);
  return {
    format: 'muster.graph/1',
    state: app.state,
    gate: app.gate,
    wallMs: app.wallMs,
    criticalPath: path,
    nodes: ordered.map((node) => ({
      id: node.id,
      kind: node.kind,
      tokens: node.tokens,
      declaredAt: node.declaredAt ?? null,
      rank: plan.rank.get(node.id) ?? -1,
      needs: node.needs,
      onCriticalPath: critical.has(node.id),
      ...(states.get(node.id) as NodeState),
    })),
    problems: graph.problems,
  };
}

/** The chain of nodes whose own times add up to the most: what the boot cannot be shorter than. */
function criticalPath(
  order: readonly GraphNode[],
  states: ReadonlyMap<string, NodeState>,
): { nodes: string[]; ms: number } {
  const longest = new Map<string, { ms: number; via: string | undefined }>();
  let end: { id: string; ms: number } | undefined;
  for (const node of order) {
    let via: string | undefined;
    let before = 0;
    for (const need of node.needs) {
      const known = longest.get(need)?.ms ?? 0;
      if (known > before) {
        before = known;
        via = need;
      }
    }
    const state = states.get(node.id);
    const ms = before + (state?.startMs ?? 0) + (state?.checkMs ?? 0);
    longest.set(node.id, { ms, via });
    if (ms > (end?.ms ?? 0)) end = { id: node.id, ms };
  }
  const nodes: string[] = [];
  for (let id = end?.id; id !== undefined; id = longest.get(id)?.via) nodes.push(id);
  return { nodes: nodes.reverse(), ms: end?.ms ?? 0 };
}
