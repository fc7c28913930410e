/**
 * Keeps all open scopes of an app: who may open one, which are open since when, and that all are closed in the end.
 */
import type { Clock } from '@muster/contracts';
import { nameOf } from '../declare/dependency.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';
import type { Given } from '../declare/scope-value.ts';
import { coreError } from '../errors.ts';
import type { Permit } from '../lifecycle/gate.ts';
import { isProbe, type Principal } from '../principal.ts';
import type { RuntimeEvents } from '../runtime-event.ts';
import { Compiler, type Singletons } from './compile.ts';
import type { CurrentRun } from './current.ts';
import { type Disposal, DISPOSE_MS } from './disposal.ts';
import type { ScopedClass } from './layout.ts';
import { type Keeper, LiveScope, UserScope } from './live-scope.ts';
import type { Opening, Scope, Scopes } from './scopes.ts';

export interface ScopeOptions {
  /** How many scopes of a kind one user may have open at the same time; one more is refused. @default no limit */
  readonly perUser?: { readonly run?: number; readonly connection?: number };
  /** Time for the disposal of one instance, in milliseconds; then the next one is disposed of. @default 5_000 */
  readonly disposeMs?: number;
}

/** What all openings have in common. */
interface AnyOpening {
  readonly permit: Permit;
  readonly principal: Principal;
  readonly run?: CurrentRun;
  readonly signal?: AbortSignal;
  readonly values?: readonly Given[];
}

/** The open scopes, as the dump shows them. */
export interface LiveScopes {
  readonly live: Readonly<Record<ScopeKind, number>>;
  readonly oldest: readonly { readonly kind: ScopeKind; readonly run: string | null; readonly ageMs: number }[];
}

/** So many of the oldest scopes are shown. */
const SHOWN = 5;
/** When a user at the limit may try again, in milliseconds. */
const RETRY_MS = 1_000;
const NO_VALUES: readonly unknown[] = [];

export class ScopeManager implements Scopes, Keeper {
  readonly disposal: Disposal;
  readonly #clock: Clock;
  readonly #limits: Readonly<Partial<Record<ScopeKind, number>>>;
  readonly #users = new Map<string, UserScope>();
  readonly #live = { user: 0, run: 0, connection: 0 };
  /** How often factories were renewed: what was opened before makes nothing new. */
  epoch = 0;
  #oldest: LiveScope | undefined;
  #newest: LiveScope | undefined;
  #declared: readonly ScopedClass[] = [];
  #compiler: Compiler;

  constructor(clock: Clock, events: RuntimeEvents, options: ScopeOptions = {}) {
    const { perUser = {}, disposeMs = DISPOSE_MS } = options;
    this.#clock = clock;
    this.#limits = perUser;
    this.#compiler = new Compiler([], NO_SINGLETONS);
    this.disposal = {
      clock,
      timeoutMs: disposeMs,
      fault: (error, { kind, run }) => {
        const correlation = run?.run ?? null;
        events.emit({ type: 'fault', component: `scope of a ${kind}`, correlation, error, at: clock.now() });
      },
    };
  }

  /** @param classes the scoped classes of the app, each after all that it needs. */
  adopt(classes: readonly ScopedClass[], singletons: Singletons): void {
    this.#compiler = new Compiler(classes, singletons);
    this.#declared = [...classes].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  declared(): readonly ScopedClass[] {
    return this.#declared;
  }

  open<K extends ScopeKind>(kind: K, opening: Opening<K>): Scope {
    const { permit, principal, values: given } = opening as AnyOpening;
    if (!permit.live || permit.isForProbes !== isProbe(principal))
      throw coreError('PERMIT_DEAD', { what: `A scope of kind ${kind}` });
    const values = given === undefined ? this.#valuesOf(kind, NO_GIVEN) : this.#valuesOf(kind, given);
    const user = this.#users.get(principal.user);
    const limit = this.#limits[kind];
    const open = user?.count(kind) ?? 0;
    if (limit !== undefined && open >= limit)
      throw coreError('SCOPE_LIMIT', { kind, open, limit, retryAfterMs: RETRY_MS });
    const outer = user === undefined || user.epoch !== this.epoch ? this.#openUser(principal, user) : user;
    const openedAt = Math.trunc(this.#clock.monotonic());
    const scope = new LiveScope(this.#compiler.root(kind), outer, opening as AnyOpening, values, openedAt);
    this.#live[kind] += 1;
    scope.before = this.#newest;
    if (this.#newest === undefined) this.#oldest = scope;
    else this.#newest.after = scope;
    this.#newest = scope;
    return scope;
  }

  closed(scope: LiveScope): void {
    const { before, after, kind } = scope;
    if (before === undefined) this.#oldest = after;
    else before.after = after;
    if (after === undefined) this.#newest = before;
    else after.before = before;
    scope.before = scope.after = undefined;
    this.#live[kind] -= 1;
  }

  /** Factories were made from something new, and what is open holds what was made from the old. */
  renewed(): void {
    this.epoch += 1;
  }

  ended(user: UserScope): void {
    const { user: name } = user.principal;
    // One that was opened after a renewal may stand there by now.
    if (this.#users.get(name) === user) this.#users.delete(name);
  }

  /** Closes whatever is open, and waits for what is being closed. Never rejects. */
  async closeAll(): Promise<void> {
    while (this.#newest !== undefined) {
      const closing: Promise<void>[] = [];
      for (let scope: LiveScope | undefined = this.#newest; scope !== undefined; scope = scope.before)
        closing.push(scope.close());
      await Promise.all(closing);
    }
  }

  /** What is open now; `undefined` when nothing is. */
  view(): LiveScopes | undefined {
    if (this.#oldest === undefined) return undefined;
    const now = this.#clock.monotonic();
    const oldest: { kind: ScopeKind; run: string | null; ageMs: number }[] = [];
    for (let scope: LiveScope | undefined = this.#oldest; scope && oldest.length < SHOWN; scope = scope.after)
      oldest.push({
        kind: scope.kind,
        run: scope.run?.run ?? null,
        ageMs: Math.max(0, Math.round(now - scope.openedAt)),
      });
    const { run, connection } = this.#live;
    return { live: { user: this.#users.size, run, connection }, oldest };
  }

  /** @param before the one of an older epoch, as long as that is open. */
  #openUser(principal: Principal, before: UserScope | undefined): UserScope {
    const user = new UserScope(principal, this.#compiler.root('user'), this, before);
    this.#users.set(principal.user, user);
    return user;
  }

  #valuesOf(kind: ScopeKind, given: readonly Given[]): readonly unknown[] {
    const needs = this.#compiler.values(kind);
    if (needs.length === 0) return NO_VALUES;
    return needs.map(({ token, neededBy }) => {
      const found = given.find((each) => each.token === token);
      if (found === undefined) throw coreError('SCOPE_VALUE_MISSING', { kind, value: nameOf(token), neededBy });
      return found.value;
    });
  }
}

const NO_GIVEN: readonly Given[] = [];

const NO_SINGLETONS: Singletons = { get: () => undefined, isFresh: () => false };
