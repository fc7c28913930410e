/**
 * What stands behind the gate. Nothing of it exists before the gate is opening, and nothing half-made can be had.
 *
 * A factory is made the moment those that it depends on are ready, once, and keeps what it prepared over closings of the gate.
 */
import type { Container, ServiceIdentifier } from 'inversify';
import type { GatedFactory } from '../app-server.ts';
import { type Class, type Dependency, nameOf } from '../declare/dependency.ts';
import { tagOf } from '../declare/declaration.ts';
import { coreError } from '../errors.ts';
import type { GraphNode } from '../graph/graph-node.ts';
import type { Permit } from '../lifecycle/gate.ts';
import { SERVICE_DEFAULTS } from '../lifecycle/service-settings.ts';
import type { Surroundings } from '../lifecycle/surroundings.ts';
import { isThenable } from '../thenable.ts';
import { type FactoryParts, ManagedFactory } from './managed-factory.ts';

interface Placed {
  readonly factory: ManagedFactory;
  /** Other factories that it depends on. */
  readonly needs: readonly string[];
}

export class GatedFactories {
  readonly #placed = new Map<string, Placed>();
  readonly #byKey = new Map<unknown, ManagedFactory>();
  readonly #stopped = new AbortController();
  #resolved: readonly GatedFactory[] | undefined;

  /**
   * @param nodes factories, each after those that it depends on; without the server itself, which exists already.
   * @param renewed called when one of them has adopted what was made anew.
   * @param sharedBy how what a factory prepares is shared with other instances; nothing where it is not.
   * @param configOf what `configure()` gave the factory that answers to one of these keys.
   */
  constructor(
    container: Container,
    nodes: readonly GraphNode[],
    around: Surroundings,
    configOf: (keys: readonly unknown[]) => unknown,
    renewed: () => void,
    sharedBy: (node: GraphNode, config: unknown) => FactoryParts['shared'] = () => undefined,
  ) {
    const ids = new Set(nodes.map(({ id }) => id));
    for (const node of nodes) {
      const { id, provider, needs } = node;
      const keys = [provider.key, ...provider.aliases.map(({ key }) => key)];
      const config = configOf(keys);
      const shared = sharedBy(node, config);
      const parts: FactoryParts = {
        id,
        tag: tagOf(provider.target),
        construct: () => container.get(provider.key as ServiceIdentifier) as object,
        config,
        timeoutMs: provider.times?.startMs ?? SERVICE_DEFAULTS.startTimeoutMs,
        renewed,
        ...(shared === undefined ? {} : { shared }),
      };
      const factory = new ManagedFactory(parts, around, this.#stopped.signal);
      this.#placed.set(id, { factory, needs: needs.filter((need) => ids.has(need)) });
      for (const key of keys) this.#byKey.set(key, factory);
    }
  }

  /** Known from their declarations. */
  get declared(): readonly { readonly name: string; readonly tag: unknown }[] {
    return Array.from(this.#placed.values(), ({ factory: { id, tag } }) => ({ name: id, tag }));
  }

  /** Those that are ready. */
  get resolved(): readonly GatedFactory[] {
    if (this.#resolved !== undefined) return this.#resolved;
    const resolved = Array.from(this.#placed.values(), ({ factory }) => factory).flatMap(({ id, tag, instance }) =>
      instance === undefined ? [] : [{ name: id, tag, instance }],
    );
    // What is ready stays so, and every connection asks.
    if (resolved.length === this.#placed.size) this.#resolved = resolved;
    return resolved;
  }

  /** The one with this id; `undefined` for what is no factory of the app. */
  factory(id: string): ManagedFactory | undefined {
    return this.#placed.get(id)?.factory;
  }

  /** The one that answers to a dependency. */
  find(dependency: Dependency): ManagedFactory | undefined {
    return this.#byKey.get(dependency);
  }

  /**
   * The instance of a factory.
   *
   * @throws MusterError `PERMIT_DEAD` when the gate has closed since the permit was issued; `FACTORY_NOT_READY`.
   */
  get(permit: Permit, dependency: Dependency): object {
    if (!permit.live) throw coreError('PERMIT_DEAD', { what: nameOf(dependency) });
    return this.ready(dependency);
  }

  /** @throws MusterError `FACTORY_NOT_READY` */
  ready(dependency: Dependency): object {
    const factory = this.#byKey.get(dependency);
    const instance = factory?.instance;
    if (instance === undefined)
      throw coreError('FACTORY_NOT_READY', { factory: nameOf(dependency), state: factory?.state ?? 'absent' });
    return instance;
  }

  /** @throws MusterError `FACTORY_NOT_READY` or `FACTORY_FAILED` */
  async renew(dependency: Dependency): Promise<void> {
    const factory = this.#byKey.get(dependency);
    if (factory === undefined) throw coreError('FACTORY_NOT_READY', { factory: nameOf(dependency), state: 'absent' });
    await factory.renew();
  }

  /**
   * Makes all that are not ready, side by side where neither needs the other. Returns nothing when that took no time.
   *
   * @throws MusterError `FACTORY_FAILED` of the first that failed; those that need it are not tried.
   */
  make(): void | Promise<void> {
    const open = new Map<string, Promise<void>>();
    for (const [id, { factory, needs }] of this.#placed) {
      const awaited = needs.map((need) => open.get(need)).filter((need) => need !== undefined);
      const made = awaited.length === 0 ? factory.make() : Promise.all(awaited).then(() => factory.make());
      if (isThenable<void, Promise<void>>(made)) open.set(id, made);
    }
    if (open.size === 0) return undefined;
    return allOf([...open.values()]);
  }

  /** Ends what is under way. */
  stop(reason: unknown): void {
    this.#stopped.abort(reason);
  }
}

/** Resolves when all have ended; rejects with the failure of the first in order. */
async function allOf(open: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(open)) if (result.status === 'rejected') throw result.reason;
}

/** Lets the container hand out no factory before the gate is opening, whoever asks it. */
export function refuseEarly(container: Container, nodes: readonly GraphNode[], isEarly: () => boolean): void {
  for (const { provider } of nodes) {
    container.onActivation(provider.key as ServiceIdentifier, (_, instance) => {
      if (isEarly()) throw coreError('FACTORY_NOT_READY', { factory: nameOf(provider.key as Class), state: 'absent' });
      return instance;
    });
  }
}
