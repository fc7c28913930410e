/**
 * Who is ready, derived from who is up and healthy, and kept current edge by edge.
 *
 * ready(s) = own(s) and all that s needs are ready. A change costs the edges it travels along, not the graph.
 */
interface Linked {
  readonly id: string;
  readonly needs: readonly string[];
  readonly neededBy: readonly string[];
}

interface Entry {
  readonly id: string;
  readonly needs: readonly string[];
  readonly neededBy: string[];
  /** Whether the service itself is up and healthy, whatever it depends on. */
  own: boolean;
  /** How many of its needs are not ready. */
  unready: number;
}

const NONE: readonly string[] = [];

/** A change of `ready(id)`. */
export type Flip = (id: string, ready: boolean) => void;

export class Readiness {
  readonly #entries: Map<string, Entry>;
  readonly #flipped: Flip;

  /** @param alwaysUp nodes without a lifecycle of their own. */
  constructor(nodes: readonly Linked[], alwaysUp: (id: string) => boolean, flipped: Flip) {
    this.#flipped = flipped;
    this.#entries = new Map(
      nodes.map(({ id, needs, neededBy }) => [
        id,
        { id, needs, neededBy: [...neededBy], own: false, unready: needs.length },
      ]),
    );
    for (const node of nodes) if (alwaysUp(node.id)) this.setOwn(node.id, true);
  }

  /** Adds an observer of `needs`: it flips when all of them are ready, and when one no longer is. */
  watch(id: string, needs: readonly string[]): void {
    for (const need of needs) this.#entries.get(need)?.neededBy.push(id);
    const unready = needs.filter((need) => !this.ready(need)).length;
    this.#entries.set(id, { id, needs, neededBy: [], own: true, unready });
  }

  ready(id: string): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.own && entry.unready === 0;
  }

  /** True when everything that the service needs is ready: it may start. */
  satisfied(id: string): boolean {
    return this.#entries.get(id)?.unready === 0;
  }

  /** Sets whether a service itself is up and healthy; every flip that follows from it is told before this returns. */
  setOwn(id: string, own: boolean): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.own === own) return;
    entry.own = own;
    if (entry.unready > 0) return;
    const flips: string[] = [];
    const open = [entry];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      flips.push(at.id);
      for (const dependent of at.neededBy) {
        const next = this.#entries.get(dependent) as Entry;
        const before = next.own && next.unready === 0;
        next.unready += own ? -1 : 1;
        if (before !== (next.own && next.unready === 0)) open.push(next);
        else if (next.unready === 0) flips.push(next.id);
      }
    }
    for (const flip of flips) this.#flipped(flip, own);
  }

  /**
   * `blockedBy` of every node at once, in one pass over `order`, which has each node after all that it needs.
   * Nodes that wait for the same causes share one list, so a long chain costs no more than its length.
   */
  causes(order: Iterable<string>): Map<string, readonly string[]> {
    const causes = new Map<string, readonly string[]>();
    for (const id of order) {
      const entry = this.#entries.get(id);
      if (entry === undefined || this.ready(id)) causes.set(id, NONE);
      else if (entry.unready === 0) causes.set(id, [id]);
      else {
        const lists = new Set(entry.needs.map((need) => causes.get(need) ?? NONE).filter((list) => list.length > 0));
        const [only = NONE] = lists;
        causes.set(id, lists.size < 2 ? only : [...new Set([...lists].flat())].sort());
      }
    }
    return causes;
  }

  /** The root causes why any of `ids` is not ready: what is not up though nothing it needs is unready; sorted. */
  blockedBy(ids: Iterable<string>): string[] {
    const causes = new Set<string>();
    const seen = new Set<string>(ids);
    const open = [...seen];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const entry = this.#entries.get(id);
      if (entry === undefined || this.ready(id)) continue;
      if (entry.unready === 0) causes.add(id);
      for (const need of entry.needs) {
        if (!seen.has(need)) {
          seen.add(need);
          open.push(need);
        }
      }
    }
    return [...causes].sort();
  }
}
