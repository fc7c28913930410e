/**
 * Classes of which there is one instance per use, and the only way to make one: with a live permit.
 */
import { coreError } from '../errors.ts';
import { token } from '../declare/dependency.ts';
import type { Permit } from '../lifecycle/gate.ts';

/** One class declared as scoped. */
export interface ScopedClass {
  readonly name: string;
  /** What the declaring decorator added. */
  readonly tag: unknown;
  /** The class's prototype, to see what its instances will have. */
  readonly prototype: object;
  /**
   * Makes an instance; its constructor gets the singletons that it depends on.
   *
   * @throws MusterError `PERMIT_DEAD` when the gate has closed since the permit was issued.
   */
  make(permit: Permit): object;
}

/** Inject this to find and make scoped classes. */
export interface ScopedClasses {
  /** All scoped classes of the app, sorted by name. */
  declared(): readonly ScopedClass[];
}
export const ScopedClasses = token<ScopedClasses>('ScopedClasses');

/** Ties a class's constructor to singletons that are looked up once, when the first instance is made. */
export function scopedClass(
  name: string,
  tag: unknown,
  target: new (...args: never[]) => object,
  resolve: () => readonly unknown[],
): ScopedClass {
  let dependencies: readonly unknown[] | undefined;
  return {
    name,
    tag,
    prototype: target.prototype as object,
    make(permit) {
      if (!permit.live) throw coreError('PERMIT_DEAD', { what: `An instance of ${name}` });
      dependencies ??= resolve();
      return new target(...(dependencies as never[]));
    },
  };
}
