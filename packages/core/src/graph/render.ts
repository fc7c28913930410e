/**
 * The dump as text for people: a tree from the doors down to what everything rests on.
 *
 * Every value is escaped, so that no name or reason can move a cursor or forge a line.
 */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';

const MARKS: Readonly<Record<string, string>> = {
  running: '●',
  completed: '✔',
  standby: '◎',
  starting: '◐',
  backoff: '◑',
  failed: '✘',
  skipped: '◌',
  stopping: '◔',
  stopped: '○',
};

/** Renders the text tree; ends with a newline. */
export function renderText(dump: GraphDump): string {
  const lines = [header(dump), ...instanceLines(dump), ...scopesLine(dump)];
  const edges = new Map(dump.edges.map((edge) => [`${edge.from} ${edge.to}`, edge]));
  // Values have no life of their own; the JSON form has them.
  const living = dump.nodes.filter((node) => node.kind !== 'value');
  const byId = new Map(living.map((node) => [node.id, node]));
  const shown = new Set<string>();
  const needed = new Set(living.flatMap((node) => node.needs));
  const roots = living.filter((node) => !needed.has(node.id));
  // An explicit stack: a chain of ten thousand services must not become ten thousand calls.
  const stack = ranked(roots).map((node, index, all) => ({
    node,
    via: '',
    indent: '',
    last: index === all.length - 1,
  }));
  stack.reverse();
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { node, via, indent, last } = entry;
    const again = shown.has(node.id);
    lines.push(`${indent}${last ? '└─ ' : '├─ '}${via}${again ? `${escapeText(node.id)} ↑` : describe(node)}`);
    if (again) continue;
    shown.add(node.id);
    const children = ranked(node.needs.map((id) => byId.get(id)).filter((need) => need !== undefined));
    const deeper = `${indent}${last ? '   ' : '│  '}`;
    stack.push(
      ...children
        .map((child, index) => ({
          node: child,
          via: viaText(edges.get(`${node.id} ${child.id}`)),
          indent: deeper,
          last: index === children.length - 1,
        }))
        .reverse(),
    );
  }
  const hidden = living.filter((node) => !shown.has(node.id));
  for (const node of hidden) lines.push(`◦ ${describe(node)} (in a circle)`);
  for (const problem of dump.problems)
    lines.push(`✘ ${problem.code}: ${escapeText(problem.message)}`, `  → ${escapeText(problem.hint)}`);
  return `${lines.join('\n')}\n`;
}

function header(dump: GraphDump): string {
  const parts = [dump.state, `gate ${dump.gate.state}`];
  const waits = dump.state === 'starting' || dump.state === 'running';
  if (waits && dump.gate.blockedBy.length > 0)
    parts.push(`waiting for ${dump.gate.blockedBy.map(escapeText).join(', ')}`);
  if (dump.wallMs !== null) parts.push(`boot ${duration(dump.wallMs)}`);
  if (dump.criticalPath.nodes.length > 0) {
    parts.push(
      `critical path ${dump.criticalPath.nodes.map(escapeText).join(' → ')} ${duration(dump.criticalPath.ms)}`,
    );
  }
  if (dump.parallelEfficiency !== null && dump.criticalPath.nodes.length > 0)
    parts.push(`parallel efficiency ${Math.round(dump.parallelEfficiency * 100)} %`);
  return parts.join(' · ');
}

/** Each instance of a merged graph. */
function instanceLines({ instances = [] }: GraphDump): string[] {
  return instances.map(({ id, state, gate }) => `instance ${escapeText(id)}: ${state}, gate ${gate}`);
}

/** How many scopes are open, and since when the oldest is: more than there are runs and connections is a leak. */
function scopesLine({ scopes }: GraphDump): string[] {
  if (scopes === undefined) return [];
  const counts = Object.entries(scopes.live)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} of kind ${kind}`);
  const [oldest] = scopes.oldest;
  const since = oldest === undefined ? '' : `, the oldest for ${duration(oldest.ageMs)}`;
  return [`scopes open: ${counts.join(', ')}${since}`];
}

/** What is special about the edge that led here. */
function viaText(edge: DumpEdge | undefined): string {
  if (edge === undefined) return '';
  if (edge.source === 'remote') return '(remote) ';
  if (edge.kind === 'after') return '(after) ';
  return edge.need === 'optional' ? '(optional) ' : '';
}

function ranked(nodes: readonly DumpNode[]): DumpNode[] {
  return [...nodes].sort((a, b) => b.rank - a.rank || (a.id < b.id ? -1 : 1));
}

function describe(node: DumpNode): string {
  const name = `${escapeText(node.id)}${node.tokens.length > 0 ? ` (${node.tokens.map(escapeText).join(', ')})` : ''}`;
  if (node.kind === 'factory') return describeFactory(node, name);
  if (node.kind !== 'service' && node.kind !== 'task') return `${name} ${node.kind}`;
  const parts = [`${MARKS[node.phase] ?? '·'} ${name} ${node.phase}`];
  if (node.shared) parts.push('shared');
  if (node.health !== 'unknown' && node.phase === 'running') parts.push(node.health);
  if (node.startMs !== null) parts.push(timesOf(node));
  if (node.attempts > 1) parts.push(`${node.attempts} attempts`);
  if (node.phase === 'starting' && node.progress !== null) parts.push(escapeText(node.progress));
  if (node.degradedBy.length > 0) parts.push(`without ${node.degradedBy.map(escapeText).join(', ')}`);
  if (node.reason !== null) parts.push(`– ${escapeText(node.reason)}`);
  else if (node.phase === 'waiting') parts.push(`waits for ${node.blockedBy.map(escapeText).join(', ')}`);
  if (node.onCriticalPath) parts.push('◆');
  return parts.join('  ');
}

/** One that is simply there, or not yet, needs no more words than any other part. */
function describeFactory({ phase, progress, reason, startMs, differsFrom = [] }: DumpNode, name: string): string {
  const took = (startMs ?? 0) >= 1 ? [`prepared in ${duration(startMs ?? 0)}`] : [];
  const said = reason ?? progress;
  const isOnItsWay = ['initialising', 'awaiting', 'renewing', 'failed'].includes(phase);
  return [
    `${name} factory`,
    ...(isOnItsWay ? [phase] : took),
    ...(differsFrom.length === 0 ? [] : [`configured otherwise on ${differsFrom.map(escapeText).join(', ')}`]),
    ...(said === null ? [] : [`– ${escapeText(said)}`]),
  ].join('  ');
}

/** Wait, start and check apart, where there is anything to tell apart. */
function timesOf({ waitMs, startMs, checkMs, hookMs }: DumpNode): string {
  const parts = [`start ${duration(startMs ?? 0)}`];
  if ((waitMs ?? 0) >= 1) parts.unshift(`wait ${duration(waitMs ?? 0)}`);
  if ((checkMs ?? 0) >= 1) parts.push(`check ${duration(checkMs ?? 0)}`);
  if ((hookMs ?? 0) >= 1) parts.push(`hooks ${duration(hookMs ?? 0)}`);
  return parts.join(' + ');
}

/** `840 ms`, `1.52 s`. */
export function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

/** The break before a frame of a stack, or before the next cause. */
const FRAME = /\n(?= {4}at |Caused by: )/;

/** The same of a stack: its frames and causes stay lines of their own; what comes of a message does not. */
export function escapeStack(stack: string): string {
  return stack
    .split(FRAME)
    .map((line) => escapeText(line))
    .join('\n');
}

/** Makes control, escape, bidirectional and line-breaking characters visible as `\u{…}`. */
export function escapeText(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
