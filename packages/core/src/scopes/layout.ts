/**
 * The compiled plan of a scope: in which order its instances are made, and where each argument comes from.
 *
 * A scope has its instances in one array, by their place in the plan. Asking for a further class leads from one layout to
 * the next, which is compiled once for all scopes that are asked for the same classes in the same order.
 */
import type { Class } from '../declare/dependency.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';

/** One class that is declared as scoped. */
export interface ScopedClass {
  readonly name: string;
  readonly kind: ScopeKind;
  /** What the declaring decorator added. */
  readonly tag: unknown;
  readonly target: Class;
  /** What it can be asked for by: the class itself, and tokens. */
  readonly keys: readonly unknown[];
  /** The keys of its constructor's arguments, in order. */
  readonly wants: readonly unknown[];
}

/** Where an argument comes from. */
export const FROM = { given: 0, made: 1, user: 2, principal: 3, run: 4, signal: 5, value: 6, fresh: 7 } as const;

export interface Argument {
  readonly from: (typeof FROM)[keyof typeof FROM];
  /** Place of the instance or of the value. */
  readonly at: number;
  /** A singleton, looked up once; or the key to look for. */
  readonly what: unknown;
}

/** How one instance is made and disposed of. */
export interface Step {
  readonly name: string;
  readonly target: Class;
  readonly args: readonly Argument[];
  /**
   * What disposes of it, as the first instance had it: all have the same. Null where there is none, and `undefined` while
   * nobody has looked: looking at each would cost more than making it.
   */
  disposer: Disposer | null | undefined;
}

/** What disposes of the instances of a class. */
export interface Disposer {
  readonly name: PropertyKey;
  /** A method of the class, called without being looked up; `undefined` for a field, which each instance has its own of. */
  readonly method: Method | undefined;
}

export type Method = (this: object) => unknown;

/** The names under which an instance is disposed of, the first that there is. */
const DISPOSERS: readonly PropertyKey[] = [Symbol.asyncDispose, Symbol.dispose, 'dispose'];

export function disposerOf(instance: object): Disposer | undefined {
  for (const name of DISPOSERS) {
    const method = (instance as Record<PropertyKey, unknown>)[name];
    if (typeof method === 'function')
      return { name, method: Object.hasOwn(instance, name) ? undefined : (method as Method) };
  }
  return undefined;
}

/** What layouts are compiled by. */
export interface Extender {
  extend(before: Layout, key: unknown): Layout;
  kindOf(key: unknown): ScopeKind | undefined;
}

/** So many further layouts are kept; beyond them one is compiled each time, so that no order of asking fills the memory. */
const MOST_KEPT = 256;

export class Layout {
  readonly kind: ScopeKind;
  readonly steps: readonly Step[];
  /** By key the place of its step. */
  readonly places: ReadonlyMap<unknown, number>;
  readonly #by: Extender;
  readonly #kept: { count: number };
  #next: Map<unknown, Layout> | undefined;

  constructor(
    kind: ScopeKind,
    steps: readonly Step[],
    places: ReadonlyMap<unknown, number>,
    by: Extender,
    kept = { count: 0 },
  ) {
    this.kind = kind;
    this.steps = steps;
    this.places = places;
    this.#by = by;
    this.#kept = kept;
  }

  /**
   * This layout with what has to be made for `key` behind it, its instance last; `undefined` for what the user's scope has.
   *
   * @throws MusterError `NOT_IN_SCOPE` when neither has such a class.
   */
  with(key: unknown): Layout | undefined {
    const known = this.#next?.get(key);
    if (known !== undefined) return known;
    if (this.kind !== 'user' && this.#by.kindOf(key) === 'user') return undefined;
    const made = this.#by.extend(this, key);
    if (this.#kept.count < MOST_KEPT) {
      this.#kept.count += 1;
      (this.#next ??= new Map()).set(key, made);
    }
    return made;
  }

  extended(steps: readonly Step[], places: ReadonlyMap<unknown, number>): Layout {
    return new Layout(this.kind, steps, places, this.#by, this.#kept);
  }
}
