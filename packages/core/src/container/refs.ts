/**
 * The `Ref`s of optional dependencies: bound before anything is built, filled while what they stand for is up.
 */
import type { Container } from 'inversify';
import { type Class, type Dependency, type Ref, refKey, refTarget } from '../declare/dependency.ts';
import { bindingsOf } from './bindings.ts';
import { dependenciesOf } from './read-container.ts';

class Slot implements Ref<unknown> {
  current: unknown;
}

export class Refs {
  readonly #slots = new Map<Dependency, Slot>();

  /** Binds a `Ref` for every optional dependency of what is bound in `container`. */
  bindAll(container: Container): void {
    for (const binding of bindingsOf(container)) {
      if (binding.type !== 'Instance') continue;
      for (const key of dependenciesOf(binding.implementationType as Class)) {
        const target = refTarget(key);
        if (target === undefined || this.#slots.has(target)) continue;
        const slot = new Slot();
        this.#slots.set(target, slot);
        container.bind(refKey(target)).toConstantValue(slot);
      }
    }
  }

  /** Dependencies that somebody holds a `Ref` of. */
  get wanted(): Iterable<Dependency> {
    return this.#slots.keys();
  }

  set(dependency: Dependency, current: unknown): void {
    const slot = this.#slots.get(dependency);
    if (slot) slot.current = current;
  }
}
