/**
 * What is injected for others: the `Ref`s of optional dependencies, filled while what they stand for is up, and the
 * `Gated`s of factories. All are bound before anything is built.
 */
import type { Container } from 'inversify';
import { declarationOf } from '../declare/declaration.ts';
import { type Class, type Dependency, gateTarget, type Ref, refKey, refTarget } from '../declare/dependency.ts';
import { GATED } from '../declare/edge.ts';
import type { Permit } from '../lifecycle/gate.ts';
import { bindingsOf } from './bindings.ts';
import { dependenciesOf } from './read-container.ts';

class Slot implements Ref<unknown> {
  current: unknown;
}

export class Refs {
  readonly #slots = new Map<Dependency, Slot>();

  /**
   * Binds a `Ref` for every optional dependency of what is bound in `container`, and a `Gated` for every gated one.
   *
   * @param give gets a factory out, for a permit.
   */
  bindAll(container: Container, give: (permit: Permit, factory: Dependency) => unknown): void {
    for (const binding of bindingsOf(container)) {
      if (binding.type !== 'Instance') continue;
      const target = binding.implementationType as Class;
      // Only a declaration of Muster's leads to such a key, so nobody else's metadata has to be looked through.
      const special = declarationOf(target)?.terms.some((terms) => terms === GATED || terms.need === 'optional');
      if (special !== true) continue;
      for (const key of dependenciesOf(target)) {
        const factory = gateTarget(key);
        if (factory !== undefined && !container.isBound(key))
          container.bind(key).toConstantValue({ get: (permit: Permit) => give(permit, factory) });
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
