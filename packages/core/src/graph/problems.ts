/**
 * Everything that can be wrong with a graph, in words: what, where, and what to do about it.
 */
import type { ScopeKind } from '../declare/scope-kind.ts';
import { nearest } from './nearest.ts';
import type { Provider } from './provider.ts';

/** Something that makes a start impossible; as a note, something that one should know. */
export interface GraphProblem {
  readonly code:
    | 'MISSING'
    | 'DUPLICATE'
    | 'CYCLE'
    | 'CAPTIVE'
    | 'OUT_OF_SCOPE'
    | 'BEHIND_GATE'
    | 'NOT_BEHIND_GATE'
    | 'CONFIGURED_TWICE'
    | 'OTHER_COPY'
    | 'SAME_NAME'
    | 'CONTRACT'
    | 'NOT_SINGLETON'
    | 'NEVER_COMPLETES'
    | 'TIMEOUT_ORDER'
    | 'OVER_BUDGET'
    | 'DEFAULTS_SHARE_BUDGET';
  readonly message: string;
  readonly hint: string;
  /** Ids of the nodes concerned; for a cycle the whole path, its first node once more at the end. */
  readonly nodes: readonly string[];
}

/** A node's name with its place, where the place is known and not part of the name. */
export function at(id: string, declaredAt: string | undefined): string {
  return declaredAt === undefined || id.includes('@') ? id : `${id} (${declaredAt})`;
}

export function missing(
  id: string,
  declaredAt: string | undefined,
  wanted: string,
  known: readonly string[],
): GraphProblem {
  const near = nearest(wanted, known);
  return {
    code: 'MISSING',
    nodes: [id, wanted],
    message: `${at(id, declaredAt)} needs ${wanted}, which nobody provides.`,
    hint: known.includes(wanted)
      ? `There is another ${wanted}, made by a second call of token() or by a second copy of its package: import it from one place, and see with \`npm ls\` that each package is installed once.`
      : `Add a provider of ${wanted} to the services of createApp()${near.length > 0 ? `; near names: ${near.join(', ')}` : ''}.`,
  };
}

export function duplicate(
  name: string,
  by: readonly { readonly id: string; readonly declaredAt: string | undefined }[],
): GraphProblem {
  const sites = by.map(({ id, declaredAt }) => at(id, declaredAt)).sort();
  return {
    code: 'DUPLICATE',
    nodes: by.map(({ id }) => id).sort(),
    message: `${name} is provided ${by.length} times: by ${sites.join(' and by ')}.`,
    hint: 'Register one of them; which one is meant cannot be guessed.',
  };
}

export function sameName(id: string): GraphProblem {
  return {
    code: 'SAME_NAME',
    nodes: [id],
    message: `Two different classes are named ${id}.`,
    hint: 'Rename one: errors, dumps and dashboards tell services apart by name.',
  };
}

/** Something that lives longer than what it holds. `holder` is the kind of its scope; `undefined` for a singleton. */
export function captive(
  id: string,
  provider: Provider,
  owner: string,
  held: Provider,
  kind: ScopeKind,
  holder: ScopeKind | undefined,
): GraphProblem {
  const where = at(owner, held.declaredAt);
  return {
    code: 'CAPTIVE',
    nodes: [id, owner],
    message: `${at(id, provider.declaredAt)} ${holder === undefined ? 'holds' : `lives as long as its ${holder} and holds`} ${where}, of which there is one per ${kind}; it would keep the first one for ever.`,
    hint:
      holder === undefined
        ? `Open a scope of kind ${kind} with Scopes where ${owner} is used and get it there, or declare ${id} as @scoped('${kind}').`
        : `Declare ${id} as @scoped('${kind}'), or ${owner} as @scoped('${holder}').`,
  };
}

/** Scopes of the two kinds do not lie inside each other. */
export function otherScope(
  id: string,
  provider: Provider,
  owner: string,
  held: Provider,
  kind: ScopeKind,
  holder: ScopeKind,
): GraphProblem {
  return {
    code: 'OUT_OF_SCOPE',
    nodes: [id, owner],
    message: `${at(id, provider.declaredAt)} is scoped to a ${holder} and needs ${at(owner, held.declaredAt)}, which is scoped to a ${kind}; neither lies inside the other.`,
    hint: `A run outlives its connection. Move what both need into a class that is @scoped('user'), or into a service.`,
  };
}

export function valueOutOfScope(
  id: string,
  provider: Provider,
  value: string,
  valueIn: readonly ScopeKind[],
  kind: ScopeKind | undefined,
): GraphProblem {
  return {
    code: 'OUT_OF_SCOPE',
    nodes: [id, value],
    message: `${at(id, provider.declaredAt)} ${kind === undefined ? 'is not scoped' : `is scoped to a ${kind}`} and needs ${value}, which has a value in scopes of kind ${valueIn.join(', ')} only.`,
    hint: `Declare ${id} as @scoped('${valueIn[0] ?? 'run'}'), or pass the value to the method that uses it.`,
  };
}

/** Scoped classes and scope values are there whenever their scope is: no order and no \`Ref\` of one means anything. */
export function noRef(id: string, provider: Provider, owner: string, ownerAt: string | undefined): GraphProblem {
  return {
    code: 'OUT_OF_SCOPE',
    nodes: [id, owner],
    message: `${at(id, provider.declaredAt)} wants ${at(owner, ownerAt)} as optional or after it, and what is scoped has no life that could be waited for or lost.`,
    hint: `Name ${owner} in dependsOn without terms.`,
  };
}

export function behindGate(id: string, provider: Provider, owner: string): GraphProblem {
  return {
    code: 'BEHIND_GATE',
    nodes: [id, owner],
    message: `${at(id, provider.declaredAt)} needs ${owner}, which stands behind the gate and does not exist before it opens.`,
    hint: `Name it as gated(${owner}) in dependsOn and get it with a permit, or move what both need into a service.`,
  };
}

export function notBehindGate(id: string, provider: Provider, owner: string, other: Provider): GraphProblem {
  return {
    code: 'NOT_BEHIND_GATE',
    nodes: [id, owner],
    message: `${at(id, provider.declaredAt)} wants gated(${owner}), and ${at(owner, other.declaredAt)} is no factory.`,
    hint: `Name ${owner} in dependsOn without gated(), or declare it with @factory().`,
  };
}

export function configuredTwice(id: string, sites: readonly (string | undefined)[]): GraphProblem {
  return {
    code: 'CONFIGURED_TWICE',
    nodes: [id],
    message: `${id} is configured ${sites.length} times: at ${sites.map((site) => site ?? 'an unknown place').join(' and at ')}.`,
    hint: 'Keep one configure(); which of them is meant cannot be guessed.',
  };
}

export function otherCopy(id: string): GraphProblem {
  return {
    code: 'OTHER_COPY',
    nodes: [id],
    message: `${id} was declared with another copy of @muster/core, so what it declared is not known here.`,
    hint: 'See with `npm ls @muster/core` who brings the second copy, and install one version for all.',
  };
}

export function cycle(path: readonly string[], declaredAt: (id: string) => string | undefined): GraphProblem {
  const [first, ...rest] = path;
  const places = [first, ...rest.slice(0, -1)].map((id) => at(id as string, declaredAt(id as string)));
  return {
    code: 'CYCLE',
    nodes: path,
    message: `These need each other in a circle: ${[...places, first].join(' → ')}.`,
    hint: 'Take one arrow out: move what both sides need into a third service, or turn one side into an event.',
  };
}

export function lacksMethods(
  id: string,
  provider: Provider,
  token: string,
  methods: readonly string[],
  demanded: readonly string[],
): GraphProblem {
  return {
    code: 'CONTRACT',
    nodes: [id],
    message: `${at(id, provider.declaredAt)} provides ${token} and lacks ${methods.map((method) => `${method}()`).join(', ')}.`,
    hint: `Write ${methods.length === 1 ? 'it' : 'them'} as methods of the class: ${token} demands ${demanded.map((method) => `${method}()`).join(', ')}.`,
  };
}

export function notSingleton(id: string, provider: Provider): GraphProblem {
  return {
    code: 'NOT_SINGLETON',
    nodes: [id],
    message: `${at(id, provider.declaredAt)} has a lifecycle and is bound in ${provider.scope} scope: each use would get one that nobody has started.`,
    hint: 'Bind it inSingletonScope(), or take its start() and stop() away.',
  };
}

export function neverCompletes(id: string, provider: Provider, owner: string): GraphProblem {
  return {
    code: 'NEVER_COMPLETES',
    nodes: [id, owner],
    message: `${at(id, provider.declaredAt)} waits until ${owner} has completed, and ${owner} is no task.`,
    hint: `Declare ${owner} with @task(), or wait until it is healthy or started.`,
  };
}
