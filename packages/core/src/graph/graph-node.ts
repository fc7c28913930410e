/**
 * The nodes of the graph and the edges between them, as they refer to each other.
 *
 * There are ten thousand of them, and each is kept as long as the app lives: what follows from the provider is looked up
 * there, and what follows from the edges is made when somebody asks for it.
 */
import { type EdgeTerms, stronger } from '../declare/edge.ts';
import { DEMAND } from './demand.ts';
import type { NodeKind, Provider, WrittenTimes } from './provider.ts';

/** `declared` by a decorator or by metadata, `observed` while a dynamic value was being made. */
export type EdgeSource = 'declared' | 'observed';

/** An edge of the graph, as its depending node has it. */
export class Edge implements EdgeTerms {
  /** What is depended on. */
  readonly other: GraphNode;
  readonly terms: EdgeTerms;
  readonly source: EdgeSource;

  constructor(other: GraphNode, terms: EdgeTerms, source: EdgeSource) {
    this.other = other;
    this.terms = terms;
    this.source = source;
  }

  /** Id of the node that is depended on. */
  get to(): string {
    return this.other.id;
  }

  get kind(): EdgeTerms['kind'] {
    return this.terms.kind;
  }

  get until(): EdgeTerms['until'] {
    return this.terms.until;
  }

  get need(): EdgeTerms['need'] {
    return this.terms.need;
  }

  get onLoss(): EdgeTerms['onLoss'] {
    return this.terms.onLoss;
  }

  /** The edge that keeps the promises of this one and of another to the same node. */
  joined(edge: Edge): Edge {
    const source = this.source === 'declared' ? 'declared' : edge.source;
    return new Edge(this.other, stronger(this.terms, edge.terms), source);
  }
}

const NO_EDGES: readonly Edge[] = [];
const NO_NODES: readonly GraphNode[] = [];
const NO_TEXTS: readonly string[] = [];
const NO_TIMES: WrittenTimes = {};

/** One node of the graph. What can be written is written while the graph is made, and never afterwards. */
export class GraphNode {
  /** Unique: the class's name, with `@file:line` behind it where two classes share one. */
  readonly id: string;
  /** What it was made of. */
  readonly provider: Provider;
  /** Its place among all nodes, which are sorted by id. */
  index = 0;
  /** What it wants of others, sorted by their ids, one edge for each. */
  edges = NO_EDGES;
  /** The nodes that have an edge to it, sorted by their ids. */
  dependents = NO_NODES;
  /** How many nodes stand before it on the longest path to it; -1 where a circle leaves no place in any order. */
  rank = -1;
  /** One of `DEMAND`. */
  demand: number = DEMAND.none;
  /** Whether anybody has it as more than something that comes before it. */
  isNeeded = false;
  /** What is still to come, while somebody counts. */
  left = 0;

  constructor(id: string, provider: Provider) {
    this.id = id;
    this.provider = provider;
  }

  get kind(): NodeKind {
    return this.provider.kind;
  }

  /** True for what has a lifecycle. */
  get isAlive(): boolean {
    return this.kind === 'service' || this.kind === 'task';
  }

  get shared(): boolean {
    return this.provider.shared ?? false;
  }

  get times(): WrittenTimes {
    return this.provider.times ?? NO_TIMES;
  }

  get scope(): 'singleton' | 'transient' | 'request' {
    return this.provider.scope ?? 'singleton';
  }

  /** Sorted. */
  get tags(): readonly string[] {
    const { tags = NO_TEXTS } = this.provider;
    return tags.length === 0 ? NO_TEXTS : [...tags].sort(byText);
  }

  /** Names of the tokens that this node provides, sorted. */
  get tokens(): readonly string[] {
    const { aliases } = this.provider;
    return aliases.length === 0 ? NO_TEXTS : [...new Set(aliases.map((alias) => alias.name))].sort(byText);
  }

  /** True when the app cannot be up without it; false for what is only wanted as optional. */
  get essential(): boolean {
    return this.demand >= DEMAND.essential;
  }

  /** True when the app's gate closes for it. */
  get guarded(): boolean {
    return this.demand >= DEMAND.guarded;
  }

  /** Ids of the other sides of its edges, sorted. */
  get needs(): readonly string[] {
    return this.edges.length === 0 ? NO_TEXTS : this.edges.map((edge) => edge.to);
  }
}

/** Order by code units, the same on every machine and in every locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Everything that a node answers to. */
export function keysOf({ provider }: GraphNode): unknown[] {
  return [...new Set([provider.key, ...provider.aliases.map(({ key }) => key)])];
}
