/**
 * Puts graph, plan and state together into the dump.
 *
 * Nodes stand in plan order and edges are sorted, so that two dumps of one state are equal byte for byte.
 */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';
import type { BudgetReport } from './budgets.ts';
import { type Costs, criticalPath, slackOf } from './critical-path.ts';
import type { GraphNode } from './graph-node.ts';
import type { ServiceGraph } from './service-graph.ts';
import { sortProblems } from './service-graph.ts';
import type { StartPlan } from './start-plan.ts';

/** What the lifecycle knows of one node. */
export type NodeState = Pick<
  DumpNode,
  | 'phase'
  | 'health'
  | 'sinceMs'
  | 'nextAttemptInMs'
  | 'healthAgeMs'
  | 'reason'
  | 'degradedBy'
  | 'desired'
  | 'job'
  | 'generation'
  | 'attempts'
  | 'waitMs'
  | 'startMs'
  | 'checkMs'
  | 'hookMs'
  | 'progress'
  | 'blockedBy'
  | 'deepCheck'
  | 'differsFrom'
>;

/** A state that its maker may still complete. */
export type NodeSnapshot = { -readonly [K in keyof NodeState]: NodeState[K] };

/** What a node without a lifecycle shows. */
export const AT_REST: NodeState = {
  phase: '-',
  health: '-',
  healthAgeMs: null,
  reason: null,
  degradedBy: [],
  desired: null,
  job: null,
  generation: 0,
  attempts: 0,
  waitMs: null,
  startMs: null,
  checkMs: null,
  hookMs: null,
  progress: null,
  blockedBy: [],
};

/** The app as a whole. */
export interface AppView {
  readonly state: GraphDump['state'];
  readonly gate: GraphDump['gate'];
  readonly wallMs: number | null;
  /** Under which others know this instance. */
  readonly instance?: string | undefined;
  /** The critical path of the boot, once that is over; else it is that of the times so far. */
  readonly bootIdealMs: number | undefined;
  readonly budgets: BudgetReport;
  /** What is open now; absent when nothing is. */
  readonly scopes?: GraphDump['scopes'];
  /** Of the app's server. */
  readonly limits?: GraphDump['limits'];
  stateOf(id: string): NodeState | undefined;
  /** When an edge was first satisfied, from the start of the boot on. */
  releasedAt(from: string, to: string): number | null;
}

export function dumpGraph(graph: ServiceGraph, plan: StartPlan, app: AppView): GraphDump {
  const unplaced = graph.nodes.filter((node) => node.rank < 0);
  const ordered = [...plan.order, ...unplaced];
  const states = new Map(ordered.map((node) => [node.id, app.stateOf(node.id) ?? AT_REST]));
  const costs: Costs = ({ id }) => {
    const state = states.get(id);
    return (state?.startMs ?? 0) + (state?.checkMs ?? 0) + (state?.hookMs ?? 0);
  };
  const path = criticalPath(plan.order, costs);
  const slack = slackOf(plan.order, costs, path.ms);
  const critical = new Set(path.nodes);
  const idealMs = app.bootIdealMs ?? path.ms;
  return {
    format: 'muster.graph/1',
    state: app.state,
    gate: app.gate,
    ...(app.instance === undefined ? {} : { instance: app.instance }),
    wallMs: app.wallMs,
    idealMs,
    parallelEfficiency: app.state === 'failed' || !app.wallMs ? null : round(idealMs / app.wallMs),
    criticalPath: path,
    budgets: app.budgets.verdicts,
    ...(app.scopes === undefined ? {} : { scopes: app.scopes }),
    ...(app.limits === undefined ? {} : { limits: app.limits }),
    nodes: ordered.map((node) => dumpNode(node, states.get(node.id) as NodeState, slack, critical)),
    edges: graph.nodes.flatMap((node) => edgesOf(node, app)),
    problems: sortProblems([...graph.problems, ...app.budgets.problems]),
    notes: sortProblems(app.budgets.notes),
  };
}

/** Written out field by field: spreading objects of thirty fields costs ten times as much. */
function dumpNode(
  node: GraphNode,
  state: NodeState,
  slack: ReadonlyMap<string, number>,
  critical: ReadonlySet<string>,
): DumpNode {
  return {
    id: node.id,
    kind: node.kind,
    tokens: node.tokens,
    declaredAt: node.provider.declaredAt ?? null,
    scope: node.scope,
    tags: node.tags,
    shared: node.shared,
    essential: node.essential,
    rank: node.rank,
    needs: node.needs,
    phase: state.phase,
    health: state.health,
    sinceMs: state.sinceMs,
    nextAttemptInMs: state.nextAttemptInMs,
    healthAgeMs: state.healthAgeMs,
    reason: state.reason,
    degradedBy: state.degradedBy,
    desired: state.desired,
    job: state.job,
    generation: state.generation,
    attempts: state.attempts,
    waitMs: state.waitMs,
    startMs: state.startMs,
    checkMs: state.checkMs,
    hookMs: state.hookMs,
    progress: state.progress,
    slackMs: state.startMs === null ? null : (slack.get(node.id) ?? null),
    onCriticalPath: critical.has(node.id),
    blockedBy: state.blockedBy,
    deepCheck: state.deepCheck,
    ...(state.differsFrom === undefined ? {} : { differsFrom: state.differsFrom }),
  };
}

function edgesOf(node: GraphNode, app: AppView): DumpEdge[] {
  return node.edges.map(({ to, kind, until, need, onLoss, source }) => ({
    from: node.id,
    to,
    kind,
    until,
    need,
    onLoss,
    source,
    declaredAt: node.provider.declaredAt ?? null,
    releasedAtMs: app.releasedAt(node.id, to),
  }));
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
