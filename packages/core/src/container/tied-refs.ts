/** `Ref`s while an app runs: each shows what it stands for while that is ready. */
import type { Container } from 'inversify';
import type { Class, Dependency } from '../declare/dependency.ts';
import { type GraphNode, keysOf } from '../graph/graph-node.ts';
import type { Refs } from './refs.ts';

export class TiedRefs {
  readonly #container: Container;
  readonly #refs: Refs;
  /** By the id of a node, the `Ref`s that stand for it. */
  readonly #tied = new Map<string, { readonly keys: readonly Dependency[]; readonly instance: object }>();

  constructor(container: Container, refs: Refs) {
    this.#container = container;
    this.#refs = refs;
  }

  /** What has no lifecycle is always there. */
  tie(nodes: readonly GraphNode[], instances: ReadonlyMap<string, object>): void {
    const wanted = new Set<unknown>(this.#refs.wanted);
    if (wanted.size === 0) return;
    for (const node of nodes) {
      const keys = keysOf(node).filter((key) => wanted.has(key)) as Dependency[];
      if (keys.length === 0) continue;
      const instance = instances.get(node.id);
      if (instance !== undefined) this.#tied.set(node.id, { keys, instance });
      else for (const key of keys) this.#refs.set(key, this.#container.get(key as Class));
    }
  }

  /** @param isHere asked where it is ready: a leader that stands by is, and still not here. */
  flipped(id: string, ready: boolean, isHere: () => boolean): void {
    const tied = this.#tied.get(id);
    if (tied === undefined) return;
    const current = ready && isHere() ? tied.instance : undefined;
    for (const key of tied.keys) this.#refs.set(key, current);
  }
}
