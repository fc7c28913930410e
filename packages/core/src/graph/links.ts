/**
 * The edges of one node after another while a graph is made: one for each other side, sorted by its id.
 *
 * What is collected is copied out at its exact length, because lists that are pushed to have room for more than they will
 * ever hold, for each service.
 */
import type { Edge, GraphNode } from './graph-node.ts';

/** Fewer are searched and put in order one by one; of more there is a map. */
const FEW = 16;

export class Links {
  readonly #edges: Edge[] = [];
  #count = 0;
  #places: Map<GraphNode, number> | undefined;

  /** Adds an edge of the present node; of two with one other side the stronger terms hold. */
  add(edge: Edge): void {
    const place = this.#placeOf(edge.other);
    if (place !== undefined) {
      this.#edges[place] = (this.#edges[place] as Edge).joined(edge);
      return;
    }
    this.#places?.set(edge.other, this.#count);
    this.#edges[this.#count] = edge;
    this.#count += 1;
  }

  /** Gives the present node what was added; the next one begins. */
  settle(node: GraphNode): void {
    const count = this.#count;
    if (count === 0) return;
    if (count <= FEW) this.#sortFew();
    const edges = this.#edges.slice(0, count);
    node.edges = count <= FEW ? edges : edges.sort((a, b) => (a.to < b.to ? -1 : 1));
    for (const { other } of edges) other.left += 1;
    this.#count = 0;
    this.#places = undefined;
  }

  #placeOf(other: GraphNode): number | undefined {
    if (this.#count < FEW) {
      for (let place = 0; place < this.#count; place += 1) if (this.#edges[place]?.other === other) return place;
      return undefined;
    }
    if (this.#places === undefined) {
      this.#places = new Map();
      for (let place = 0; place < this.#count; place += 1) this.#places.set((this.#edges[place] as Edge).other, place);
    }
    return this.#places.get(other);
  }

  #sortFew(): void {
    const edges = this.#edges;
    for (let from = 1; from < this.#count; from += 1) {
      const edge = edges[from] as Edge;
      let to = from;
      for (; to > 0 && (edges[to - 1] as Edge).to > edge.to; to -= 1) edges[to] = edges[to - 1] as Edge;
      edges[to] = edge;
    }
  }
}

/** Lists for every node those that have an edge to it; after all have been settled. */
export function listDependents(nodes: readonly GraphNode[]): void {
  for (const node of nodes) {
    if (node.left > 0) node.dependents = Array<GraphNode>(node.left);
    node.left = 0;
  }
  for (const node of nodes) {
    for (const { other } of node.edges) {
      (other.dependents as GraphNode[])[other.left] = node;
      other.left += 1;
    }
  }
}
