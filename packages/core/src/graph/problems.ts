/**
 * Everything that can be wrong with a graph, in words: what, where, and what to do about it.
 */
import { nearest } from './nearest.ts';
import type { Provider } from './provider.ts';

/** Something that makes a start impossible; as a note, something that one should know. */
export interface GraphProblem {
  readonly code:
    | 'MISSING'
    | 'DUPLICATE'
    | 'CYCLE'
    | 'CAPTIVE'
    | 'BEHIND_GATE'
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
    hint: `Add a provider of ${wanted} to the services of createApp()${near.length > 0 ? `; near names: ${near.join(', ')}` : ''}.`,
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

/** What a node may not reach: something of which there is one per use, or something behind the gate. */
export function outOfReach(id: string, provider: Provider, owner: string, kind: 'scoped' | 'factory'): GraphProblem {
  if (kind === 'scoped') {
    return {
      code: 'CAPTIVE',
      nodes: [id, owner],
      message: `${at(id, provider.declaredAt)} holds ${owner}, of which there is one per use; it would keep the first one for ever.`,
      hint: `Depend on ScopedClasses and make ${owner} where it is used.`,
    };
  }
  return {
    code: 'BEHIND_GATE',
    nodes: [id, owner],
    message: `${at(id, provider.declaredAt)} needs ${owner}, which stands behind the gate and does not exist before it opens.`,
    hint: `Move what both need into a service, and let ${id} and ${owner} depend on that.`,
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
