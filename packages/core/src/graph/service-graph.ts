/**
 * The graph of who needs whom, and everything that can be wrong with it, found at once.
 *
 * Pure: no time, no I/O, no container. The same providers give the same graph in whatever order they come.
 */
import { findCycles } from './cycles.ts';
import { demandOf } from './demand.ts';
import { type Edge, stronger } from '../declare/edge.ts';
import {
  cycle,
  duplicate,
  type GraphProblem,
  lacksMethods,
  missing,
  neverCompletes,
  notSingleton,
  outOfReach,
  sameName,
} from './problems.ts';
import type { NodeKind, Provider, Wanted, WrittenTimes } from './provider.ts';

/** One node of the graph. */
export interface GraphNode {
  /** Unique: the class's name, with `@file:line` behind it where two classes share one. */
  readonly id: string;
  readonly kind: NodeKind;
  /** Names of the tokens that this node provides. */
  readonly tokens: readonly string[];
  readonly declaredAt: string | undefined;
  /** What it wants of others, sorted by their ids, one edge for each. */
  readonly edges: readonly Edge[];
  /** Ids of the other sides of its edges, sorted. */
  readonly needs: readonly string[];
  /** Ids of the nodes that have an edge to it, sorted. */
  readonly neededBy: readonly string[];
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
  readonly #byId: ReadonlyMap<string, GraphNode>;

  private constructor(nodes: readonly GraphNode[], problems: readonly GraphProblem[]) {
    this.nodes = nodes;
    this.problems = problems;
    this.#byId = new Map(nodes.map((node) => [node.id, node]));
  }

  /** Builds the graph; problems are kept in it, so that an unsound graph can be shown as well. */
  static from(providers: readonly Provider[]): ServiceGraph {
    const problems: GraphProblem[] = [];
    const ids = namesOf(providers, problems);
    const claims = claimsOf(providers, ids, problems);
    const drafts = new Map<string, Draft>();
    for (const provider of providers) {
      drafts.set(ids.get(provider) as string, { provider, edges: new Map(), neededBy: new Set() });
    }
    const known = [...new Set([...ids.values(), ...providers.flatMap((p) => p.aliases.map((a) => a.name))])].sort(
      byText,
    );
    for (const [id, draft] of drafts) {
      for (const wanted of draft.provider.wants) {
        for (const owner of candidatesOf(id, draft.provider, wanted, { claims, ids, known, problems })) {
          link(id, draft, owner, drafts.get(owner) as Draft, wanted, problems);
        }
      }
      problems.push(...ownProblems(id, draft.provider));
    }
    const nodes = nodesOf(drafts);
    problems.push(...findCycles(nodes).map((path) => cycle(path, (id) => drafts.get(id)?.provider.declaredAt)));
    return new ServiceGraph(nodes, sortProblems(problems));
  }

  /** The node of this id; `undefined` when there is none. */
  node(id: string): GraphNode | undefined {
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

interface Draft {
  readonly provider: Provider;
  readonly edges: Map<string, Edge>;
  readonly neededBy: Set<string>;
}

function nodesOf(drafts: ReadonlyMap<string, Draft>): GraphNode[] {
  const demand = demandOf(
    [...drafts].map(([id, { provider, edges, neededBy }]) => ({ id, kind: provider.kind, edges, neededBy })),
  );
  return [...drafts]
    .map(([id, { provider, edges, neededBy }]) => {
      const sorted = [...edges.values()].sort((a, b) => byText(a.to, b.to));
      return {
        id,
        kind: provider.kind,
        tokens: [...new Set(provider.aliases.map((alias) => alias.name))].sort(byText),
        declaredAt: provider.declaredAt,
        edges: sorted,
        needs: sorted.map((edge) => edge.to),
        neededBy: [...neededBy].sort(byText),
        shared: provider.shared ?? false,
        tags: [...(provider.tags ?? [])].sort(byText),
        times: provider.times ?? {},
        scope: provider.scope ?? 'singleton',
        essential: demand.essential.has(id),
        guarded: demand.guarded.has(id),
        provider,
      };
    })
    .sort((a, b) => byText(a.id, b.id));
}

function namesOf(providers: readonly Provider[], problems: GraphProblem[]): Map<Provider, string> {
  const byName = new Map<string, Provider[]>();
  for (const provider of providers) {
    const sharing = byName.get(provider.name);
    if (sharing) sharing.push(provider);
    else byName.set(provider.name, [provider]);
  }
  const ids = new Map<Provider, string>();
  const taken = new Map<string, unknown>();
  for (const sharing of byName.values()) {
    for (const provider of sharing) {
      const id = nameAmong(provider, sharing, taken);
      if (taken.has(id) && taken.get(id) !== provider.target) problems.push(sameName(id));
      taken.set(id, provider.target);
      ids.set(provider, id);
    }
  }
  return ids;
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
  ids: ReadonlyMap<Provider, string>,
  problems: GraphProblem[],
): Map<unknown, Provider[]> {
  const claims = new Map<unknown, { name: string; by: Provider[] }>();
  for (const provider of providers) {
    const names = new Map(provider.aliases.map((alias) => [alias.key, alias.name]));
    if (!names.has(provider.key)) names.set(provider.key, provider.name);
    for (const [key, name] of names) {
      const claim = claims.get(key);
      if (claim) claim.by.push(provider);
      else claims.set(key, { name, by: [provider] });
    }
  }
  const wantedAsList = new Set(providers.flatMap((p) => p.wants.filter((w) => w.many === true).map((w) => w.key)));
  for (const [key, { name, by }] of claims) {
    if (by.length < 2 || wantedAsList.has(key)) continue;
    for (const label of new Set(by.map((provider) => provider.label ?? ''))) {
      const same = by.filter((provider) => (provider.label ?? '') === label);
      if (same.length > 1)
        problems.push(
          duplicate(
            name,
            same.map((p) => sited(p, ids)),
          ),
        );
    }
  }
  return new Map([...claims].map(([key, { by }]) => [key, by]));
}

function sited(provider: Provider, ids: ReadonlyMap<Provider, string>) {
  return { id: ids.get(provider) as string, declaredAt: provider.declaredAt };
}

interface Known {
  readonly claims: ReadonlyMap<unknown, readonly Provider[]>;
  readonly ids: ReadonlyMap<Provider, string>;
  readonly known: readonly string[];
  readonly problems: GraphProblem[];
}

/** Ids of the nodes that an entry leads to. */
function candidatesOf(
  id: string,
  provider: Provider,
  wanted: Wanted,
  { claims, ids, known, problems }: Known,
): string[] {
  const all = claims.get(wanted.key) ?? [];
  const fitting = wanted.accepts === undefined ? all : all.filter((candidate) => wanted.accepts?.(candidate));
  const owners = [...new Set(fitting.map((candidate) => ids.get(candidate) as string))].sort(byText);
  if (wanted.many === true) return owners;
  if (owners.length === 0 && wanted.mayBeAbsent !== true)
    problems.push(missing(id, provider.declaredAt, wanted.name, known));
  if (owners.length > 1)
    problems.push(
      duplicate(
        wanted.name,
        fitting.map((p) => sited(p, ids)),
      ),
    );
  return owners.slice(0, 1);
}

function link(id: string, draft: Draft, owner: string, other: Draft, wanted: Wanted, problems: GraphProblem[]): void {
  const { kind } = other.provider;
  // A task is ready when it has completed: whoever needs it waits for its end.
  const until = kind === 'task' ? 'completed' : wanted.terms.until;
  const edge: Edge = { ...wanted.terms, until, to: owner, source: wanted.observed === true ? 'observed' : 'declared' };
  const before = draft.edges.get(owner);
  draft.edges.set(owner, before === undefined ? edge : stronger(before, edge));
  other.neededBy.add(id);
  const reach = outOfReach(id, draft.provider, owner, kind);
  if (reach) problems.push(reach);
  if (until === 'completed' && kind === 'service') problems.push(neverCompletes(id, draft.provider, owner));
}

function ownProblems(id: string, provider: Provider): GraphProblem[] {
  const problems: GraphProblem[] = [];
  const names = new Map(provider.aliases.map(({ key, name }) => [key, name]));
  for (const [key, demanded] of provider.demands ?? []) {
    const lacking = demanded.filter((method) => provider.hasMethod?.(method) === false);
    if (lacking.length > 0)
      problems.push(lacksMethods(id, provider, names.get(key) ?? provider.name, lacking, demanded));
  }
  const hasLifecycle = ['start', 'run', 'check', 'drain', 'stop'].some((method) => provider.hasMethod?.(method));
  if (provider.kind === 'service' && hasLifecycle && (provider.scope ?? 'singleton') !== 'singleton')
    problems.push(notSingleton(id, provider));
  return problems;
}
