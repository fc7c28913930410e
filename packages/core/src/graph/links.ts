/**
 * The edges of one node after another while a graph is made: one for each other side, sorted by its id.
 *
 * What is collected is copied out at its exact length, because lists that are pushed to have room for more than they will
 * ever hold, five of them for each service.
 */
import { type Edge, stronger } from '../declare/edge.ts';

/** A node that can be linked to others. */
export interface Linkable<N> {
  readonly id: string;
  /** Sorted by the ids of their other sides. */
  edges: readonly Edge[];
  /** The other sides of its edges, each at the place of its edge. */
  others: readonly N[];
  /** Those that have an edge to it, in the order of the nodes. */
  dependents: readonly N[];
  /** How many of them are known. */
  linked: number;
}

/** Fewer are searched and put in order one by one; of more there is a map. */
const FEW = 16;
const NONE: readonly never[] = [];

export class Links<N extends Linkable<N>> {
  readonly #edges: Edge[] = [];
  readonly #others: N[] = [];
  #count = 0;
  #places: Map<string, number> | undefined;

  /** Adds an edge of the present node; of two with one other side the stronger terms hold. */
  add(edge: Edge, other: N): void {
    const place = this.#placeOf(edge.to);
    if (place !== undefined) {
      this.#edges[place] = stronger(this.#edges[place] as Edge, edge);
      return;
    }
    this.#places?.set(edge.to, this.#count);
    this.#edges[this.#count] = edge;
    this.#others[this.#count] = other;
    this.#count += 1;
  }

  /** Gives the present node what was added; the next one begins. */
  settle(node: N): void {
    const count = this.#count;
    if (count === 0) return;
    if (count <= FEW) this.#sortFew();
    else this.#sortMany();
    node.edges = this.#edges.slice(0, count);
    node.others = this.#others.slice(0, count);
    for (const other of node.others) other.linked += 1;
    this.#count = 0;
    this.#places = undefined;
  }

  #placeOf(to: string): number | undefined {
    if (this.#count < FEW) {
      for (let place = 0; place < this.#count; place += 1) if (this.#edges[place]?.to === to) return place;
      return undefined;
    }
    if (this.#places === undefined) {
      this.#places = new Map();
      for (let place = 0; place < this.#count; place += 1) this.#places.set((this.#edges[place] as Edge).to, place);
    }
    return this.#places.get(to);
  }

  #sortFew(): void {
    const [edges, others] = [this.#edges, this.#others];
    for (let from = 1; from < this.#count; from += 1) {
      const [edge, other] = [edges[from] as Edge, others[from] as N];
      let to = from;
      for (; to > 0 && (edges[to - 1] as Edge).to > edge.to; to -= 1) {
        edges[to] = edges[to - 1] as Edge;
        others[to] = others[to - 1] as N;
      }
      edges[to] = edge;
      others[to] = other;
    }
  }

  #sortMany(): void {
    const pairs = Array.from({ length: this.#count }, (_, place) => ({
      edge: this.#edges[place] as Edge,
      other: this.#others[place] as N,
    }));
    pairs.sort((a, b) => (a.edge.to < b.edge.to ? -1 : 1));
    for (const [place, { edge, other }] of pairs.entries()) [this.#edges[place], this.#others[place]] = [edge, other];
  }
}

/** Lists for every node those that have an edge to it; after all have been settled. */
export function listDependents<N extends Linkable<N>>(nodes: readonly N[]): void {
  for (const node of nodes) {
    node.dependents = node.linked === 0 ? NONE : Array<N>(node.linked);
    node.linked = 0;
  }
  for (const node of nodes) {
    for (const other of node.others) {
      (other.dependents as N[])[other.linked] = node;
      other.linked += 1;
    }
  }
}
