/**
 * What a graph is made of: providers, as the container's bindings and the decorators describe them.
 */
import type { EdgeTerms } from '../declare/edge.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';

/**
 * - `service`: one instance with a lifecycle. `task`: one that ends by itself.
 * - `factory`: stands behind the gate. `scoped`: one instance per scope.
 * - `value`: exists already. `opaque`: made by a function that nobody can look into.
 */
export type NodeKind = 'service' | 'task' | 'factory' | 'scoped' | 'value' | 'opaque';

/** One entry of what a provider wants. */
export interface Wanted {
  readonly key: unknown;
  readonly name: string;
  readonly terms: EdgeTerms;
  /** Every candidate instead of the only one; none is fine. @default false */
  readonly many?: boolean;
  /** True where nobody has to provide it. @default false */
  readonly mayBeAbsent?: boolean;
  /** Which candidates fit: names, tags and other conditions of the container. @default all */
  readonly accepts?: (candidate: Provider) => boolean;
  /** Seen while a dynamic value was made, and not declared anywhere. @default false */
  readonly observed?: boolean;
  /** Wanted through a permit: it has to be a factory, and nothing waits for it. @default false */
  readonly isGated?: boolean;
  /** Of a scope value: the kinds of scopes that have it. Nobody provides such a thing. */
  readonly valueIn?: readonly ScopeKind[];
}

/** Times in milliseconds that somebody wrote down for a service; what is missing has its default. */
export interface WrittenTimes {
  readonly startMs?: number | undefined;
  readonly stopMs?: number | undefined;
  readonly healthMs?: number | undefined;
  readonly healthEveryMs?: number | undefined;
}

/** The methods that make a class one with a lifecycle. */
export const LIFECYCLE = ['start', 'run', 'check', 'probe', 'drain', 'stop'] as const;

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
  readonly wants: readonly Wanted[];
  /** `file:line`; of a class worked out when somebody asks, because that costs. */
  readonly declaredAt: string | undefined;
  /** An external system that all replicas use. @default false */
  readonly shared?: boolean;
  readonly tags?: readonly string[];
  readonly times?: WrittenTimes;
  /** How the container names or tags this binding; two with one label under one key collide. @default '' */
  readonly label?: string;
  /** How long instances live in the container. @default 'singleton' */
  readonly scope?: 'singleton' | 'transient' | 'request';
  /** In scopes of which kind a scoped class has instances. @default 'run' */
  readonly scopeKind?: ScopeKind | undefined;
  /** Declared by another copy of this package. @default false */
  readonly isForeign?: boolean;
  /** Whether it has the method; `undefined` where nobody can know before it is built. */
  readonly hasMethod?: (name: string) => boolean | undefined;
  /** Methods that a token demands of whoever provides it, by the token's key. */
  readonly demands?: ReadonlyMap<unknown, readonly string[]>;
}
