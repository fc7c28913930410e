/**
 * The graph of who needs whom, and everything that can be wrong with it, found at once.
 *
 * Pure: no time, no I/O, no container. The same providers give the same graph in whatever order they come.
 */
import { findCycles } from './cycles.ts';
import { markDemand } from './demand.ts';
import { byText, Edge, GraphNode } from './graph-node.ts';
import { Links, listDependents } from './links.ts';
import { rankAll } from './ranks.ts';
import type { EdgeTerms } from '../declare/edge.ts';
import { REACH, type ScopeKind } from '../declare/scope-kind.ts';
import {
  behindGate,
  captive,
  cycle,
  duplicate,
  type GraphProblem,
  lacksMethods,
  missing,
  neverCompletes,
  noRef,
  notBehindGate,
  notSingleton,
  otherCopy,
  otherScope,
  sameName,
  valueOutOfScope,
} from './problems.ts';
import { LIFECYCLE, type Provider, type Wanted } from './provider.ts';

/** The services of an app and their edges. */
export class ServiceGraph {
  /** Sorted by id. */
  readonly nodes: readonly GraphNode[];
  /** Sorted by code, then by the nodes concerned. Empty when the app can start. */
  readonly problems: readonly GraphProblem[];
  #byId: ReadonlyMap<string, GraphNode> | undefined;

  private constructor(nodes: readonly GraphNode[], problems: readonly GraphProblem[]) {
    this.nodes = nodes;
    this.problems = problems;
  }

  /** Builds the graph; problems are kept in it, so that an unsound graph can be shown as well. */
  static from(providers: readonly Provider[]): ServiceGraph {
    const problems: GraphProblem[] = [];
    const { made, nodes } = nodesOf(providers, problems);
    const claims = claimsOf(providers, made, problems);
    const known: Known = { claims, made, problems, names: () => namesKnown(providers, nodes) };
    // In the order of ids, so that whoever is needed hears of it in that order.
    const links = new Links();
    for (const [index, node] of nodes.entries()) {
      node.index = index;
      for (const wanted of node.provider.wants) {
        if (wanted.valueIn !== undefined) {
          scopeValueProblems(node, wanted, problems);
          continue;
        }
        const owner = ownerOf(node, wanted, known);
        if (wanted.isGated === true) gatedProblems(node, owner as GraphNode | undefined, problems);
        else if (Array.isArray(owner)) for (const each of owner) link(node, each, wanted, links, problems);
        else if (owner !== undefined) link(node, owner, wanted, links, problems);
      }
      links.settle(node);
      ownProblems(node.id, node.provider, problems);
    }
    listDependents(nodes);
    markDemand(nodes);
    const isSound = rankAll(nodes);
    if (isSound) return new ServiceGraph(nodes, sortProblems(problems));
    const sites = new Map(nodes.map(({ id, provider }) => [id, provider.declaredAt]));
    const circles = findCycles(nodes).map((path) => cycle(path, (id) => sites.get(id)));
    return new ServiceGraph(nodes, sortProblems([...problems, ...circles]));
  }

  /** The node of this id; `undefined` when there is none. */
  node(id: string): GraphNode | undefined {
    this.#byId ??= new Map(this.nodes.map((node) => [node.id, node]));
    return this.#byId.get(id);
  }
}

/** Sorted, and each once: a class that is registered twice has each of its other problems twice. */
export function sortProblems(problems: readonly GraphProblem[]): GraphProblem[] {
  const sorted = [...problems].sort(
    (a, b) => byText(a.code, b.code) || byText(a.nodes.join(), b.nodes.join()) || byText(a.message, b.message),
  );
  return [...new Map(sorted.map((problem) => [problem.message, problem])).values()];
}

const NONE: readonly never[] = [];

/** Everything that somebody may have meant. */
function namesKnown(providers: readonly Provider[], all: readonly GraphNode[]): string[] {
  return [...new Set([...all.map(({ id }) => id), ...providers.flatMap((p) => p.aliases.map((a) => a.name))])].sort(
    byText,
  );
}

/** One for each id, sorted by it; what is registered twice has one for both. */
function nodesOf(
  providers: readonly Provider[],
  problems: GraphProblem[],
): { readonly made: ReadonlyMap<Provider, GraphNode>; readonly nodes: readonly GraphNode[] } {
  const sorted = [...providers].sort((a, b) => byText(a.name, b.name));
  const shared = sharedNames(sorted);
  const made = new Map<Provider, GraphNode>();
  // Where all names differ, they are the ids.
  if (shared.size === 0) {
    const nodes = sorted.map((provider) => new GraphNode(provider.name, provider));
    for (const node of nodes) made.set(node.provider, node);
    return { made, nodes };
  }
  const byId = new Map<string, GraphNode>();
  const taken = new Map<string, unknown>();
  for (const provider of sorted) {
    const sharing = shared.get(provider.name);
    const id = sharing === undefined ? provider.name : nameAmong(provider, sharing, taken);
    if (taken.has(id) && taken.get(id) !== provider.target) problems.push(sameName(id));
    taken.set(id, provider.target);
    const node = byId.get(id) ?? new GraphNode(id, provider);
    byId.set(id, node);
    made.set(provider, node);
  }
  return { made, nodes: [...byId.values()].sort((a, b) => byText(a.id, b.id)) };
}

/** By name those that share one. */
function sharedNames(sorted: readonly Provider[]): Map<string, Provider[]> {
  const shared = new Map<string, Provider[]>();
  for (let at = 1; at < sorted.length; at += 1) {
    const [before, provider] = [sorted[at - 1] as Provider, sorted[at] as Provider];
    if (before.name !== provider.name) continue;
    const sharing = shared.get(provider.name);
    if (sharing === undefined) shared.set(provider.name, [before, provider]);
    else sharing.push(provider);
  }
  return shared;
}

/** Most keys have one item, and a list for each would cost more than all else. */
function addTo<K>(groups: Map<K, Provider | Provider[]>, key: K, provider: Provider): void {
  const before = groups.get(key);
  if (before === undefined) groups.set(key, provider);
  else if (Array.isArray(before)) before.push(provider);
  else groups.set(key, [before, provider]);
}

/** The name alone where that is enough; else with the place, with the key, or with a number behind it. */
function nameAmong(provider: Provider, sharing: readonly Provider[], taken: ReadonlyMap<string, unknown>): string {
  const { name, target, key, declaredAt, label = '' } = provider;
  const oneClass = sharing.every((other) => other.target === target);
  const oneKey = sharing.every((other) => other.key === key);
  if (oneClass && (sharing.length === 1 || (oneKey && label === ''))) return name;
  if (!oneClass && declaredAt !== undefined) return `${name}@${declaredAt}`;
  const byKey = oneKey ? name : `${name}[${provider.aliases.find((alias) => alias.key === key)?.name ?? String(key)}]`;
  if (label === '' && !oneClass) return byKey === name ? `${name}@unknown place` : byKey;
  let id = byKey;
  for (let n = 2; taken.has(id); n += 1) id = `${byKey}#${n}`;
  return id;
}

/** Who can be asked for by which key. Two with one label under one key collide, unless somebody wants all of them. */
function claimsOf(
  providers: readonly Provider[],
  made: ReadonlyMap<Provider, GraphNode>,
  problems: GraphProblem[],
): Map<unknown, Provider | Provider[]> {
  const claims = new Map<unknown, Provider | Provider[]>();
  for (const provider of providers) {
    addTo(claims, provider.key, provider);
    for (const { key } of provider.aliases) if (key !== provider.key) addTo(claims, key, provider);
  }
  for (const [key, by] of claims) {
    if (!Array.isArray(by) || isWantedAsList(providers, key)) continue;
    for (const label of new Set(by.map((provider) => provider.label ?? ''))) {
      const same = by.filter((provider) => (provider.label ?? '') === label);
      if (same.length < 2) continue;
      const name = by.flatMap((p) => p.aliases).find((alias) => alias.key === key)?.name ?? (by[0] as Provider).name;
      const sites = same.map((p) => sited(p, (made.get(p) as GraphNode).id));
      problems.push(duplicate(name, sites));
    }
  }
  return claims;
}

function isWantedAsList(providers: readonly Provider[], key: unknown): boolean {
  return providers.some((provider) => provider.wants.some((wanted) => wanted.many === true && wanted.key === key));
}

function sited({ declaredAt }: Provider, id: string) {
  return { id, declaredAt };
}

interface Known {
  readonly claims: ReadonlyMap<unknown, Provider | Provider[]>;
  readonly made: ReadonlyMap<Provider, GraphNode>;
  readonly problems: GraphProblem[];
  readonly names: () => readonly string[];
}

/** The node or nodes that an entry leads to. */
function ownerOf(
  node: GraphNode,
  wanted: Wanted,
  { claims, made, names, problems }: Known,
): GraphNode | GraphNode[] | undefined {
  const claim = claims.get(wanted.key);
  // Most are provided by one who fits.
  if (claim !== undefined && !Array.isArray(claim) && wanted.accepts?.(claim) !== false) return made.get(claim);
  const all = claim === undefined ? [] : Array.isArray(claim) ? claim : [claim];
  const fitting = wanted.accepts === undefined ? all : all.filter((candidate) => wanted.accepts?.(candidate));
  const owners = [...new Set(fitting.map((candidate) => made.get(candidate) as GraphNode))];
  if (owners.length > 1) owners.sort((a, b) => byText(a.id, b.id));
  if (wanted.many === true) return owners;
  if (owners.length === 0 && wanted.mayBeAbsent !== true)
    problems.push(missing(node.id, node.provider.declaredAt, wanted.name, names()));
  if (owners.length > 1)
    problems.push(
      duplicate(
        wanted.name,
        fitting.map((p) => sited(p, (made.get(p) as GraphNode).id)),
      ),
    );
  return owners[0];
}

function link(node: GraphNode, other: GraphNode, wanted: Wanted, links: Links, problems: GraphProblem[]): void {
  const { kind } = other.provider;
  const edge = new Edge(other, termsOf(wanted, kind === 'task'), wanted.observed === true ? 'observed' : 'declared');
  if (edge.kind === 'needs') other.isNeeded = true;
  links.add(edge);
  if (kind === 'factory' && !['factory', 'scoped'].includes(node.provider.kind))
    problems.push(behindGate(node.id, node.provider, other.id));
  if (kind === 'scoped') scopeProblems(node, other, edge, problems);
  if (edge.until === 'completed' && kind === 'service') problems.push(neverCompletes(node.id, node.provider, other.id));
}

/** A task is ready when it has completed: whoever needs it waits for its end. */
function termsOf({ terms }: Wanted, isTask: boolean): EdgeTerms {
  return isTask && terms.until !== 'completed' ? { ...terms, until: 'completed' } : terms;
}

/** A permit gets out what stands behind the gate; everything else is simply there. */
function gatedProblems({ id, provider }: GraphNode, owner: GraphNode | undefined, problems: GraphProblem[]): void {
  if (owner !== undefined && owner.provider.kind !== 'factory')
    problems.push(notBehindGate(id, provider, owner.id, owner.provider));
}

/** A scoped class is held by those of scopes that lie inside its own, and by nobody else. */
function scopeProblems(node: GraphNode, other: GraphNode, edge: Edge, problems: GraphProblem[]): void {
  const held = scopeKindOf(other.provider) ?? 'run';
  const holder = scopeKindOf(node.provider);
  if (holder === undefined || (holder === 'user' && held !== 'user'))
    problems.push(captive(node.id, node.provider, other.id, other.provider, held, holder));
  else if (!REACH[holder].includes(held))
    problems.push(otherScope(node.id, node.provider, other.id, other.provider, held, holder));
  else if (edge.kind === 'after' || edge.need === 'optional')
    problems.push(noRef(node.id, node.provider, other.id, other.provider.declaredAt));
}

function scopeValueProblems({ id, provider }: GraphNode, wanted: Wanted, problems: GraphProblem[]): void {
  const { valueIn = NONE, name, terms } = wanted;
  const kind = scopeKindOf(provider);
  if (kind === undefined || !valueIn.includes(kind)) problems.push(valueOutOfScope(id, provider, name, valueIn, kind));
  else if (terms.kind === 'after' || terms.need === 'optional') problems.push(noRef(id, provider, name, undefined));
}

function scopeKindOf({ kind, scopeKind }: Provider): ScopeKind | undefined {
  return kind === 'scoped' ? (scopeKind ?? 'run') : undefined;
}

function ownProblems(id: string, provider: Provider, problems: GraphProblem[]): void {
  if (provider.isForeign === true) problems.push(otherCopy(id));
  for (const [key, demanded] of provider.demands ?? NONE) {
    const lacking = demanded.filter((method) => provider.hasMethod?.(method) === false);
    if (lacking.length === 0) continue;
    const name = provider.aliases.find((alias) => alias.key === key)?.name ?? provider.name;
    problems.push(lacksMethods(id, provider, name, lacking, demanded));
  }
  const isSingleton = provider.scope === undefined || provider.scope === 'singleton';
  if (!isSingleton && provider.kind === 'service' && LIFECYCLE.some((method) => provider.hasMethod?.(method)))
    problems.push(notSingleton(id, provider));
}
