/**
 * Compiles layouts from the scoped classes of an app: every instance once, each after all that it needs.
 */
import { nameOf } from '../declare/dependency.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';
import { valueKindsOf } from '../declare/scope-value.ts';
import { coreError } from '../errors.ts';
import { CurrentPrincipal, CurrentRun, CurrentSignal } from './current.ts';
import { type Argument, type Extender, FROM, Layout, type ScopedClass, type Step } from './layout.ts';

/** How a singleton is looked up. */
export interface Singletons {
  get(key: unknown): unknown;
  /** True for what the container makes anew each time. */
  isFresh(key: unknown): boolean;
}

/** A class and its place among all, each after all that it needs. */
interface Ranked {
  readonly scoped: ScopedClass;
  readonly rank: number;
}

export class Compiler implements Extender {
  readonly #byKey = new Map<unknown, Ranked>();
  readonly #singletons: Singletons;
  readonly #roots: Readonly<Record<ScopeKind, Layout>>;
  readonly #values: Readonly<Record<ScopeKind, readonly ValueNeed[]>>;

  /** @param classes each after all that it needs. */
  constructor(classes: readonly ScopedClass[], singletons: Singletons) {
    classes.forEach((scoped, rank) => {
      for (const key of scoped.keys) this.#byKey.set(key, { scoped, rank });
    });
    this.#singletons = singletons;
    const empty = (kind: ScopeKind): Layout => new Layout(kind, [], new Map(), this);
    this.#roots = { user: empty('user'), run: empty('run'), connection: empty('connection') };
    const needs = (kind: ScopeKind): readonly ValueNeed[] => valueNeeds(classes.filter((each) => each.kind === kind));
    this.#values = { user: needs('user'), run: needs('run'), connection: needs('connection') };
  }

  /** The layout of a scope that nobody has asked for anything. */
  root(kind: ScopeKind): Layout {
    return this.#roots[kind];
  }

  /** What has to be given to scopes of this kind beside what all have, in the order of its places. */
  values(kind: ScopeKind): readonly ValueNeed[] {
    return this.#values[kind];
  }

  /** In scopes of which kind it has instances; `undefined` for what is not scoped. */
  kindOf(key: unknown): ScopeKind | undefined {
    return this.#byKey.get(key)?.scoped.kind;
  }

  extend(before: Layout, key: unknown): Layout {
    const { kind } = before;
    const root = this.#byKey.get(key);
    if (root?.scoped.kind !== kind) {
      const from = root === undefined ? 'it is not scoped' : `it is scoped to a ${root.scoped.kind}`;
      throw coreError('NOT_IN_SCOPE', { name: nameOf(key), wanted: `a scope of kind ${kind}`, reason: from });
    }
    const steps = [...before.steps];
    const places = new Map(before.places);
    for (const { scoped } of this.#missing(before, root)) {
      steps.push(this.#step(scoped, places, kind));
      for (const each of scoped.keys) places.set(each, steps.length - 1);
    }
    return before.extended(steps, places);
  }

  /** The classes that have to be made for `root`, in the order of making. */
  #missing(before: Layout, root: Ranked): Ranked[] {
    const found = new Set<Ranked>([root]);
    for (const { scoped } of found) {
      for (const key of scoped.wants) {
        const need = this.#byKey.get(key);
        if (need === undefined || need.scoped.kind !== before.kind || before.places.has(key)) continue;
        found.add(this.#byKey.get(need.scoped.keys[0]) as Ranked);
      }
    }
    return [...found].sort((a, b) => a.rank - b.rank);
  }

  #step({ name, target, wants }: ScopedClass, places: ReadonlyMap<unknown, number>, kind: ScopeKind): Step {
    const args = wants.map((key) => this.#argument(key, places, kind));
    return { name, target, args, disposer: undefined };
  }

  #argument(key: unknown, places: ReadonlyMap<unknown, number>, kind: ScopeKind): Argument {
    if (key === CurrentPrincipal) return { from: FROM.principal, at: 0, what: undefined };
    if (key === CurrentRun) return { from: FROM.run, at: 0, what: undefined };
    if (key === CurrentSignal) return { from: FROM.signal, at: 0, what: undefined };
    const place = places.get(key);
    if (place !== undefined) return { from: FROM.made, at: place, what: undefined };
    if (this.#byKey.has(key)) return { from: FROM.user, at: 0, what: key };
    const at = this.#values[kind].findIndex(({ token }) => token === key);
    if (at >= 0) return { from: FROM.value, at, what: undefined };
    if (this.#singletons.isFresh(key)) return { from: FROM.fresh, at: 0, what: () => this.#singletons.get(key) };
    return { from: FROM.given, at: 0, what: this.#singletons.get(key) };
  }
}

/** A value of somebody's own that scopes of a kind have to be opened with, and a class that wants it. */
export interface ValueNeed {
  readonly token: unknown;
  readonly neededBy: string;
}

const OWN: ReadonlySet<unknown> = new Set([CurrentPrincipal, CurrentRun, CurrentSignal]);

function valueNeeds(classes: readonly ScopedClass[]): ValueNeed[] {
  const needs = new Map<unknown, ValueNeed>();
  for (const { name, wants } of classes) {
    for (const token of wants) {
      if (valueKindsOf(token) === undefined || OWN.has(token) || needs.has(token)) continue;
      needs.set(token, { token, neededBy: name });
    }
  }
  return [...needs.values()];
}
