/**
 * Between graph and scopes: the scoped classes of a graph, and that nobody but a scope gets an instance of one.
 */
import type { Container, ServiceIdentifier } from 'inversify';
import { dependenciesOf } from './container/read-container.ts';
import { tagOf } from './declare/declaration.ts';
import { type Class, nameOf } from './declare/dependency.ts';
import { coreError } from './errors.ts';

import { type GraphNode, keysOf } from './graph/graph-node.ts';
import type { Singletons } from './scopes/compile.ts';
import type { ScopedClass } from './scopes/layout.ts';

/** The scoped classes among `nodes`, in their order. */
export function scopedClassesOf(nodes: readonly GraphNode[]): ScopedClass[] {
  return nodes
    .filter((node) => node.kind === 'scoped')
    .map((node) => {
      const { id, provider } = node;
      const target = provider.target as Class;
      return {
        name: id,
        kind: provider.scopeKind ?? 'run',
        tag: tagOf(target),
        target,
        keys: withTarget(node),
        wants: dependenciesOf(target),
      };
    });
}

/** How scoped classes get what is not scoped. */
export function singletonsOf(container: Container, nodes: readonly GraphNode[]): Singletons {
  const fresh = new Set<unknown>();
  for (const node of nodes) if (node.scope !== 'singleton') for (const key of withTarget(node)) fresh.add(key);
  return { get: (key) => container.get(key as ServiceIdentifier), isFresh: (key) => fresh.has(key) };
}

/** Lets the container hand out no instance of a scoped class: it would be everybody's, and nobody would dispose of it. */
export function refuseScoped(container: Container, nodes: readonly GraphNode[]): void {
  for (const { kind, provider } of nodes) {
    if (kind !== 'scoped') continue;
    container.onActivation(provider.key as ServiceIdentifier, () => {
      throw notFromContainer(provider.key);
    });
  }
}

/** What `app.get` and the container say to who asks for a scoped class. */
export function notFromContainer(key: unknown): Error {
  return coreError('NOT_IN_SCOPE', { name: nameOf(key), wanted: 'the app', reason: 'it is scoped' });
}

/** What it answers to, and its class, which may not be among that. */
function withTarget(node: GraphNode): unknown[] {
  return [...new Set([node.provider.target, ...keysOf(node)])];
}
