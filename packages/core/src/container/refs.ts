/**
 * The `Ref`s of optional dependencies: bound before anything is built, filled while what they stand for is up.
 */
import type { Container } from 'inversify';
import { declarationOf } from '../declare/declaration.ts';
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
      const target = binding.implementationType as Class;
      // Only a declaration of Muster's leads to such a key, so nobody else's metadata has to be looked through.
      if (declarationOf(target)?.terms.some(({ need }) => need === 'optional') !== true) continue;
      for (const key of dependenciesOf(target)) {
        const dependency = refTarget(key);
        if (dependency === undefined || this.#slots.has(dependency)) continue;
        const slot = new Slot();
        this.#slots.set(dependency, slot);
        container.bind(refKey(dependency)).toConstantValue(slot);
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
