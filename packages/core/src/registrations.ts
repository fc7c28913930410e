/** What was registered of what other services are: hooks that wait for them, and configurations of factories. */
import { type Dependency, nameOf } from './declare/dependency.ts';
import type { Registration } from './declare/registration.ts';
import { type GraphNode, keysOf } from './graph/graph-node.ts';
import { configuredTwice, type GraphProblem, missing } from './graph/problems.ts';

export type Hook = Extract<Registration, { readonly ready: Dependency }>;
export type Configuration = Extract<Registration, { readonly configures: Dependency }>;

/** Each hook waits for something that starts. */
export function hookProblems(nodes: readonly GraphNode[], hooks: readonly Hook[]): GraphProblem[] {
  if (hooks.length === 0) return [];
  const alive = nodes.filter((node) => node.isAlive);
  const known = alive.flatMap(({ id, tokens }) => [id, ...tokens]);
  const keys = new Set(alive.flatMap(keysOf));
  return hooks
    .filter(({ ready }) => !keys.has(ready))
    .map(({ ready }) => missing(`onReady(${nameOf(ready)})`, undefined, nameOf(ready), known));
}

/** Each configuration belongs to a factory of the app, and each factory has one at the most. */
export function configurationProblems(
  nodes: readonly GraphNode[],
  configurations: readonly Configuration[],
): GraphProblem[] {
  const factories = nodes.filter(({ kind }) => kind === 'factory');
  const idOf = (key: unknown): string | undefined => factories.find((node) => keysOf(node).includes(key))?.id;
  return [...groupBy<unknown, Configuration>(configurations, ({ configures }) => configures)].flatMap(
    ([key, given]): GraphProblem[] => {
      const id = idOf(key);
      const sites = given.map(({ declaredAt }) => declaredAt());
      if (id === undefined)
        return [
          missing(
            `configure(${nameOf(key)})`,
            sites[0],
            nameOf(key),
            factories.map((node) => node.id),
          ),
        ];
      return given.length > 1 ? [configuredTwice(id, sites)] : [];
    },
  );
}

export function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
