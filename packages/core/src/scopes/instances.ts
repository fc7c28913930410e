/**
 * The instances of one scope: each made once, all or none of what one `get` needs, disposed of in reverse.
 */
import { MusterError } from '@muster/contracts';
import { type Class, type Dependency, nameOf, type Provided } from '../declare/dependency.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';
import { coreError } from '../errors.ts';
import type { Principal } from '../principal.ts';
import { reasonOf } from '../redact.ts';
import type { CurrentRun } from './current.ts';
import { type Disposal, dispose, type Finished } from './disposal.ts';
import { type Argument, FROM, type Layout, type Step } from './layout.ts';

const NONE: object[] = [];

/** `making` while constructors are called; one of them may bring it to its end. */
const PHASE = { open: 0, making: 1, endingWhileMaking: 2, ended: 3 } as const;

export abstract class Instances implements Finished {
  #layout: Layout;
  /** By their places in the layout. */
  #made: object[] = NONE;
  #phase: (typeof PHASE)[keyof typeof PHASE] = PHASE.open;
  #undoing: Promise<void> | undefined;

  constructor(root: Layout) {
    this.#layout = root;
  }

  abstract readonly principal: Principal;
  abstract readonly run: CurrentRun | undefined;
  abstract readonly signal: AbortSignal | undefined;
  abstract readonly values: readonly unknown[];
  /** True when factories were renewed since it was opened: what is new must not be put together with what was made before. */
  abstract readonly isStale: boolean;
  /** The instances of the scope's user; absent in that scope itself. */
  abstract readonly outer: Instances | undefined;
  protected abstract readonly disposal: Disposal;
  /** Called once, when everything is disposed of. */
  abstract finished(): Promise<void> | undefined;

  /** False from the beginning of its end on. */
  get isOpen(): boolean {
    return this.#phase < PHASE.endingWhileMaking;
  }

  get kind(): ScopeKind {
    return this.#layout.kind;
  }

  /**
   * The instance for this key; what it needs is made with it. A throw leaves everything as it was before.
   *
   * @throws MusterError `SCOPE_CONSTRUCT_FAILED` naming the class; `SCOPE_CLOSED`, `SCOPE_STALE`, `SCOPE_BUSY` or `NOT_IN_SCOPE`.
   */
  get<D extends Dependency>(dependency: D): Provided<D> {
    if (!this.isOpen) throw coreError('SCOPE_CLOSED', { kind: this.kind, wanted: nameOf(dependency) });
    const place = this.#layout.places.get(dependency);
    return (place === undefined ? this.#make(dependency) : this.#made[place]) as Provided<D>;
  }

  #make(key: Dependency): unknown {
    const before = this.#layout;
    if (this.#phase === PHASE.making) throw coreError('SCOPE_BUSY', { kind: this.kind, wanted: nameOf(key) });
    const layout = before.with(key);
    if (layout === undefined) return this.outer?.get(key);
    if (this.isStale) throw coreError('SCOPE_STALE', { kind: this.kind, wanted: nameOf(key) });
    const { steps } = layout;
    const base = before.steps.length;
    // Of the right length from the beginning: one that grows takes twice the memory.
    // oxlint-disable-next-line no-new-array
    const made = base === 0 ? new Array<object>(steps.length) : this.#made;
    let place = base;
    this.#phase = PHASE.making;
    try {
      for (; place < steps.length; place += 1) made[place] = construct(steps[place] as Step, made, this);
    } catch (error) {
      this.#undo(made.splice(base), place - base, steps.slice(base));
      throw asFailure(error, steps[place] as Step, this.kind);
    } finally {
      this.#phase = this.isOpen ? PHASE.open : PHASE.ended;
    }
    this.#made = made;
    this.#layout = layout;
    // Closed by one of the constructors: the end has waited for this, and disposes of it as well.
    if (!this.isOpen) throw coreError('SCOPE_CLOSED', { kind: this.kind, wanted: nameOf(key) });
    return made[place - 1];
  }

  /** Disposes of what was made before a constructor threw; who ends the scope waits for it. */
  #undo(half: readonly object[], count: number, steps: readonly Step[]): void {
    const before = this.#undoing;
    const undone = dispose(half.slice(0, count), steps, this.disposal, this, undefined);
    this.#undoing = before === undefined || undone === undefined ? (undone ?? before) : both(before, undone);
  }

  /**
   * From now on nothing can be had.
   *
   * @returns `undefined` when everything is disposed of already; else what resolves when it is, and never rejects.
   */
  protected end(): Promise<void> | undefined {
    const isMaking = this.#phase === PHASE.making;
    this.#phase = isMaking ? PHASE.endingWhileMaking : PHASE.ended;
    return isMaking || this.#undoing !== undefined ? this.#endLater() : this.#dispose();
  }

  /** What a constructor that has called this is part of is made or undone in the same tick. */
  async #endLater(): Promise<void> {
    await Promise.resolve();
    if (this.#undoing !== undefined) await this.#undoing;
    await this.#dispose();
  }

  #dispose(): Promise<void> | undefined {
    const made = this.#made;
    this.#made = NONE;
    return dispose(made, this.#layout.steps, this.disposal, this, this);
  }
}

async function both(one: Promise<void>, other: Promise<void>): Promise<void> {
  await one;
  await other;
}

/** Constructors of few arguments are called as they are: spreading a list costs more than the call. */
function construct(step: Step, made: readonly object[], around: Instances): object {
  const target: Class = step.target;
  const { args } = step;
  const at = (place: number): unknown => argument(args[place] as Argument, made, around);
  switch (args.length) {
    case 0:
      return new target();
    case 1:
      return new target(at(0));
    case 2:
      return new target(at(0), at(1));
    case 3:
      return new target(at(0), at(1), at(2));
    case 4:
      return new target(at(0), at(1), at(2), at(3));
    case 5:
      return new target(at(0), at(1), at(2), at(3), at(4));
    case 6:
      return new target(at(0), at(1), at(2), at(3), at(4), at(5));
    default:
      return new target(...args.map((each) => argument(each, made, around)));
  }
}

function argument(arg: Argument, made: readonly object[], around: Instances): unknown {
  switch (arg.from) {
    case FROM.given:
      return arg.what;
    case FROM.made:
      return made[arg.at];
    case FROM.user:
      return (around.outer as Instances).get(arg.what as Dependency);
    case FROM.principal:
      return around.principal;
    case FROM.run:
      return around.run;
    case FROM.signal:
      return around.signal;
    case FROM.value:
      return around.values[arg.at];
    case FROM.fresh:
      return (arg.what as () => unknown)();
  }
}

/** Names the class; of a failure further in, the class there has been named already. */
function asFailure(error: unknown, { name }: Step, kind: ScopeKind): MusterError {
  if (error instanceof MusterError && error.code === 'SCOPE_CONSTRUCT_FAILED') return error;
  return coreError('SCOPE_CONSTRUCT_FAILED', { class: name, kind, reason: reasonOf(error) }, error);
}
