/**
 * What stands behind the gate. Nothing of it exists before the gate is opening.
 */
import type { Container } from 'inversify';
import type { GatedFactory } from './app-server.ts';
import { declarationOf } from './declare/declaration.ts';
import type { Class } from './declare/dependency.ts';
import { coreError } from './errors.ts';
import type { GraphNode } from './graph/service-graph.ts';
import { reasonOf } from './redact.ts';

export class GatedFactories {
  readonly #container: Container;
  readonly #nodes: readonly GraphNode[];
  #resolved: readonly GatedFactory[] | undefined;

  /** @param nodes those of kind `factory`, but for the server itself, which exists already. */
  constructor(container: Container, nodes: readonly GraphNode[]) {
    this.#container = container;
    this.#nodes = nodes;
  }

  /** Known from their declarations. */
  get declared(): readonly { readonly name: string; readonly tag: unknown }[] {
    return this.#nodes.map(({ id, provider }) => ({ name: id, tag: tagOf(provider.target) }));
  }

  /** What was resolved; empty before. */
  get resolved(): readonly GatedFactory[] {
    return this.#resolved ?? [];
  }

  /**
   * Resolves all of them, once.
   *
   * @throws MusterError `FACTORY_FAILED`; then the next opening tries again.
   */
  resolve(): void {
    this.#resolved ??= this.#nodes.map(({ id, provider }) => {
      try {
        const instance = this.#container.get(provider.key as Class);
        return { name: id, tag: tagOf(provider.target), instance };
      } catch (error) {
        throw coreError('FACTORY_FAILED', { factory: id, reason: reasonOf(error) }, error);
      }
    });
  }
}

/** What the declaring decorator added. */
export function tagOf(target: unknown): unknown {
  return declarationOf(target as Class)?.tag;
}
