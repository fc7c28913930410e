/**
 * The graph of who needs whom, and everything that can be wrong with it, found at once.
 *
 * Pure: no time, no I/O, no container. The same providers give the same graph in whatever order they come.
 */
import { findCycles } from './cycles.ts';
import { DEMAND, markDemand } from './demand.ts';
import { type Linkable, Links, listDependents } from './links.ts';
import { rankAll } from './ranks.ts';
import type { Edge } from '../declare/edge.ts';
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
import { LIFECYCLE, type NodeKind, type Provider, type Wanted, type WrittenTimes } from './provider.ts';

/** One node of the graph. */
export interface GraphNode {
  /** Unique: the class's name, with `@file:line` behind it where two classes share one. */
  readonly id: string;
  readonly kind: NodeKind;
  /** Names of the tokens that this node provides. */
  readonly tokens: readonly string[];
  /** What it wants of others, sorted by their ids, one edge for each. */
  readonly edges: readonly Edge[];
  /** Ids of the other sides of its edges, sorted. */
  readonly needs: readonly string[];
  /** Ids of the nodes that have an edge to it, sorted. */
  readonly neededBy: readonly string[];
  /** How many nodes stand before it on the longest path to it; -1 where a circle leaves no place in any order. */
  readonly rank: number;
  readonly shared: boolean;
  readonly tags: readonly string[];
  readonly times: WrittenTimes;
  readonly scope: 'singleton' | 'transient' | 'request';
  /** True when the app cannot be up without it; false for what is only wanted as optional. */
  readonly essential: boolean;
  /** True when the app's gate closes for it. */
  readonly guarded: boolean;
  /** What it was made of. */
  readonly provider: Provider;
}

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
    const { drafts, all: sorted } = draftsOf(providers, problems);
    const claims = claimsOf(providers, drafts, problems);
    const known: Known = { claims, drafts, problems, names: () => namesKnown(providers, sorted) };
    // In the order of ids, so that whoever is needed hears of it in that order.
    const links = new Links<Draft>();
    for (const draft of sorted) {
      for (const wanted of draft.provider.wants) {
        if (wanted.valueIn !== undefined) {
          scopeValueProblems(draft, wanted, problems);
          continue;
        }
        const owner = ownerOf(draft, wanted, known);
        if (wanted.isGated === true) gatedProblems(draft, owner as Draft | undefined, problems);
        else if (Array.isArray(owner)) for (const each of owner as Draft[]) link(draft, each, wanted, links, problems);
        else if (owner !== undefined) link(draft, owner as Draft, wanted, links, problems);
      }
      links.settle(draft);
      ownProblems(draft.id, draft.provider, problems);
    }
    listDependents(sorted);
    markDemand(sorted);
    const isSound = rankAll(sorted);
    const nodes = sorted.map(nodeOf);
    if (isSound) return new ServiceGraph(nodes, sortProblems(problems));
    const sites = new Map(sorted.map(({ id, provider }) => [id, provider.declaredAt]));
    const circles = findCycles(nodes).map((path) => cycle(path, (id) => sites.get(id)));
    return new ServiceGraph(nodes, sortProblems([...problems, ...circles]));
  }

  /** The node of this id; `undefined` when there is none. */
  node(id: string): GraphNode | undefined {
    this.#byId ??= new Map(this.nodes.map((node) => [node.id, node]));
    return this.#byId.get(id);
  }
}

/** Order by code units, the same on every machine and in every locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sorted, and each once: a class that is registered twice has each of its other problems twice. */
export function sortProblems(problems: readonly GraphProblem[]): GraphProblem[] {
  const sorted = [...problems].sort(
    (a, b) => byText(a.code, b.code) || byText(a.nodes.join(), b.nodes.join()) || byText(a.message, b.message),
  );
  return [...new Map(sorted.map((problem) => [problem.message, problem])).values()];
}

/** A node in the making. */
interface Draft extends Linkable<Draft> {
  readonly provider: Provider;
  /** Whether anybody has it as more than something that comes before it. */
  isNeeded: boolean;
  demand: number;
  rank: number;
  unranked: number;
}

const NONE: readonly never[] = [];

function draftOf(id: string, provider: Provider): Draft {
  return {
    id,
    provider,
    edges: NONE,
    others: NONE,
    dependents: NONE,
    linked: 0,
    isNeeded: false,
    demand: DEMAND.none,
    rank: -1,
    unranked: 0,
  };
}

function nodeOf({ id, provider, edges, dependents, demand, rank }: Draft): GraphNode {
  const { aliases, tags } = provider;
  return {
    id,
    kind: provider.kind,
    tokens: aliases.length === 0 ? NONE : [...new Set(aliases.map((alias) => alias.name))].sort(byText),
    edges,
    needs: edges.length === 0 ? NONE : edges.map((edge) => edge.to),
    neededBy: dependents.length === 0 ? NONE : dependents.map((dependent) => dependent.id),
    rank,
    shared: provider.shared ?? false,
    tags: tags === undefined || tags.length === 0 ? NONE : [...tags].sort(byText),
    times: provider.times ?? NO_TIMES,
    scope: provider.scope ?? 'singleton',
    essential: demand >= DEMAND.essential,
    guarded: demand >= DEMAND.guarded,
    provider,
  };
}

const NO_TIMES: WrittenTimes = {};

/** Everything that somebody may have meant. */
function namesKnown(providers: readonly Provider[], all: readonly Draft[]): string[] {
  return [...new Set([...all.map(({ id }) => id), ...providers.flatMap((p) => p.aliases.map((a) => a.name))])].sort(
    byText,
  );
}

/** One for each id, sorted by it; what is registered twice has one for both. */
function draftsOf(
  providers: readonly Provider[],
  problems: GraphProblem[],
): { readonly drafts: ReadonlyMap<Provider, Draft>; readonly all: readonly Draft[] } {
  const sorted = [...providers].sort((a, b) => byText(a.name, b.name));
  const shared = sharedNames(sorted);
  const drafts = new Map<Provider, Draft>();
  // Where all names differ, they are the ids.
  if (shared.size === 0) {
    const all = sorted.map((provider) => draftOf(provider.name, provider));
    for (const draft of all) drafts.set(draft.provider, draft);
    return { drafts, all };
  }
  const byId = new Map<string, Draft>();
  const taken = new Map<string, unknown>();
  for (const provider of sorted) {
    const sharing = shared.get(provider.name);
    const id = sharing === undefined ? provider.name : nameAmong(provider, sharing, taken);
    if (taken.has(id) && taken.get(id) !== provider.target) problems.push(sameName(id));
    taken.set(id, provider.target);
    const draft = byId.get(id) ?? draftOf(id, provider);
    byId.set(id, draft);
    drafts.set(provider, draft);
  }
  return { drafts, all: [...byId.values()].sort((a, b) => byText(a.id, b.id)) };
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
  drafts: ReadonlyMap<Provider, Draft>,
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
      const sites = same.map((p) => sited(p, (drafts.get(p) as Draft).id));
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
  readonly drafts: ReadonlyMap<Provider, Draft>;
  readonly problems: GraphProblem[];
  readonly names: () => readonly string[];
}

/** The node or nodes that an entry leads to. */
function ownerOf(
  draft: Draft,
  wanted: Wanted,
  { claims, drafts, names, problems }: Known,
): Draft | Draft[] | undefined {
  const claim = claims.get(wanted.key);
  // Most are provided by one who fits.
  if (claim !== undefined && !Array.isArray(claim) && wanted.accepts?.(claim) !== false) return drafts.get(claim);
  const all = claim === undefined ? [] : Array.isArray(claim) ? claim : [claim];
  const fitting = wanted.accepts === undefined ? all : all.filter((candidate) => wanted.accepts?.(candidate));
  const owners = [...new Set(fitting.map((candidate) => drafts.get(candidate) as Draft))];
  if (owners.length > 1) owners.sort((a, b) => byText(a.id, b.id));
  if (wanted.many === true) return owners;
  if (owners.length === 0 && wanted.mayBeAbsent !== true)
    problems.push(missing(draft.id, draft.provider.declaredAt, wanted.name, names()));
  if (owners.length > 1)
    problems.push(
      duplicate(
        wanted.name,
        fitting.map((p) => sited(p, (drafts.get(p) as Draft).id)),
      ),
    );
  return owners[0];
}

function link(draft: Draft, other: Draft, wanted: Wanted, links: Links<Draft>, problems: GraphProblem[]): void {
  const { kind } = other.provider;
  const { terms } = wanted;
  const edge: Edge = {
    to: other.id,
    kind: terms.kind,
    // A task is ready when it has completed: whoever needs it waits for its end.
    until: kind === 'task' ? 'completed' : terms.until,
    need: terms.need,
    onLoss: terms.onLoss,
    source: wanted.observed === true ? 'observed' : 'declared',
  };
  if (terms.kind === 'needs') other.isNeeded = true;
  links.add(edge, other);
  if (kind === 'factory' && !['factory', 'scoped'].includes(draft.provider.kind))
    problems.push(behindGate(draft.id, draft.provider, other.id));
  if (kind === 'scoped') scopeProblems(draft, other, edge, problems);
  if (edge.until === 'completed' && kind === 'service')
    problems.push(neverCompletes(draft.id, draft.provider, other.id));
}

/** A permit gets out what stands behind the gate; everything else is simply there. */
function gatedProblems({ id, provider }: Draft, owner: Draft | undefined, problems: GraphProblem[]): void {
  if (owner !== undefined && owner.provider.kind !== 'factory')
    problems.push(notBehindGate(id, provider, owner.id, owner.provider));
}

/** A scoped class is held by those of scopes that lie inside its own, and by nobody else. */
function scopeProblems(draft: Draft, other: Draft, edge: Edge, problems: GraphProblem[]): void {
  const held = scopeKindOf(other.provider) ?? 'run';
  const holder = scopeKindOf(draft.provider);
  if (holder === undefined || (holder === 'user' && held !== 'user'))
    problems.push(captive(draft.id, draft.provider, other.id, other.provider, held, holder));
  else if (!REACH[holder].includes(held))
    problems.push(otherScope(draft.id, draft.provider, other.id, other.provider, held, holder));
  else if (edge.kind === 'after' || edge.need === 'optional')
    problems.push(noRef(draft.id, draft.provider, other.id, other.provider.declaredAt));
}

function scopeValueProblems({ id, provider }: Draft, wanted: Wanted, problems: GraphProblem[]): void {
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
