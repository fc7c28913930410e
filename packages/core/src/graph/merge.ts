/**
 * The graphs of several instances as one dump, in the same format: what stands for a service of other instances has edges to
 * where that is.
 */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';
import { byText } from './graph-node.ts';

/** How a node is named in a merged graph. */
const within = (instance: string, id: string): string => `${instance}/${id}`;

/**
 * @param dumps by the name of each instance, which stands before all of its nodes; at least one.
 * @returns nodes and edges of all. Times of a boot are of one instance alone and left out.
 */
export function mergeGraphs(dumps: ReadonlyMap<string, GraphDump>): GraphDump {
  const parts = [...dumps].sort(([one], [other]) => byText(one, other));
  const [, any] = parts[0] as [string, GraphDump];
  const remotes = parts.flatMap(([instance, dump]) => remoteEdges(instance, dump, parts));
  const gates = parts.map(([, { gate }]) => gate.state);
  return {
    format: any.format,
    state: stateOf(parts.map(([, { state }]) => state)),
    gate: {
      state: gates.every((state) => state === gates[0]) ? (gates[0] as string) : 'mixed',
      blockedBy: parts.flatMap(([instance, { gate }]) => gate.blockedBy.map((id) => within(instance, id))),
    },
    wallMs: null,
    idealMs: 0,
    parallelEfficiency: null,
    criticalPath: { nodes: [], ms: 0 },
    budgets: any.budgets,
    instances: parts.map(([id, { state, gate, wallMs }]) => ({ id, state, gate: gate.state, wallMs })),
    nodes: parts.flatMap(([instance, { nodes }]) => nodes.map((node) => placed(instance, node, remotes))),
    edges: [
      ...parts.flatMap(([instance, { edges }]) =>
        edges.map((edge) => ({ ...edge, from: within(instance, edge.from), to: within(instance, edge.to) })),
      ),
      ...remotes,
    ],
    problems: parts.flatMap(([instance, { problems }]) => problems.map((problem) => told(instance, problem))),
    notes: parts.flatMap(([instance, { notes }]) => notes.map((note) => told(instance, note))),
  };
}

/** Of instances that differ, the state of most concern. */
function stateOf(states: readonly GraphDump['state'][]): GraphDump['state'] {
  const order = ['failed', 'stopping', 'starting', 'new', 'stopped', 'running'] as const;
  return order.find((state) => states.includes(state)) ?? 'running';
}

function placed(instance: string, node: DumpNode, remotes: readonly DumpEdge[]): DumpNode {
  const all = (ids: readonly string[]): string[] => ids.map((each) => within(instance, each));
  const id = within(instance, node.id);
  const beyond = remotes.filter(({ from }) => from === id).map(({ to }) => to);
  return {
    ...node,
    id,
    needs: [...all(node.needs), ...beyond],
    degradedBy: all(node.degradedBy),
    blockedBy: all(node.blockedBy),
    onCriticalPath: false,
    slackMs: null,
  };
}

/** From each node that stands for a service of other instances to wherever that is, this instance included. */
function remoteEdges(
  instance: string,
  { nodes }: GraphDump,
  parts: readonly (readonly [string, GraphDump])[],
): DumpEdge[] {
  return nodes.flatMap(({ id, tags, declaredAt }) => {
    const name = tags.includes('remote') ? /^remote\((.*)\)$/.exec(id)?.[1] : undefined;
    if (name === undefined) return [];
    return parts.flatMap(([other, dump]) =>
      dump.nodes
        .filter((node) => node.id === name || node.tokens.includes(name))
        .map((node): DumpEdge => ({
          from: within(instance, id),
          to: within(other, node.id),
          kind: 'needs',
          until: 'healthy',
          // Any of them will do.
          need: 'optional',
          onLoss: 'ignore',
          source: 'remote',
          declaredAt,
          releasedAtMs: null,
        })),
    );
  });
}

function told(instance: string, problem: GraphDump['problems'][number]): GraphDump['problems'][number] {
  return {
    ...problem,
    message: `${instance}: ${problem.message}`,
    nodes: problem.nodes.map((id) => within(instance, id)),
  };
}
