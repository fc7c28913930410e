/** The dump in all of its forms: `String(view)` is the tree for people, `JSON.stringify(view)` the document for machines. */
import type { DumpNode, GraphDump } from '@muster/contracts';
import { coreError } from './errors.ts';
import { findNode } from './graph/explain.ts';
import { nearest } from './graph/nearest.ts';
import { renderDot, renderMermaid } from './graph/render-diagram.ts';
import { renderText } from './graph/render.ts';

export class GraphView {
  readonly #dump: GraphDump;

  constructor(dump: GraphDump) {
    this.#dump = dump;
  }

  toJSON(): GraphDump {
    return this.#dump;
  }

  toString(): string {
    return renderText(this.#dump);
  }

  /** A flowchart for Markdown files. */
  toMermaid(): string {
    return renderMermaid(this.#dump);
  }

  /** A digraph for Graphviz. */
  toDot(): string {
    return renderDot(this.#dump);
  }

  /**
   * A node by its id or by the name of a token.
   *
   * @throws MusterError `NODE_UNKNOWN` with near names.
   */
  node(name: string): DumpNode {
    const found = findNode(this.#dump, name);
    if (found !== undefined) return found;
    const known = this.#dump.nodes.flatMap(({ id, tokens }) => [id, ...tokens]);
    throw coreError('NODE_UNKNOWN', { name, near: nearest(name, known) });
  }
}
