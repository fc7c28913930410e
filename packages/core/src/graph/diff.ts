/**
 * What is different between two dumps: nodes and edges that came or went, a critical path that moved, nodes that got slower.
 *
 * Pure, and the same for the same dumps, so it can stand in a build's log.
 */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';
import { duration, escapeText } from './render.ts';

/** A node is slower when it takes so much longer, and at least so many milliseconds. */
const SLOWER = { factor: 1.2, leastMs: 10 } as const;

/** A node whose time of starting changed. */
export interface TimeChange {
  readonly id: string;
  readonly beforeMs: number;
  readonly afterMs: number;
}

export interface GraphDiff {
  /** False when nothing but the time of the boot is different: no two boots take the same. */
  readonly isDifferent: boolean;
  readonly nodes: { readonly added: readonly string[]; readonly removed: readonly string[] };
  /** As `A → B`. */
  readonly edges: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  readonly criticalPath: {
    readonly before: readonly string[];
    readonly after: readonly string[];
    readonly moved: boolean;
    readonly beforeMs: number;
    readonly afterMs: number;
    /** It takes longer, by as much as makes a node slower. */
    readonly isLonger: boolean;
  };
  readonly wallMs: { readonly before: number | null; readonly after: number | null };
  readonly slower: readonly TimeChange[];
  readonly faster: readonly TimeChange[];
  readonly problems: { readonly added: readonly string[]; readonly removed: readonly string[] };
}

/** Compares `after` with `before`. */
export function diffGraphs(before: GraphDump, after: GraphDump): GraphDiff {
  const edgesBefore = new Map(before.edges.map((edge) => [nameOf(edge), edge]));
  const edgesAfter = new Map(after.edges.map((edge) => [nameOf(edge), edge]));
  const changes = timeChanges(before.nodes, after.nodes);
  const changed = [...edgesAfter].filter(([name, edge]) => {
    const other = edgesBefore.get(name);
    return other !== undefined && termsOf(other) !== termsOf(edge);
  });
  const diff = {
    nodes: sides(
      before.nodes.map((node) => node.id),
      after.nodes.map((node) => node.id),
    ),
    edges: { ...sides([...edgesBefore.keys()], [...edgesAfter.keys()]), changed: changed.map(([name]) => name).sort() },
    criticalPath: {
      before: before.criticalPath.nodes,
      after: after.criticalPath.nodes,
      moved: hasMoved(before.criticalPath.nodes, after.criticalPath.nodes),
      beforeMs: before.criticalPath.ms,
      afterMs: after.criticalPath.ms,
      isLonger: before.criticalPath.nodes.length > 0 && isSlower(before.criticalPath.ms, after.criticalPath.ms),
    },
    wallMs: { before: before.wallMs, after: after.wallMs },
    slower: changes.filter(({ beforeMs, afterMs }) => isSlower(beforeMs, afterMs)),
    faster: changes.filter(({ beforeMs, afterMs }) => isSlower(afterMs, beforeMs)),
    problems: sides(
      before.problems.map((problem) => problem.message),
      after.problems.map((problem) => problem.message),
    ),
  };
  return { isDifferent: isDifferent(diff), ...diff };
}

function isDifferent({
  nodes,
  edges,
  problems,
  slower,
  faster,
  criticalPath,
}: Omit<GraphDiff, 'isDifferent'>): boolean {
  const lists = [...Object.values(nodes), ...Object.values(edges), ...Object.values(problems), slower, faster];
  return criticalPath.moved || criticalPath.isLonger || lists.some((list) => list.length > 0);
}

/** The difference as text for people; ends with a newline. */
export function renderDiff(diff: GraphDiff): string {
  const lines = [
    ...diff.nodes.added.map((id) => `+ ${id}`),
    ...diff.nodes.removed.map((id) => `- ${id}`),
    ...diff.edges.added.map((edge) => `+ ${edge}`),
    ...diff.edges.removed.map((edge) => `- ${edge}`),
    ...diff.edges.changed.map((edge) => `~ ${edge}, under other terms`),
    ...diff.problems.added.map((message) => `✘ ${message}`),
    ...diff.problems.removed.map((message) => `✔ no longer: ${message}`),
    ...diff.slower.map((change) => `▲ ${timeText(change)}`),
    ...diff.faster.map((change) => `▼ ${timeText(change)}`),
  ].map(escapeText);
  const { criticalPath: path, wallMs } = diff;
  if (path.isLonger) lines.push(`▲ critical path: ${duration(path.beforeMs)} ⇒ ${duration(path.afterMs)}`);
  if (path.moved) lines.push(escapeText(`◆ critical path: ${pathText(path.before)}  ⇒  ${pathText(path.after)}`));
  if (wallMs.before !== null && wallMs.after !== null && Math.round(wallMs.before) !== Math.round(wallMs.after)) {
    lines.push(`boot ${duration(wallMs.before)} ⇒ ${duration(wallMs.after)}`);
  }
  return lines.length === 0 ? 'No difference.\n' : `${lines.join('\n')}\n`;
}

function sides(before: readonly string[], after: readonly string[]): { added: string[]; removed: string[] } {
  const [old, young] = [new Set(before), new Set(after)];
  return {
    added: [...young].filter((each) => !old.has(each)).sort(),
    removed: [...old].filter((each) => !young.has(each)).sort(),
  };
}

/** A plan has no critical path yet, so between a plan and a boot none has moved. */
function hasMoved(before: readonly string[], after: readonly string[]): boolean {
  return before.length > 0 && after.length > 0 && before.join() !== after.join();
}

function nameOf({ from, to }: DumpEdge): string {
  return `${from} → ${to}`;
}

function termsOf({ kind, until, need, onLoss }: DumpEdge): string {
  return [kind, until, need, onLoss].join();
}

function timeChanges(before: readonly DumpNode[], after: readonly DumpNode[]): TimeChange[] {
  const known = new Map(before.map((node) => [node.id, node]));
  return after
    .flatMap((node) => {
      const other = known.get(node.id);
      const [beforeMs, afterMs] = [other && tookMs(other), tookMs(node)];
      return beforeMs === undefined || beforeMs === null || afterMs === null
        ? []
        : [{ id: node.id, beforeMs, afterMs }];
    })
    .sort((a, b) => Math.abs(b.afterMs - b.beforeMs) - Math.abs(a.afterMs - a.beforeMs) || (a.id < b.id ? -1 : 1));
}

function tookMs({ startMs, checkMs, hookMs }: DumpNode): number | null {
  return startMs === null ? null : startMs + (checkMs ?? 0) + (hookMs ?? 0);
}

function isSlower(beforeMs: number, afterMs: number): boolean {
  return afterMs - beforeMs >= SLOWER.leastMs && afterMs >= beforeMs * SLOWER.factor;
}

function timeText({ id, beforeMs, afterMs }: TimeChange): string {
  return `${id}: ${duration(beforeMs)} ⇒ ${duration(afterMs)}`;
}

function pathText(path: readonly string[]): string {
  return path.length === 0 ? '(none)' : path.join(' → ');
}
