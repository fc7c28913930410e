/**
 * Lets Inversify construct everything, bottom up in plan order: from the top it reports false circles in deep graphs.
 *
 * A constructor does no I/O, so building starts nothing. What a binding yields is looked at: a promise or nothing at all is
 * an error that names the binding.
 */
import type { Container, ServiceIdentifier } from 'inversify';
import { nameOf } from '../declare/dependency.ts';
import { coreError } from '../errors.ts';
import type { Provider } from '../graph/provider.ts';
import type { GraphNode } from '../graph/graph-node.ts';
import { isThenable } from '../thenable.ts';
import { observeDynamic } from './bindings.ts';
import type { BoundProvider } from './read-container.ts';
import { reasonOf } from '../redact.ts';

/** What was built, and what opaque nodes were seen to ask for meanwhile. */
export interface Built {
  readonly instances: ReadonlyMap<string, object>;
  readonly observed: ReadonlyMap<string, readonly ServiceIdentifier[]>;
}

/**
 * Builds every singleton of `order` that is no factory, nor scoped.
 *
 * @throws MusterError `CONSTRUCT_FAILED` naming what could not be constructed; `BINDING_INVALID` naming the binding.
 */
export function build(container: Container, order: readonly GraphNode[]): Built {
  const instances = new Map<string, object>();
  const observation = observeDynamic(container);
  try {
    for (const { id, kind, scope, provider } of order) {
      if (scope !== 'singleton' || !isBound(provider) || !['service', 'task', 'opaque'].includes(kind)) continue;
      const made = construct(container, id, provider);
      if (kind !== 'opaque' && typeof made === 'object' && made !== null) instances.set(id, made);
    }
  } finally {
    observation.end();
  }
  const observed = new Map<string, readonly ServiceIdentifier[]>();
  for (const { id, provider } of order) {
    const asked = isBound(provider) ? observation.asked.get(provider.binding.id) : undefined;
    if (asked !== undefined && asked.size > 0) observed.set(id, [...asked]);
  }
  // What is bound under a condition was made when somebody who fulfils it was.
  for (const { id, kind, provider } of order) {
    if (instances.has(id) || !isBound(provider) || (kind !== 'service' && kind !== 'task')) continue;
    const made = cacheOf(provider.binding)?.value;
    if (typeof made === 'object' && made !== null) instances.set(id, made);
  }
  return { instances, observed };
}

function isBound(provider: Provider): provider is BoundProvider {
  return 'binding' in provider;
}

function construct(container: Container, service: string, provider: BoundProvider): unknown {
  let made: unknown;
  try {
    made = resolve(container, provider);
  } catch (error) {
    const promised = cacheOf(provider.binding)?.value;
    if (!isThenable<unknown, Promise<unknown>>(promised)) {
      throw coreError('CONSTRUCT_FAILED', { service, reason: reasonOf(error) }, error);
    }
    // Nobody will wait for it, so its rejection is told here or never.
    promised.then(undefined, () => {});
    made = promised;
  }
  if (made === NOT_ASKED_FOR) return undefined;
  if (made === undefined || made === null || isThenable(made as object)) {
    const got = made === undefined ? 'undefined' : made === null ? 'null' : 'a promise';
    throw coreError('BINDING_INVALID', { service, key: nameOf(provider.key), got });
  }
  return made;
}

/** Bound under a condition that only an injection can fulfil, and nobody has. */
const NOT_ASKED_FOR = Symbol('not asked for');

/** The instance of this very binding: where its key has several, or a condition, the container's cache knows which is whose. */
function resolve(container: Container, { key, label, binding }: BoundProvider): unknown {
  if (label === '') return container.get(key as ServiceIdentifier);
  const cached = cacheOf(binding);
  if (cached !== undefined) return cached.value;
  const all: unknown[] = container.getAll(key as ServiceIdentifier, { optional: true });
  const made = cacheOf(binding);
  if (made !== undefined) return made.value;
  return all.length === 1 ? all[0] : NOT_ASKED_FOR;
}

function cacheOf(binding: BoundProvider['binding']): { value: unknown } | undefined {
  const { cache } = binding as { cache?: { isRight: boolean; value: unknown } };
  return cache?.isRight === true ? { value: cache.value } : undefined;
}
