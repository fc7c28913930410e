/** What a graph is made of: everything that is bound, what stands for services of other instances, and the server. */
import type { Container } from 'inversify';
import { bindingsOf } from './container/bindings.ts';
import { readProviders } from './container/read-container.ts';
import { type Class, type Dependency, nameOf } from './declare/dependency.ts';
import { PLAIN } from './declare/edge.ts';
import type { Provider } from './graph/provider.ts';
import { Instances } from './state/instances.ts';
import { isRemote } from './state/remote.ts';

/** What stands at the gate, as far as the graph has to know it. */
export interface Front {
  readonly name: string;
  readonly dependsOn: readonly Dependency[];
}

/** Everything bound, and what stands for services of other instances, which is bound here for whoever asks for it. */
export function withRemotes(container: Container, foreign: ReadonlySet<number>, front: Front | undefined): Provider[] {
  const read = (): Provider[] => readProviders(container, ({ id }) => foreign.has(id));
  const providers = read();
  const remotes = new Set<Class>((front?.dependsOn ?? []).filter(isRemote));
  for (const { wants } of providers) for (const { key } of wants) if (isRemote(key)) remotes.add(key);
  if (remotes.size === 0) return providers;
  for (const each of [Instances, ...remotes]) bindOnce(container, each);
  return read();
}

function bindOnce(container: Container, target: Class): void {
  if (!container.isBound(target)) container.bind(target).toSelf().inSingletonScope();
}

/** What is bound, and the server, which is no part of the container. Values that nobody wants are left out. */
export function providersOf(bound: readonly Provider[], front: Front | undefined): Provider[] {
  const providers = [...bound];
  if (front) {
    const wants = front.dependsOn.map((key) => ({ key, name: nameOf(key), terms: PLAIN }));
    const { name } = front;
    providers.push({ key: front, target: front, name, kind: 'factory', aliases: [], wants, declaredAt: undefined });
  }
  const wanted = new Set<unknown>();
  for (const { wants } of providers) for (const { key } of wants) wanted.add(key);
  return providers.filter(
    (p) => p.kind !== 'value' || wanted.has(p.key) || p.aliases.some(({ key }) => wanted.has(key)),
  );
}

/** Ids of everything that is bound now. */
export function bindingIdsOf(container: Container): Set<number> {
  return new Set(bindingsOf(container).map(({ id }) => id));
}
