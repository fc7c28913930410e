/**
 * The graph of who needs whom, and everything that can be wrong with it, found at once.
 *
 * Pure: no time, no I/O, no container. The same providers give the same graph in whatever order they come.
 */
import { findCycles } from './cycles.ts';
import { nearest } from './nearest.ts';

/** `service`, `factory` and `scoped` as declared; a `value` exists already and has no lifecycle. */
export type NodeKind = 'service' | 'factory' | 'scoped' | 'value';

/** One thing that can be depended on, as the container knows it. */
export interface Provider {
  /** Under which it is asked for. */
  readonly key: unknown;
  /** The class that is built; the key itself for a value. */
  readonly target: unknown;
  readonly name: string;
  readonly kind: NodeKind;
  /** The tokens that it is asked for by, the key among them where that is no class. */
  readonly aliases: readonly { readonly key: unknown; readonly name: string }[];
  readonly dependsOn: readonly { readonly key: unknown; readonly name: string }[];
  readonly declaredAt: string | undefined;
}

/** One node of the graph. */
export interface GraphNode {
  /** Unique: the class's name, with `@file:line` behind it where two classes share one. */
  readonly id: string;
  readonly kind: NodeKind;
  /** Names of the tokens that this node provides. */
  readonly tokens: readonly string[];
  readonly declaredAt: string | undefined;
  /** Ids of what it needs, sorted, each once. */
  readonly needs: readonly string[];
  /** Ids of what needs it, sorted, each once. */
  readonly neededBy: readonly string[];
  /** Under which the container has it. */
  readonly key: unknown;
  /** The class that is built; the key itself for a value. */
  readonly target: unknown;
}

/** Something that makes a start impossible. */
export interface GraphProblem {
  readonly code: 'MISSING' | 'DUPLICATE' | 'CYCLE' | 'CAPTIVE' | 'BEHIND_GATE' | 'SAME_NAME';
  readonly message: string;
  readonly hint: string;
  /** Ids of the nodes concerned; for a cycle the whole path, its first node once more at the end. */
  readonly nodes: readonly string[];
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
    const owners = ownersOf(providers, ids, problems);
    const drafts = new Map<string, { provider: Provider; needs: Set<string>; neededBy: Set<string> }>();
    for (const provider of providers) {
      drafts.set(ids.get(provider) as string, { provider, needs: new Set(), neededBy: new Set() });
    }
    const known = [...new Set([...ids.values(), ...providers.flatMap((p) => p.aliases.map((a) => a.name))])].sort(
      byText,
    );
    for (const [id, draft] of drafts) {
      for (const wanted of draft.provider.dependsOn) {
        const owner = owners.get(wanted.key);
        if (owner === undefined) problems.push(missing(id, draft.provider, wanted.name, known));
        else {
          draft.needs.add(owner);
          drafts.get(owner)?.neededBy.add(id);
          const reach = reachProblem(id, draft.provider, owner, drafts.get(owner)?.provider.kind);
          if (reach) problems.push(reach);
        }
      }
    }
    const nodes = [...drafts]
      .map(([id, { provider, needs, neededBy }]) => ({
        id,
        kind: provider.kind,
        tokens: provider.aliases.map((alias) => alias.name).sort(byText),
        declaredAt: provider.declaredAt,
        needs: [...needs].sort(byText),
        neededBy: [...neededBy].sort(byText),
        key: provider.key,
        target: provider.target,
      }))
      .sort((a, b) => byText(a.id, b.id));
    problems.push(...findCycles(nodes).map(cycleProblem));
    problems.sort(
      (a, b) => byText(a.code, b.code) || byText(a.nodes.join(), b.nodes.join()) || byText(a.message, b.message),
    );
    // A class that is registered twice has each of its other problems twice.
    const told = new Map(problems.map((problem) => [problem.message, problem]));
    return new ServiceGraph(nodes, [...told.values()]);
  }

  /** The node of this id; `undefined` when there is none. */
  node(id: string): GraphNode | undefined {
    return this.#byId.get(id);
  }

  /** Ids of everything that `ids` need, directly or not, and of `ids` themselves; sorted. */
  closure(ids: Iterable<string>): string[] {
    const seen = new Set<string>(ids);
    const open = [...seen];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const next of this.#byId.get(id)?.needs ?? []) {
        if (!seen.has(next)) {
          seen.add(next);
          open.push(next);
        }
      }
    }
    return [...seen].sort(byText);
  }
}

/** Order by code units, the same on every machine and in every locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
  for (const [name, sharing] of byName) {
    const alone = new Set(sharing.map((provider) => provider.target)).size === 1;
    for (const provider of sharing) {
      const id = alone ? name : `${name}@${provider.declaredAt ?? 'unknown place'}`;
      if (taken.has(id) && taken.get(id) !== provider.target) {
        problems.push({
          code: 'SAME_NAME',
          nodes: [id],
          message: `Two different classes are named ${id}.`,
          hint: 'Rename one: errors, dumps and dashboards tell services apart by name.',
        });
      }
      taken.set(id, provider.target);
      ids.set(provider, id);
    }
  }
  return ids;
}

function ownersOf(
  providers: readonly Provider[],
  ids: ReadonlyMap<Provider, string>,
  problems: GraphProblem[],
): Map<unknown, string> {
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
  const owners = new Map<unknown, string>();
  for (const [key, { name, by }] of claims) {
    const sorted = by.map((provider) => ids.get(provider) as string).sort(byText);
    owners.set(key, sorted[0] as string);
    if (by.length > 1) {
      const sites = by
        .map((p) => `${ids.get(p)}${p.declaredAt === undefined ? '' : ` (${p.declaredAt})`}`)
        .sort(byText);
      problems.push({
        code: 'DUPLICATE',
        nodes: sorted,
        message: `${name} is provided ${by.length} times: by ${sites.join(' and by ')}.`,
        hint: 'Register one of them; which one is meant cannot be guessed.',
      });
    }
  }
  return owners;
}

function missing(id: string, provider: Provider, wanted: string, known: readonly string[]): GraphProblem {
  const near = nearest(wanted, known);
  return {
    code: 'MISSING',
    nodes: [id, wanted],
    message: `${at(id, provider)} needs ${wanted}, which nobody provides.`,
    hint: `Add a provider of ${wanted} to the services of createApp()${near.length > 0 ? `; near names: ${near.join(', ')}` : ''}.`,
  };
}

function reachProblem(
  id: string,
  provider: Provider,
  owner: string,
  kind: NodeKind | undefined,
): GraphProblem | undefined {
  if (kind === 'scoped') {
    return {
      code: 'CAPTIVE',
      nodes: [id, owner],
      message: `${at(id, provider)} holds ${owner}, of which there is one per use; it would keep the first one for ever.`,
      hint: `Depend on ScopedClasses and make ${owner} where it is used.`,
    };
  }
  if (kind === 'factory') {
    return {
      code: 'BEHIND_GATE',
      nodes: [id, owner],
      message: `${at(id, provider)} needs ${owner}, which stands behind the gate and does not exist before it opens.`,
      hint: `Move what both need into a service, and let ${id} and ${owner} depend on that.`,
    };
  }
  return undefined;
}

function cycleProblem(path: readonly string[]): GraphProblem {
  return {
    code: 'CYCLE',
    nodes: path,
    message: `These need each other in a circle: ${path.join(' → ')}.`,
    hint: 'Take one arrow out: move what both sides need into a third service, or turn one side into an event.',
  };
}

function at(id: string, provider: Provider): string {
  return provider.declaredAt === undefined || id.includes('@') ? id : `${id} (${provider.declaredAt})`;
}
