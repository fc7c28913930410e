/**
 * Reads the graph's providers from an Inversify container: whatever is bound there, by Muster or long before it.
 *
 * The container is the only list there is. Classes with Inversify's own decorators count as declared.
 */
import {
  type Binding,
  type BindingConstraints,
  bindingTypeValues,
  type ClassElementMetadata,
  ClassElementMetadataKind,
  getClassMetadata,
  type ManagedClassElementMetadata,
  ResolvedValueElementMetadataKind,
  type ResolvedValueElementMetadata,
} from '@inversifyjs/core';
import type { Container, ServiceIdentifier } from 'inversify';
import { type Declaration, declarationOf, isDeclaredElsewhere } from '../declare/declaration.ts';
import { type Class, gateTarget, methodsOf, nameOf, refTarget } from '../declare/dependency.ts';
import { AFTER, type EdgeTerms, PLAIN } from '../declare/edge.ts';
import { valueKindsOf } from '../declare/scope-value.ts';
import { KeyValueStore } from '../state/key-value-store.ts';
import { LIFECYCLE, type NodeKind, type Provider, type Wanted } from '../graph/provider.ts';
import { bindingsOf } from './bindings.ts';

/** A provider and the binding it was read from. */
export interface BoundProvider extends Provider {
  readonly binding: Binding<unknown>;
}

/** How a place of injection asks: by name and tags, for one or for all. */
interface Ask {
  readonly key: ServiceIdentifier;
  readonly name: BindingConstraints['name'];
  readonly tags: BindingConstraints['tags'];
  readonly many: boolean;
  readonly optional: boolean;
}

/**
 * Everything bound in `container`.
 *
 * @param isForeign true for a binding that was there before Muster: two of one key may then be meant for a `getAll()`.
 */
export function readProviders(
  container: Container,
  isForeign: (binding: Binding<unknown>) => boolean,
): BoundProvider[] {
  const providers: BoundProvider[] = [];
  const aliases: { key: ServiceIdentifier; target: ServiceIdentifier }[] = [];
  for (const binding of bindingsOf(container)) {
    const key = binding.serviceIdentifier;
    if (refTarget(key) !== undefined || gateTarget(key) !== undefined) continue;
    if (binding.type === bindingTypeValues.ServiceRedirection) {
      aliases.push({ key, target: binding.targetServiceIdentifier });
    } else {
      const label = isForeign(binding) || !isPlain(binding) ? `binding ${binding.id}` : '';
      providers.push(fromBinding(binding, label));
    }
  }
  return withAliases(providers, aliases);
}

/** What the constructor of a class is given, in order. */
export function dependenciesOf(target: Class): ServiceIdentifier[] {
  return getClassMetadata(target).constructorArguments.flatMap((argument) =>
    argument.kind === ClassElementMetadataKind.unmanaged ? [] : [unwrapped(argument.value)],
  );
}

function fromBinding(binding: Binding<unknown>, label: string): BoundProvider {
  const key = binding.serviceIdentifier;
  switch (binding.type) {
    case bindingTypeValues.Instance:
      return fromClass(key, binding.implementationType as Class, scopeOf(binding.scope), label, binding);
    case bindingTypeValues.ConstantValue: {
      const value = binding.value as unknown;
      const hasMethod = (name: string): boolean =>
        typeof (value as Record<string, unknown> | null)?.[name] === 'function';
      return { ...bare(key, 'value', []), ...contractOf(key), hasMethod, label, binding };
    }
    case bindingTypeValues.ResolvedValue: {
      const wants = binding.metadata.arguments.map((argument) => wantedBy(key, askOfResolved(argument)));
      return { ...bare(key, 'opaque', wants), ...contractOf(key), scope: scopeOf(binding.scope), label, binding };
    }
    case bindingTypeValues.DynamicValue:
      return { ...bare(key, 'opaque', []), ...contractOf(key), scope: scopeOf(binding.scope), label, binding };
    default:
      return { ...bare(key, 'opaque', []), ...contractOf(key), label, binding };
  }
}

function bare(key: ServiceIdentifier, kind: NodeKind, wants: readonly Wanted[]): Omit<Provider, 'label'> {
  return { key, target: key, name: nameOf(key), kind, aliases: [], wants, declaredAt: undefined };
}

/** What the key's token demands of whoever provides it. */
function contractOf(key: ServiceIdentifier): Pick<Provider, 'demands'> {
  const methods = methodsOf(key);
  return methods.length === 0 ? {} : { demands: new Map([[key, methods]]) };
}

function fromClass(
  key: ServiceIdentifier,
  target: Class,
  scope: NonNullable<Provider['scope']>,
  label: string,
  binding: Binding<unknown>,
): BoundProvider {
  const declaration = declarationOf(target);
  const wants = wantsOf(key, target, declaration);
  const { start, stop, health, shared, tags } = declaration?.options ?? {};
  const hasMethod = (name: string): boolean =>
    typeof (target.prototype as Record<string, unknown> | undefined)?.[name] === 'function';
  return {
    key,
    target,
    name: nameOf(target),
    // What is made anew at each use has no life that an engine could look after.
    kind: declaration?.kind ?? (scope === 'singleton' || LIFECYCLE.some(hasMethod) ? 'service' : 'opaque'),
    scope,
    scopeKind: declaration?.scope,
    aliases: key === target ? [] : [{ key, name: nameOf(key) }],
    wants,
    get declaredAt() {
      return declaration?.declaredAt();
    },
    shared: shared ?? false,
    tags: tags ?? [],
    times: { startMs: start?.timeoutMs, stopMs: stop?.timeoutMs, healthMs: health?.timeoutMs },
    hasMethod,
    isForeign: isDeclaredElsewhere(target),
    demands: contractOf(key).demands ?? NO_DEMANDS,
    label,
    binding,
  };
}

/** What is injected into a class, by its constructor first, and what it only comes after. */
function wantsOf(key: ServiceIdentifier, target: Class, declaration: Declaration | undefined): Wanted[] {
  const { constructorArguments, properties } = getClassMetadata(target);
  const wants: Wanted[] = [];
  const add = (argument: ClassElementMetadata, terms: EdgeTerms): void => {
    if (argument.kind === ClassElementMetadataKind.unmanaged) return;
    const ask = askOfClass(argument);
    const optionalTarget = refTarget(ask.key);
    const gatedTarget = gateTarget(ask.key);
    const asked = optionalTarget ?? gatedTarget ?? ask.key;
    const valueIn = valueKindsOf(asked);
    if (valueIn !== undefined) wants.push({ key: asked, name: nameOf(asked), terms, valueIn });
    else if (gatedTarget !== undefined) wants.push({ key: asked, name: nameOf(asked), terms, isGated: true });
    else if (optionalTarget === undefined) wants.push(wantedBy(key, ask, terms));
    else wants.push({ key: optionalTarget, name: nameOf(optionalTarget), terms, mayBeAbsent: true });
  };
  constructorArguments.forEach((argument, index) => add(argument, declaration?.terms[index] ?? PLAIN));
  for (const argument of properties.values()) add(argument, PLAIN);
  // What is settled among all instances needs their store, and is over before that is stopped.
  if (declaration?.options.cluster === 'leader' || isPreparedOnce(target))
    wants.push({ key: KeyValueStore, name: nameOf(KeyValueStore), terms: PLAIN });
  for (const other of declaration?.options.after ?? [])
    wants.push({ key: other, name: nameOf(other), terms: AFTER, mayBeAbsent: true });
  return wants;
}

/** True for a factory of which one instance prepares for all. */
export function isPreparedOnce(target: Class): boolean {
  const { kind, preparedIn } = declarationOf(target) ?? {};
  if (kind !== 'factory' || preparedIn === 'instance') return false;
  return typeof (target.prototype as { prepare?: unknown } | undefined)?.prepare === 'function';
}

const NO_DEMANDS: ReadonlyMap<unknown, readonly string[]> = new Map();

function askOfClass(argument: ManagedClassElementMetadata): Ask {
  const many = argument.kind === ClassElementMetadataKind.multipleInjection;
  const { name, tags, optional } = argument;
  return { key: unwrapped(argument.value), name, tags, many, optional };
}

function askOfResolved(argument: ResolvedValueElementMetadata): Ask {
  const many = argument.kind === ResolvedValueElementMetadataKind.multipleInjection;
  const { name, tags, optional } = argument;
  return { key: unwrapped(argument.value), name, tags, many, optional };
}

function wantedBy(consumer: ServiceIdentifier, { key, name, tags, many, optional }: Ask, terms = PLAIN): Wanted {
  return {
    key,
    name: nameOf(key),
    terms,
    many,
    mayBeAbsent: optional,
    accepts: (candidate) => {
      const { key: provided, binding } = candidate as BoundProvider;
      // An alias has no conditions of its own, so what stands behind one fits whoever asks.
      if (provided !== key) return true;
      const parent = askedFor(consumer);
      return binding.isSatisfiedBy({ name, tags, serviceIdentifier: key, getAncestor: () => parent });
    },
  };
}

/** An ask without a name or a tag, for nobody else. */
function askedFor(serviceIdentifier: ServiceIdentifier): BindingConstraints {
  return { name: undefined, tags: NO_TAGS, serviceIdentifier, getAncestor };
}

const NO_TAGS: BindingConstraints['tags'] = new Map();

function getAncestor(): undefined {
  return undefined;
}

/** True for a binding that fits whoever asks without a name or a tag. */
function isPlain(binding: Binding<unknown>): boolean {
  return binding.isSatisfiedBy(askedFor(binding.serviceIdentifier));
}

function scopeOf(scope: string): NonNullable<Provider['scope']> {
  return scope === 'Transient' ? 'transient' : scope === 'Request' ? 'request' : 'singleton';
}

function unwrapped(value: unknown): ServiceIdentifier {
  return typeof value === 'object' && value !== null && 'unwrap' in value
    ? (value as { unwrap(): ServiceIdentifier }).unwrap()
    : (value as ServiceIdentifier);
}

/** A redirection is another name of what it leads to, also through further redirections. */
function withAliases(
  providers: BoundProvider[],
  aliases: readonly { key: ServiceIdentifier; target: ServiceIdentifier }[],
): BoundProvider[] {
  const next = new Map(aliases.map(({ key, target }) => [key, target]));
  const byTarget = new Map<unknown, { key: ServiceIdentifier; name: string }[]>();
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
  for (const provider of providers) {
    const more = byTarget.get(provider.key);
    if (more === undefined) continue;
    const demands = new Map(provider.demands);
    for (const { key } of more) if (methodsOf(key).length > 0) demands.set(key, methodsOf(key));
    // Written into it and not into a copy: a copy would have to work out where the class was declared.
    Object.assign(provider, { aliases: [...provider.aliases, ...more], demands });
  }
  return providers;
}
