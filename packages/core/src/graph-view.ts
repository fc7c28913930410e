/** The dump in both of its forms: `String(view)` is the tree for people, `JSON.stringify(view)` the document for machines. */
import type { GraphDump } from './graph/dump.ts';
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
}
