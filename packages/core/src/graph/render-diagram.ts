/**
 * The dump as a diagram: Mermaid for Markdown, DOT for Graphviz.
 *
 * Every name stands in quotes and is escaped, so that none can end its quotes or start a statement of its own.
 */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';
import { escapeText } from './render.ts';

/** What stands behind the gate, in a box of its own. */
function isGated(node: DumpNode): boolean {
  return node.kind === 'factory' || node.kind === 'scoped';
}

/** Ends with a newline. */
export function renderMermaid(dump: GraphDump): string {
  const names = new Map(dump.nodes.map((node, index) => [node.id, `n${index}`]));
  const shape = (node: DumpNode): string => {
    const text = `"${mermaidText(label(node))}"`;
    if (node.kind === 'task') return `${names.get(node.id)}[[${text}]]`;
    if (node.kind === 'value' || node.kind === 'opaque') return `${names.get(node.id)}(${text})`;
    return `${names.get(node.id)}[${text}]`;
  };
  const gated = dump.nodes.filter(isGated);
  const lines = [
    'flowchart BT',
    ...dump.nodes.filter((node) => !isGated(node)).map((node) => `  ${shape(node)}`),
    ...(gated.length > 0
      ? ['  subgraph gate["behind the gate"]', ...gated.map((node) => `    ${shape(node)}`), '  end']
      : []),
    ...dump.edges.map((edge) => `  ${names.get(edge.to)} ${arrow(edge)} ${names.get(edge.from)}`),
    ...classes(dump, names),
  ];
  return `${lines.join('\n')}\n`;
}

/** Ends with a newline. */
export function renderDot(dump: GraphDump): string {
  const gated = dump.nodes.filter(isGated);
  const statement = (node: DumpNode): string => {
    const shape = { task: 'component', value: 'note', opaque: 'note', service: 'box', factory: 'box', scoped: 'box' }[
      node.kind
    ];
    const color = COLORS[toneOf(node)];
    const width = node.onCriticalPath ? ', penwidth=2.5' : '';
    return `${dotText(node.id)} [label=${dotText(label(node))}, shape=${shape}, color=${dotText(color)}${width}];`;
  };
  const lines = [
    'digraph muster {',
    '  rankdir=BT;',
    '  node [fontname="sans-serif", style="rounded"];',
    ...dump.nodes.filter((node) => !isGated(node)).map((node) => `  ${statement(node)}`),
    ...(gated.length > 0
      ? [
          '  subgraph cluster_gate {',
          '    label="behind the gate";',
          ...gated.map((node) => `    ${statement(node)}`),
          '  }',
        ]
      : []),
    ...dump.edges.map((edge) => `  ${dotText(edge.to)} -> ${dotText(edge.from)} [style=${style(edge)}];`),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

type Tone = 'well' | 'ill' | 'busy' | 'quiet';

const COLORS: Readonly<Record<Tone, string>> = { well: '#2e8b57', ill: '#c0392b', busy: '#d68910', quiet: '#7f8c8d' };

function toneOf(node: DumpNode): Tone {
  if (node.phase === 'failed' || node.health === 'unhealthy') return 'ill';
  if (node.phase === 'completed') return 'well';
  if (node.phase === 'running') return node.degradedBy.length > 0 || node.health === 'degraded' ? 'busy' : 'well';
  return ['starting', 'waiting', 'backoff', 'stopping'].includes(node.phase) ? 'busy' : 'quiet';
}

function label(node: DumpNode): string {
  return escapeText(node.tokens.length > 0 ? `${node.id} (${node.tokens.join(', ')})` : node.id);
}

function arrow(edge: DumpEdge): string {
  if (edge.kind === 'after') return '-. after .->';
  return edge.need === 'optional' ? '-. optional .->' : '-->';
}

function style(edge: DumpEdge): string {
  return edge.kind === 'after' ? 'dotted' : edge.need === 'optional' ? 'dashed' : 'solid';
}

function classes(dump: GraphDump, names: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  for (const tone of ['well', 'ill', 'busy', 'quiet'] as const) {
    const of = dump.nodes.filter((node) => toneOf(node) === tone && node.phase !== '-');
    if (of.length === 0) continue;
    lines.push(
      `  classDef ${tone} stroke:${COLORS[tone]}`,
      `  class ${of.map((node) => names.get(node.id)).join(',')} ${tone}`,
    );
  }
  return lines;
}

/** Mermaid has no escape for quotes inside quotes but its own entities. */
function mermaidText(text: string): string {
  return text.replaceAll('#', '#35;').replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;');
}

function dotText(text: string): string {
  return `"${escapeText(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
