/**
 * One open scope, and the scope of a user that others lie in: it lives from the first of them to the last.
 */
import type { Dependency, Provided } from '../declare/dependency.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';
import type { Principal } from '../principal.ts';
import type { CurrentRun } from './current.ts';
import type { Disposal } from './disposal.ts';
import { Instances } from './instances.ts';
import type { Layout } from './layout.ts';
import type { Scope } from './scopes.ts';

/** What a scope is told by and tells those who keep all of them. */
export interface Keeper {
  readonly disposal: Disposal;
  /** Grows when factories are renewed. */
  readonly epoch: number;
  /** Called once, when everything of the scope is disposed of. */
  closed(scope: LiveScope): void;
  /** Called once, when nothing of the user is open any more. */
  ended(user: UserScope): void;
}

const NO_VALUES: readonly unknown[] = [];

export class UserScope extends Instances {
  readonly principal: Principal;
  readonly keeper: Keeper;
  readonly epoch: number;
  /** The same user's of an older epoch, while anything of that is open. */
  #before: UserScope | undefined;
  /** Open scopes of each kind that lie in it; those of kind `user` are only handles on it. */
  openRuns = 0;
  openConnections = 0;
  #holders = 0;

  constructor(principal: Principal, root: Layout, keeper: Keeper, before: UserScope | undefined) {
    super(root);
    this.principal = principal;
    this.keeper = keeper;
    this.epoch = keeper.epoch;
    this.#before = before;
  }

  get isStale(): boolean {
    return this.epoch !== this.keeper.epoch;
  }

  get run(): undefined {
    return undefined;
  }
  get signal(): undefined {
    return undefined;
  }
  get values(): readonly unknown[] {
    return NO_VALUES;
  }
  get outer(): undefined {
    return undefined;
  }
  protected get disposal(): Disposal {
    return this.keeper.disposal;
  }

  /** Open scopes of this kind, those of older epochs included. */
  count(kind: ScopeKind): number {
    while (this.#before?.isOpen === false) this.#before = this.#before.#before;
    const own = kind === 'run' ? this.openRuns : kind === 'connection' ? this.openConnections : 0;
    return own + (this.#before?.count(kind) ?? 0);
  }

  hold(kind: ScopeKind): void {
    this.#holders += 1;
    if (kind === 'run') this.openRuns += 1;
    else if (kind === 'connection') this.openConnections += 1;
  }

  /** The last one ends it, and waits for that. */
  release(kind: ScopeKind): Promise<void> | undefined {
    this.#holders -= 1;
    if (kind === 'run') this.openRuns -= 1;
    else if (kind === 'connection') this.openConnections -= 1;
    if (this.#holders > 0) return undefined;
    this.keeper.ended(this);
    return this.end();
  }

  finished(): undefined {
    return undefined;
  }
}

export class LiveScope extends Instances implements Scope {
  readonly outer: UserScope;
  readonly run: CurrentRun | undefined;
  readonly signal: AbortSignal | undefined;
  readonly values: readonly unknown[];
  /** When it was opened, on the scale of `clock.monotonic()`, in whole milliseconds. */
  readonly openedAt: number;
  /** Its neighbours in the list of all: those opened before and after it. */
  before: LiveScope | undefined;
  after: LiveScope | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    root: Layout,
    outer: UserScope,
    given: { readonly run?: CurrentRun; readonly signal?: AbortSignal },
    values: readonly unknown[],
    openedAt: number,
  ) {
    super(root);
    this.outer = outer;
    this.run = given.run;
    this.signal = given.signal;
    this.values = values;
    this.openedAt = openedAt;
    outer.hold(root.kind);
  }

  get principal(): Principal {
    return this.outer.principal;
  }
  get isStale(): boolean {
    return this.outer.isStale;
  }
  protected get disposal(): Disposal {
    return this.outer.keeper.disposal;
  }

  /** One of kind `user` is a handle on the scope that all of that user's lie in. */
  override get<D extends Dependency>(dependency: D): Provided<D> {
    return this.kind === 'user' && this.isOpen ? this.outer.get(dependency) : super.get(dependency);
  }

  close(): Promise<void> {
    // What is disposed of here may call this once more, before there is anything to wait for.
    if (!this.isOpen) return this.#closing ?? DONE;
    return (this.#closing = this.end() ?? DONE);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  finished(): Promise<void> | undefined {
    const released = this.outer.release(this.kind);
    if (released !== undefined) return this.#closeAfter(released);
    this.outer.keeper.closed(this);
    return undefined;
  }

  async #closeAfter(released: Promise<void>): Promise<void> {
    await released;
    this.outer.keeper.closed(this);
  }
}

const DONE = Promise.resolve();
