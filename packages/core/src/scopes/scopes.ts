/**
 * `Scopes`: the only way to instances of scoped classes. A scope is opened with a permit, and everything in it is disposed
 * of when it is closed.
 */
import { type Dependency, type Provided, token } from '../declare/dependency.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';
import type { Given } from '../declare/scope-value.ts';
import type { Permit } from '../lifecycle/gate.ts';
import type { Principal } from '../principal.ts';
import type { CurrentRun } from './current.ts';
import type { ScopedClass } from './layout.ts';

interface OpeningOfAny {
  readonly permit: Permit;
  readonly principal: Principal;
}

interface OpeningOf<K extends ScopeKind> extends OpeningOfAny {
  /** Aborted when the run or the connection is to end; injected as `CurrentSignal`. */
  readonly signal: AbortSignal;
  /** Values of your own, made with `withValue`; the scope needs each that a class of its kind depends on. */
  readonly values?: readonly Given<K>[];
}

/** What a scope of kind `K` is opened with. */
export type Opening<K extends ScopeKind> = K extends 'user'
  ? OpeningOfAny
  : K extends 'run'
    ? OpeningOf<'run'> & { readonly run: CurrentRun }
    : OpeningOf<'connection'>;

/** One open scope. */
export interface Scope {
  readonly kind: ScopeKind;
  /** False from the moment of its closing on. */
  readonly isOpen: boolean;
  /**
   * The scope's instance of a class, made when it is first asked for, with all that it needs: all of it or nothing.
   *
   * @throws MusterError `SCOPE_CONSTRUCT_FAILED` naming the class whose constructor threw; what was made before is disposed of.
   * @throws MusterError `SCOPE_CLOSED`, `NOT_IN_SCOPE`, or `SCOPE_BUSY` when a constructor asks for more.
   */
  get<D extends Dependency>(dependency: D): Provided<D>;
  /** Disposes of everything in reverse order of making; resolves when that is over, never rejects. Twice is once. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Inject this to open scopes. */
export interface Scopes {
  /**
   * Opens a scope.
   *
   * @throws MusterError `PERMIT_DEAD` when the gate has closed since the permit was issued.
   * @throws MusterError `SCOPE_LIMIT` when the user has as many open scopes of this kind as the app allows.
   * @throws MusterError `SCOPE_VALUE_MISSING` when a class of this kind needs a value that is not given.
   */
  open<K extends ScopeKind>(kind: K, opening: Opening<K>): Scope;
  /** All scoped classes of the app, sorted by name. */
  declared(): readonly ScopedClass[];
}
export const Scopes = token<Scopes>('Scopes', { methods: ['open', 'declared'] });
