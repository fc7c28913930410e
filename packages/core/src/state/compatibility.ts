/**
 * Keeps an instance's gate closed while an older one lives with which it cannot work side by side.
 *
 * Who joined first is in the store's own order, on which all agree, so of two that do not go together one always serves: the
 * older one is not disturbed, and the newcomer opens when it has gone.
 */
import { service } from '../declare/service.ts';
import type { Service, StartContext } from '../declare/service-contract.ts';
import { conflictOf } from './contract.ts';
import { type Instance, Instances } from './instances.ts';

@service({ dependsOn: [Instances], health: { awaited: false } })
export class ClusterCompatibility implements Service {
  readonly #instances: Instances;
  #end: (() => void) | undefined;

  constructor(instances: Instances) {
    this.#instances = instances;
  }

  start(ctx: StartContext): void {
    this.#end?.();
    let was: string | undefined;
    const look = (): void => {
      const conflicts = this.#conflicts();
      const is = conflicts.join('; ');
      if (is === was) return;
      was = is;
      ctx.report(is === '' ? { status: 'healthy' } : { status: 'unhealthy', reason: is });
    };
    this.#end = this.#instances.onChange(look);
    look();
  }

  stop(): void {
    this.#end?.();
    this.#end = undefined;
  }

  /** With whom it does not go together, and why. */
  #conflicts(): string[] {
    // Others may have opened because they know of it no more.
    if (!this.#instances.isKnown)
      return ['the store has not been reached for so long that other instances may have forgotten this one'];
    const [own, ...others] = this.#instances.list() as [Instance, ...Instance[]];
    return others.flatMap((other) => {
      const isOlder = (other.joined ?? 0) < (own.joined ?? 0);
      const conflict = isOlder ? conflictOf(own, other) : undefined;
      const version = other.version === null ? '' : ` (version ${other.version})`;
      return conflict === undefined ? [] : [`instance ${other.id}${version} ${conflict}`];
    });
  }
}
