/**
 * Reads the providers of a graph from a container's own bindings, so there is no second list that could drift.
 */
import { bindingTypeValues, ClassElementMetadataKind, getClassMetadata } from '@inversifyjs/core';
import { Plugin, type PluginContext } from '@inversifyjs/plugin';
import type { Container, ServiceIdentifier } from 'inversify';
import { type Class, nameOf } from '../declare/dependency.ts';
import { declarationOf } from '../declare/declaration.ts';
import type { Provider } from '../graph/service-graph.ts';

const contexts = new WeakMap<Container, PluginContext>();

/** Keeps the context that a container hands to its plugins: the only way to its bindings. */
class BindingsReader extends Plugin<Container> {
  override load(): void {
    contexts.set(this._container, this._context);
  }
}

/** Everything bound in `container`, in no particular order. */
export function readProviders(container: Container): Provider[] {
  if (!contexts.has(container)) container.register(BindingsReader);
  const bindings = (contexts.get(container) as PluginContext).bindingService;
  const providers: Provider[] = [];
  const aliases: { key: ServiceIdentifier; target: ServiceIdentifier }[] = [];
  for (const key of bindings.getBoundServices()) {
    for (const binding of bindings.get(key) ?? []) {
      if (binding.type === bindingTypeValues.ServiceRedirection) {
        aliases.push({ key, target: binding.targetServiceIdentifier });
      } else if (binding.type === bindingTypeValues.Instance) {
        providers.push(fromClass(key, binding.implementationType as Class));
      } else {
        providers.push({
          key,
          target: key,
          name: nameOf(key),
          kind: 'value',
          aliases: [],
          dependsOn: [],
          declaredAt: undefined,
        });
      }
    }
  }
  return withAliases(providers, aliases);
}

/** What the constructor of a class is given, in order. */
export function dependenciesOf(target: Class): ServiceIdentifier[] {
  return getClassMetadata(target).constructorArguments.flatMap((argument) => {
    if (argument.kind === ClassElementMetadataKind.unmanaged) return [];
    const wanted = argument.value as ServiceIdentifier | { unwrap(): ServiceIdentifier };
    return [typeof wanted === 'object' ? wanted.unwrap() : wanted];
  });
}

function fromClass(key: ServiceIdentifier, target: Class): Provider {
  const declaration = declarationOf(target);
  const dependsOn = dependenciesOf(target).map((wanted) => ({ key: wanted, name: nameOf(wanted) }));
  return {
    key,
    target,
    name: nameOf(target),
    kind: declaration?.kind ?? 'service',
    aliases: key === target ? [] : [{ key, name: nameOf(key) }],
    dependsOn,
    declaredAt: declaration?.declaredAt(),
  };
}

/** A redirection is another name of what it leads to, also through further redirections. */
function withAliases(
  providers: readonly Provider[],
  aliases: readonly { key: ServiceIdentifier; target: ServiceIdentifier }[],
): Provider[] {
  const next = new Map(aliases.map(({ key, target }) => [key, target]));
  const byTarget = new Map<unknown, { key: unknown; name: string }[]>();
  for (const { key, target } of aliases) {
    const seen = new Set<ServiceIdentifier>([key]);
    let end = target;
    for (let further = next.get(end); further !== undefined && !seen.has(end); further = next.get(end)) {
      seen.add(end);
      end = further;
    }
    const known = byTarget.get(end);
    if (known) known.push({ key, name: nameOf(key) });
    else byTarget.set(end, [{ key, name: nameOf(key) }]);
  }
  return providers.map((provider) => ({
    ...provider,
    aliases: [...provider.aliases, ...(byTarget.get(provider.key) ?? [])],
  }));
}
